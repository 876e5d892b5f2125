"""Tables, claims and figures of the part `confusing`."""

from collections.abc import Mapping, Sequence
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Folder, Table
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.controls import NAMES
from neurosim.studies.bayes.figures import image_grid
from neurosim.studies.bayes.judges import JUDGES
from neurosim.studies.bayes.part import Claim, by_group

HEADER = ["data", "attacked", "neurons"]
SAYS = {
    "agrees_plain": "agrees, plain", "agrees": "agrees", "own": "own", "agrees_small": "agrees, smallest",
    "own_small": "own, smallest",
}  # fmt: skip
SIZES = {"agrees": "by epsilon", "agrees_small": "by the smallest change"}


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return what the attacked and the judges say, and the controls."""
    says, controls = list[list[str]](), list[list[str]]()
    for (dataset, method, neurons), records in by_group(asked, finished):
        names = [dataset, NAMES[method], str(neurons)]
        answers = (percent(records, f"{judge}_{what}") for judge in JUDGES for what in SAYS)
        says.append(
            [
                *names,
                percent(records, "plain_success"),
                percent(records, "success"),
                _size(records, "smallest"),
                *answers,
            ]
        )
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
    groups = {group: records for group, records in by_group(asked, finished) if records}
    found = []
    for dataset in dict.fromkeys(dataset for dataset, _, _ in groups):
        of = {
            method: {
                width: records for (own, name, width), records in groups.items() if (own, name) == (dataset, method)
            }
            for method in NAMES
        }
        both = {neurons: (chips, of["twin"][neurons]) for neurons, chips in of["soft"].items() if neurons in of["twin"]}
        if both:
            found.append(_more_than_twin(f"attacks confuse: {dataset}", both, of))
    return found


def _more_than_twin(
    claim: str, both: Mapping[int, tuple[Sequence[Any], Sequence[Any]]], of: Mapping[str, Mapping[int, Sequence[Any]]]
) -> Claim:
    """Return the claim: yes if each judge agrees more with every chip than with any twin, by large and small changes.

    Partly if that is so of one judge by changes of one size, at every width.
    """
    texts, more = list[str](), dict[tuple[str, str], bool]()
    for neurons, pair in both.items():
        says = [
            f"target {_against(pair, 'success')} (along the own gradient alone {_against(pair, 'plain_success')})",
        ]
        for size, words in SIZES.items():
            judged = []
            for judge, name in JUDGES.items():
                chip, twin = (values_of(records, f"{judge}_{size}") for records in pair)
                more[judge, size] = more.get((judge, size), True) and bool(chip and twin) and min(chip) > max(twin)
                judged.append(f"{name} {_against(pair, f'{judge}_{size}')}")
            says.append(f"{words}, judges agree: {', '.join(judged)}")
        texts.append(f"{neurons} neurons, chip against twin, %: {'; '.join(says)}")
    others = [
        f"{NAMES[method]}, {neurons} neurons: 5-NN agrees on {percent(records, 'neighbours_agrees')} %, "
        f"by the smallest change {percent(records, 'neighbours_agrees_small')} %"
        for method in ("k-means", "twin-converged") for neurons, records in of[method].items()
    ]  # fmt: skip
    doubts = ["neighbours share the metric of prototypes", "epsilon is nearly the norm of an image"]
    doubts += [f"not so: {JUDGES[judge]}, {SIZES[size]}" for (judge, size), holds in more.items() if not holds]
    holds = "yes" if all(more.values()) else "partly" if any(more.values()) else "no"
    return Claim(claim, "; ".join(texts), holds, "; ".join([*doubts, *others]))


def _against(pair: tuple[Sequence[Any], Sequence[Any]], name: str) -> str:
    return " against ".join(percent(records, name) for records in pair)


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
        rows = [("image\nclass > target", first["clean"]), ("noise\n(5-NN says)", first["noise"])]
        titles = [f"{own} > {aim}" for own, aim in zip(first["labels"], first["targets"], strict=True)]
        titles += [f"({judged})" for judged in first["noise_judged"]]
        for method, arrays in found:
            name = NAMES[method].replace(", ", "\n", 1)
            for size, words in (("large", "epsilon"), ("small", "smallest change")):
                rows.append((f"{name}\n{words}\nsays (5-NN says)", arrays[size]))
                says = zip(arrays[f"{size}_said"], arrays[f"{size}_judged"], strict=True)
                titles += [f"{said} ({judged})" for said, judged in says]
        names += image_grid(rows, f"confusing-{dataset}-{neurons}.png", folder, titles=titles)
    return names
