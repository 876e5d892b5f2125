"""Tables, claims and figures of the part `generation`."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from numpy.typing import NDArray

from neurosim.experiments.cells import Cell, Finished, Folder, Table
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.confusing_report import percent, values_of
from neurosim.studies.bayes.controls import NAMES
from neurosim.studies.bayes.figures import Row, image_grid
from neurosim.studies.bayes.judges import JUDGES
from neurosim.studies.bayes.part import Claim, by_group, by_stream, widths_of

MOST, HALF = 0.75, 0.5  # shares from which a claim holds, and from which it holds partly
KINDS = {"paths": "", "sharp": "; gradient of sharpened labels"}
CONCENTRATIONS = {"own": "the chip's", "fitted": "fitted by EM"}
OF_JUDGES = list(JUDGES.values())
Chips = Mapping[int, Sequence[Any]]  # measures of the chips of one layer, by width


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return how paths end, what is between prototypes, and what samples of the mixture are."""
    along, between, drawn = list[list[str]](), list[list[str]](), list[list[str]]()
    for (dataset, method, neurons), records in by_group(asked, finished):
        for kind, words in KINDS.items():
            if (own := _having(records, f"{kind}_said")) or kind == "paths":
                along.append([dataset, NAMES[method] + words, str(neurons), *_ends(own, kind)])
        names = [dataset, NAMES[method], str(neurons)]
        if joined := _having(records, "between_said"):
            seen = (percent(joined, f"between_{who}") for who in ("said", *JUDGES, *(f"{own}_ends" for own in JUDGES)))
            between.append([*names, spread(values_of(joined, "between_angle"), 1), *seen])
        if made := _having(records, "drawn_own_said"):
            drawn += [[*names, words, *_samples(made, kind)] for kind, words in CONCENTRATIONS.items()]
    header = ["data", "classifier", "neurons"]
    judged = (
        f"{name}: {what}" for name in OF_JUDGES for what in ("target", "agrees at the target", "agrees, all frames")
    )
    return [
        Table("paths", "Paths along the gradient to another class: what their ends are, %", [
            *header, "target", "a third class", "the own class", *judged, "P(target) at the end",
            "distance, mean norms of an image",
        ], along),
        Table("interpolations", "Between the nearest prototypes of two classes: frames of either class, %", [
            *header, "angle, degrees", "by the chip", *OF_JUDGES, *(f"{name}: ends" for name in OF_JUDGES),
        ], between),
        Table("samples", "Samples of the mixture that are of their component's class, %", [
            *header, "concentration", "is", "mean cosine to the prototype", "by the chip", *OF_JUDGES,
        ], drawn),
    ]  # fmt: skip


def _ends(records: Sequence[Any], kind: str) -> list[str]:
    """Return what the ends of paths are, as the cells of a row."""
    of_judges = (f"{judge}{what}" for judge in JUDGES for what in ("", "_agrees", "_frames"))
    texts = [percent(records, f"{kind}_{name}") for name in ("said", "stalled", "stayed", *of_judges)]
    return [*texts, *(spread(values_of(records, f"{kind}_{name}"), 2) for name in ("sure", "moved"))]


def _samples(records: Sequence[Any], kind: str) -> list[str]:
    """Return what samples at one concentration are, as the cells of a row."""
    size, cosine = (values_of(records, f"drawn_{kind}_{what}") for what in ("concentration", "cosine"))
    return [spread(size, 0), spread(cosine, 3), *(percent(records, f"drawn_{kind}_{who}") for who in ("said", *JUDGES))]


def _having(records: Sequence[Any], name: str) -> list[Any]:
    """Return the records that have a measure."""
    return [record for record in records if name in record]


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return for each stream whether paths, interpolations and samples are of the class that they should be of."""
    found = []
    for dataset, groups in by_stream(asked, finished).items():
        chips = {neurons: groups["soft", neurons] for neurons in widths_of(groups, "soft")}
        for claim, rule, name in (
            ("interpolations along gradients", _paths, "paths_said"),
            ("interpolations of prototypes", _between, "between_said"),
            ("samples of the mixture", _drawn, "drawn_own_said"),
        ):
            if having := _with(chips, name):
                found.append(rule(f"{claim}: {dataset}", having))
    return found


def _with(chips: Chips, name: str) -> Chips:
    """Return the records that have a measure, by width."""
    chosen = {width: _having(records, name) for width, records in chips.items()}
    return {width: records for width, records in chosen.items() if records}


def _least(chips: Chips, name: str) -> float:
    """Return the smallest of the widths' means; 0 if it was never measured."""
    return min(fmean(values) if (values := values_of(records, name)) else 0.0 for records in chips.values())


