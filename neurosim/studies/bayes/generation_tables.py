"""Tables, claims and figures of the part `generation`."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from numpy.typing import NDArray

from neurosim.experiments.cells import Cell, Finished, Folder, Table
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.confusing_tables import percent, values_of
from neurosim.studies.bayes.controls import NAMES
from neurosim.studies.bayes.figures import image_grid
from neurosim.studies.bayes.judges import JUDGES
from neurosim.studies.bayes.part import Claim, by_group

MOST, HALF = 0.75, 0.5  # shares from which a claim holds, and from which it holds partly
KINDS = {"paths": "", "sharp": "; gradient of sharpened labels"}
CONCENTRATIONS = {"own": "the chip's", "fitted": "fitted by EM"}
OF_JUDGES = list(JUDGES.values())
Groups = Mapping[int, Sequence[Any]]


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
    of: dict[str, dict[int, Sequence[Any]]] = {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if method == "soft" and records:
            of.setdefault(dataset, {})[neurons] = records
    found = []
    for dataset, groups in of.items():
        found.append(_paths(f"interpolations along gradients: {dataset}", groups))
        if joined := _with(groups, "between_said"):
            found.append(_between(f"interpolations of prototypes: {dataset}", joined))
        if made := _with(groups, "drawn_own_said"):
            found.append(_drawn(f"samples of the mixture: {dataset}", made))
    return found


def _with(groups: Groups, name: str) -> Groups:
    """Return the records that have a measure, by width."""
    chosen = {width: _having(records, name) for width, records in groups.items()}
    return {width: records for width, records in chosen.items() if records}


def _least(groups: Groups, name: str) -> float:
    """Return the smallest of the widths' means."""
    return min(fmean(values_of(records, name)) for records in groups.values())


def _holds(least: float) -> str:
    return "yes" if least >= MOST else "partly" if least >= HALF else "no"


def _paths(claim: str, groups: Groups) -> Claim:
    """Return the claim by the nearest neighbours' share of paths that end in their target, at the worst width."""
    texts = [
        f"{neurons} neurons: the chip ends in the target on {percent(records, 'paths_said')} %, in a third class on "
        f"{percent(records, 'paths_stalled')} %; target by 5-NN {percent(records, 'paths_neighbours')} %, by random "
        f"features {percent(records, 'paths_features')} %"
        for neurons, records in groups.items()
    ]
    rule = f"yes if 5-NN sees the target at {100 * MOST:.0f} % of the ends, partly at {100 * HALF:.0f} %"
    if sharp := _with(groups, "sharp_said"):
        ends = " and ".join(percent(records, "sharp_neighbours") for records in sharp.values())
        rule += f"; a chip that is sure has gradients that lead nowhere: along those of sharpened labels {ends} %"
    return Claim(claim, "; ".join(texts), _holds(_least(groups, "paths_neighbours")), rule)


def _between(claim: str, groups: Groups) -> Claim:
    """Return the claim by the share of frames that nearest neighbours see as one of the two classes."""
    texts = [
        f"{neurons} neurons: {percent(records, 'between_neighbours')} % of frames are of either class by 5-NN, "
        f"{percent(records, 'between_features')} % by random features, {percent(records, 'between_said')} % by the chip"
        for neurons, records in groups.items()
    ]
    angle = " and ".join(spread(values_of(records, "between_angle"), 0) for records in groups.values())
    reason = f"the nearest prototypes are near: {angle} degrees; a label does not say that an image is clean"
    return Claim(claim, "; ".join(texts), _holds(_least(groups, "between_neighbours")), reason)


def _drawn(claim: str, groups: Groups) -> Claim:
    """Return the claim: yes if samples at the chip's own concentration are recognised, partly if at the fitted one."""
    texts = [
        f"{neurons} neurons, concentration {words}, {spread(values_of(records, f'drawn_{name}_concentration'), 0)}: "
        f"{percent(records, f'drawn_{name}_neighbours')} % are of the component's class by 5-NN"
        for neurons, records in groups.items() for name, words in CONCENTRATIONS.items()
    ]  # fmt: skip
    own, fitted = (_least(groups, f"drawn_{name}_neighbours") >= MOST for name in ("own", "fitted"))
    cosine = " and ".join(spread(values_of(records, "drawn_own_cosine"), 2) for records in groups.values())
    reason = f"cosine to the prototype at the chip's own: {cosine}; the rest is noise of equal strength in every pixel"
    return Claim(claim, "; ".join(texts), "yes" if own else "partly" if fitted else "no", reason)


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
    said, sure, judged = (arrays[f"{kind}_{what}"] for what in ("said", "sure", "judged"))
    rows = [("class, P\n(5-NN says)", list(frames)) for frames in arrays[f"{kind}_images"]]
    answers = zip(said.flat, sure.flat, judged.flat, strict=True)
    return image_grid(rows, f"{name}.png", folder, titles=[f"{own} {p:.2f} ({other})" for own, p, other in answers])


def _draw_samples(arrays: Mapping[str, NDArray[Any]], name: str, folder: Folder) -> list[str]:
    rows = [("prototype\n(class)", list(arrays["drawn_from"]))]
    titles = [f"({label})" for label in arrays["drawn_classes"]]
    for kind, words in CONCENTRATIONS.items():
        rows.append((f"concentration\n{words}\n(5-NN says)", list(arrays[f"drawn_{kind}"])))
        titles += [f"({label})" for label in arrays[f"drawn_{kind}_judged"]]
    return image_grid(rows, f"{name}.png", folder, titles=titles)
