"""Tables, claims and figures of the part `confusing`."""

from collections.abc import Sequence
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Folder, Table
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.controls import NAMES
from neurosim.studies.bayes.figures import Row, image_grid
from neurosim.studies.bayes.judges import JUDGES
from neurosim.studies.bayes.part import MATTERS, Claim, Groups, above, by_group, by_stream, verdict, widths_of

HEADER = ["data", "attacked", "neurons"]
SAYS = {
    "agrees_plain": "agrees, plain", "agrees": "agrees", "own": "own", "agrees_small": "agrees, smallest",
    "own_small": "own, smallest",
}  # fmt: skip
SIZES = {"agrees": "by epsilon", "agrees_small": "by the smallest change"}
DOUBTS = {
    "agrees": "epsilon is nearly the norm of an image",
    "agrees_small": "of four changes, each half of the one before",
}


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return what the attacked and the judges say, and the controls."""
    says, controls = list[list[str]](), list[list[str]]()
    for (dataset, method, neurons), records in by_group(asked, finished):
        names = [dataset, NAMES[method], str(neurons)]
        answers = (percent(records, f"{judge}_{what}") for judge in JUDGES for what in SAYS)
        success = (percent(records, name) for name in ("plain_success", "success"))
        says.append([*names, *success, _size(records, "smallest"), *answers])
        controls.append([
            *names, *(percent(records, name) for name in (
                "accuracy", *(f"{judge}_accuracy" for judge in JUDGES),
                "noise_success", "neighbours_noise_target", "neighbours_noise_own", "energy", "noise_energy", "chance",
            )), _size(records, "epsilon"), _size(records, "mean_norm"),
        ])  # fmt: skip
    of_judge = [f"{name}: {words}" for name in JUDGES.values() for words in SAYS.values()]
    title = (
        "Targeted attacks, shown to judges, %: of those with success by the own gradient (plain), by others, too, "
        "and by the smallest change that did it: judges that agree, and that still see the own class"
    )
    controlled = "Targeted attacks: accuracies before, answers to noise of the same norm, changes along classes, %"
    return [
        Table("confusing", title, [*HEADER, "plain: target", "target", "smallest change", *of_judge], says),
        Table("confusing_controls", controlled, [
            *HEADER, "accuracy", *(f"{name} accuracy" for name in JUDGES.values()), "noise: target",
            "noise, 5-NN: target", "noise, 5-NN: own", "along classes", "noise along classes", "expected at random",
            "epsilon", "mean norm of images",
        ], controls),
    ]  # fmt: skip


def percent(records: Sequence[Any], name: str) -> str:
    """Return a share of the records as text in percent; those that have none are left out."""
    return spread([100 * value for value in values_of(records, name)], 1)


def values_of(records: Sequence[Any], name: str) -> list[float]:
    """Return a measure of the records that have it."""
    return [record[name] for record in records if record.get(name) is not None]


def _size(records: Sequence[Any], name: str) -> str:
    return spread(values_of(records, name), 2)


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return for each stream whether judges agree more often with the attacked chip than with the attacked twin."""
    return [
        _more_than_twin(f"attacks {words} confuse: {dataset}", groups, size)
        for dataset, groups in by_stream(asked, finished).items() if widths_of(groups, "soft", "twin")
        for size, words in SIZES.items()
    ]  # fmt: skip


def _more_than_twin(claim: str, groups: Groups, size: str) -> Claim:
    """Return the claim: yes if each judge agrees more with every chip than with any twin, at every width.

    Partly if that is so of one of the judges.
    """
    widths = widths_of(groups, "soft", "twin")
    more, texts = dict.fromkeys(JUDGES, True), []
    for neurons in widths:
        judged = []
        for judge, name in JUDGES.items():
            records = [groups[method, neurons] for method in ("soft", "twin")]
            chip, twin = ([100 * value for value in values_of(own, f"{judge}_{size}")] for own in records)
            more[judge] &= bool(chip and twin) and above(chip, twin)
            judged.append(f"{name} {' against '.join(percent(own, f'{judge}_{size}') for own in records)}")
        texts.append(f"{neurons} neurons {', '.join(judged)}")
    text = f"judges agree, chip against twin, %: {'; '.join(texts)}"
    doubts = [f"not {MATTERS:g} points above by {JUDGES[judge]}" for judge, holds in more.items() if not holds]
    doubts += [DOUBTS[size], "5-NN shares the metric of prototypes"]
    for neurons in widths_of(groups, "k-means")[:1]:
        agrees = percent(groups["k-means", neurons], f"neighbours_{size}")
        doubts.append(f"it agrees with k-means, {neurons} neurons, on {agrees} %")
    return Claim(claim, text, verdict(list(more.values())), "; ".join(doubts))


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw for each stream and width the same images, unchanged, with noise, and attacked through each classifier."""
    groups: dict[tuple[str, int], list[tuple[str, Any]]] = {}
    for cell in asked:
        if cell.name in finished and (arrays := folder.arrays(cell)):
            dataset, method, neurons = (cell.settings[name] for name in ("dataset", "method", "neurons"))
            groups.setdefault((dataset, neurons), []).append((method, arrays))
    names = []
    for (dataset, neurons), found in groups.items():
        first = found[0][1]
        aims = [f"{own} > {aim}" for own, aim in zip(first["labels"], first["targets"], strict=True)]
        rows = [
            Row("image\nclass > target", first["clean"], aims),
            Row("noise\n(5-NN says)", first["noise"], [f"({judged})" for judged in first["noise_judged"]]),
        ]
        for method, arrays in found:
            name = NAMES[method].replace(", ", "\n", 1)
            for size, words in (("large", "epsilon"), ("small", "smallest change")):
                says = zip(arrays[f"{size}_said"], arrays[f"{size}_judged"], strict=True)
                titles = [f"{said} ({judged})" for said, judged in says]
                rows.append(Row(f"{name}\n{words}\nsays (5-NN says)", arrays[size], titles))
        names += image_grid(rows, f"confusing-{dataset}-{neurons}.png", folder)
    return names