def _holds(least: float) -> str:
    return "yes" if least >= MOST else "partly" if least >= HALF else "no"


def _paths(claim: str, chips: Chips) -> Claim:
    """Return the claim by the nearest neighbours' share of paths that end in their target, at the worst width."""
    texts = [
        f"{neurons} neurons: by the chip {percent(records, 'paths_said')}, by 5-NN "
        f"{percent(records, 'paths_neighbours')}, by random features {percent(records, 'paths_features')}"
        for neurons, records in chips.items()
    ]
    rule = f"yes if 5-NN sees the target at {100 * MOST:.0f} % of the ends, partly at {100 * HALF:.0f} %"
    if sharp := _with(chips, "sharp_said"):
        seen = " and ".join(percent(records, "sharp_neighbours") for records in sharp.values())
        rule += f"; a chip that is sure has gradients that lead nowhere: along those of sharpened labels {seen} %"
    text = f"ends that are of the target, %: {'; '.join(texts)}"
    return Claim(claim, text, _holds(_least(chips, "paths_neighbours")), rule)


def _between(claim: str, chips: Chips) -> Claim:
    """Return the claim by the share of frames that nearest neighbours see as one of the two classes."""
    texts = [
        f"{neurons} neurons: by 5-NN {percent(records, 'between_neighbours')}, by random features "
        f"{percent(records, 'between_features')}, by the chip {percent(records, 'between_said')}"
        for neurons, records in chips.items()
    ]
    angle = " and ".join(spread(values_of(records, "between_angle"), 0) for records in chips.values())
    reason = f"the nearest prototypes are near: {angle} degrees; a label does not say that an image is clean"
    text = f"frames of either class, %: {'; '.join(texts)}"
    return Claim(claim, text, _holds(_least(chips, "between_neighbours")), reason)


def _drawn(claim: str, chips: Chips) -> Claim:
    """Return the claim: yes if samples at the chip's own concentration are recognised, partly if at the fitted one."""
    texts = [
        f"{neurons} neurons "
        + ", ".join(
            f"{percent(records, f'drawn_{name}_neighbours')} ({words}, "
            f"{spread(values_of(records, f'drawn_{name}_concentration'), 0)})"
            for name, words in CONCENTRATIONS.items()
        )
        for neurons, records in chips.items()
    ]
    own, fitted = (_least(chips, f"drawn_{name}_neighbours") >= MOST for name in CONCENTRATIONS)
    cosine = " and ".join(spread(values_of(records, "drawn_own_cosine"), 2) for records in chips.values())
    reason = f"cosine to the prototype at the chip's own: {cosine}; the rest is noise of equal strength in every pixel"
    text = f"of the component's class by 5-NN, % (concentration): {'; '.join(texts)}"
    return Claim(claim, text, "yes" if own else "partly" if fitted else "no", reason)


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw frames of paths and interpolations, and samples of the mixture, of each cell that kept them."""
    names = []
    for cell in asked:
        arrays = folder.arrays(cell) if cell.name in finished else {}
        words = [str(cell.settings[name]) for name in ("dataset", "method", "neurons")]
        for kind in (*KINDS, "between"):
            if f"{kind}_images" in arrays:
                names += _draw_frames(kind, arrays, "-".join([kind, *words]), folder)
        if "drawn_from" in arrays:
            names += _draw_samples(arrays, "-".join(["samples", *words]), folder)
    return names


def _draw_frames(kind: str, arrays: Mapping[str, NDArray[Any]], name: str, folder: Folder) -> list[str]:
    """Draw every second frame of each path, a path in each row."""
    shown = (arrays[f"{kind}_{what}"][:, ::2] for what in ("images", "said", "sure", "judged"))
    rows = []
    for images, *answers in zip(*shown, strict=True):
        titles = [f"{own} {p:.2f} ({other})" for own, p, other in zip(*answers, strict=True)]
        rows.append(Row("class, P\n(5-NN says)", images, titles))
    return image_grid(rows, f"{name}.png", folder)


def _draw_samples(arrays: Mapping[str, NDArray[Any]], name: str, folder: Folder) -> list[str]:
    rows = [Row("prototype\n(class)", arrays["drawn_from"], [f"({label})" for label in arrays["drawn_classes"]])]
    for kind, words in CONCENTRATIONS.items():
        if f"drawn_{kind}" in arrays:
            judged = [f"({label})" for label in arrays[f"drawn_{kind}_judged"]]
            rows.append(Row(f"concentration\n{words}\n(5-NN says)", arrays[f"drawn_{kind}"], judged))
    return image_grid(rows, f"{name}.png", folder)
