"""Part `priors`: shares that `LogPrior` learns, of a known mixture, and of classes that are not equally frequent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Table
from neurosim.experiments.tables import mean, number, spread
from neurosim.studies.bayes.figures import against_truth
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.known_mixtures import MIXTURES, TRUE_SHARES, learned_shares
from neurosim.studies.bayes.part import Claim, Grid, Part, Settings, by_group, by_stream, measured
from neurosim.studies.bayes.unequal import classes_by_prior

DRAWS = 5  # mixtures of a cell, each with directions, samples and first weights of its own
FOUND = 0.8  # cosine to a neuron, from which on a component counts as found
SMALL = 0.03  # largest error of a share that counts as learned


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the known mixtures, once for all streams, and the stream with classes of unequal shares."""
    methods = [] if not grid.first else ["radius-1", "radius-5"] if grid.fast else list(MIXTURES)
    synthetic = {"dataset": "synthetic", "train": None, "test": None, "train_samples": None, "neurons": 4}
    for method in methods:
        for seed in grid.seeds:
            yield synthetic | MIXTURES[method] | {"method": method, "draws": 1 if grid.fast else DRAWS, "seed": seed}
    for seed in grid.seeds if grid.first else ():
        yield grid.samples | {"method": "unequal", "neurons": 100 if grid.fast else 200, "seed": seed}


def measure(settings: Settings, images: Images | None) -> Outcome:
    """Measure a cell of either kind."""
    if images is None:
        draws = range(settings["seed"] * settings["draws"], (settings["seed"] + 1) * settings["draws"])
        return Outcome({"draws": [learned_shares(settings, draw) for draw in draws]}, {})
    return Outcome(classes_by_prior(settings, images), {})


def _variation(shares: Sequence[float], true: Sequence[float]) -> float:
    """Return the total variation, 0 to 1, between two distributions."""
    return float(abs(np.array(shares) - np.array(true)).sum() / 2)


class Learned(NamedTuple):
    """Of all draws of a mixture: how many have a component without a neuron, and the largest errors of the others."""

    draws: int
    missed: int
    errors: list[float]


def _learned(records: Sequence[Any], name: str) -> Learned:
    draws = [draw for record in records for draw in record["draws"]]
    whole = [draw[name] for draw in draws if min(draw[f"{name}_cosines"]) >= FOUND]
    errors = [float(abs(np.array(shares) - TRUE_SHARES).max()) for shares in whole]
    return Learned(len(draws), len(draws) - len(whole), errors)


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return errors of shares of known mixtures, and of classes with what a prior is good for."""
    mixtures, classes = [], []
    for (dataset, method, neurons), records in by_group(asked, finished):
        if dataset == "synthetic":
            for name in ("prior", "none"):
                draws, missed, errors = _learned(records, name)
                mixtures.append([method, name, str(draws), str(missed), number(mean(errors), 3),
                                 number(max(errors, default=None), 3)])  # fmt: skip
            continue
        for name in ("prior", "none"):
            own = [record[name] for record in records]
            apart = [[_variation(record[name][by], record["true"]) for record in records]
                     for by in ("shares", "responses")]  # fmt: skip
            columns = [spread(values, 3) for values in apart]
            columns += [spread([100 * each["accuracy"] for each in own], 1)]
            columns += [spread([each[by] for each in own], 3 - 2 * (by != "entropy"))
                        for by in ("entropy", "likelihood", "unused")]  # fmt: skip
            classes.append([dataset, name, str(neurons), *columns])
    of_mixtures = ["mixture", "bias", "draws", "with a component missed", "mean error of a draw", "largest error"]
    of_classes = ["data", "bias", "neurons", "by its shares", "by mean responses", "accuracy, %", "cross-entropy, nats",
                  "log-likelihood, nats", "neurons unused"]  # fmt: skip
    about = "Shares of known mixtures: by the prior, without one by mean responses; draws with no component missed"
    return [
        Table("priors", about, of_mixtures, mixtures),
        Table("classes", "Classes of unequal shares: total variation to the known shares", of_classes, classes),
    ]


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return: are priors of known mixtures learned, those of classes, and does a prior help."""
    found = []
    for dataset, groups in by_stream(asked, finished).items():
        if dataset == "synthetic":
            found.append(_known({method: records for (method, _), records in groups.items()}))
            continue
        for records in groups.values():
            found += [_of_classes(dataset, records), _helps(dataset, records)]
    return found


def _known(by_method: Mapping[str, Sequence[Any]]) -> Claim:
    """Return the claim: yes if every draw of every mixture is learned, partly if those of radius 5 are."""
    texts, fine = [], dict[str, bool]()
    for method, records in by_method.items():
        learned = _learned(records, "prior")
        fine[method] = learned.missed == 0 and max(learned.errors) <= SMALL
        texts.append(
            f"{method} {learned.draws - learned.missed} of {learned.draws} draws found, largest error "
            f"{number(max(learned.errors, default=None), 3)}"
        )
    holds = "yes" if all(fine.values()) else "partly" if fine.get("radius-5") else "no"
    failed = [method for method, passed in fine.items() if not passed]
    rule = f"found: each component by a neuron of cosine {FOUND} or more, and all shares within {SMALL}"
    reason = f"{rule}; not with {', '.join(failed)}" if failed else rule
    return Claim("priors of a known mixture are learned", "; ".join(texts), holds, reason)


def _of_classes(dataset: str, records: Sequence[Any]) -> Claim:
    """Return the claim: shares of the prior are nearer to the classes' than equal ones are."""
    prior, equal, mean_responses = (
        [_variation(record[name][by], record["true"]) for record in records]
        for name, by in (("prior", "shares"), ("none", "shares"), ("none", "responses"))
    )
    text = (
        f"total variation {spread(prior, 3)} by the prior, {spread(equal, 3)} by 1 / K, "
        f"{spread(mean_responses, 3)} by mean responses without a prior"
    )
    pairs = list(zip(prior, equal, strict=True))
    nearer = "partly" if all(by_prior < by_equal for by_prior, by_equal in pairs) else "no"
    holds = "yes" if all(by_prior <= by_equal / 2 for by_prior, by_equal in pairs) else nearer
    reason = (
        "yes: at most half of that by 1 / K in every seed; partly: lower. Neurons mix classes, whose shares they blur"
    )
    return Claim(f"priors of unequal classes are learned: {dataset}", text, holds, reason)


def _helps(dataset: str, records: Sequence[Any]) -> Claim:
    """Return the claim that labels are better predicted with a prior: lower cross-entropy in every seed."""
    prior, none = ([record[name] for record in records] for name in ("prior", "none"))
    entropy, right, nats = (
        " against ".join(spread([scale * each[by] for each in group], places) for group in (prior, none))
        for by, scale, places in (("entropy", 1, 3), ("accuracy", 100, 1), ("likelihood", 1, 1))
    )
    better = all(a["entropy"] < b["entropy"] for a, b in zip(prior, none, strict=True))
    text = f"{entropy} nats, {right} %; log-likelihood {nats} nats"
    reason = "soft labels are fitted to the same stream, so know the classes' shares without a prior, too"
    return measured(f"a prior helps to predict unequal classes: {dataset}", text, better, reason)


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw learned shares over true ones: of components whose neurons were found, and of classes."""
    panels: dict[str, list[tuple[str, list[float], list[float]]]] = {}
    for (dataset, method, _), records in by_group(asked, finished):
        if dataset == "synthetic" and records:
            draws = [draw for record in records for draw in record["draws"]]
            shown = [share for draw in draws for share in draw["prior"]]
            panels.setdefault("known mixtures", []).append((method, list(TRUE_SHARES) * len(draws), shown))
        elif records:
            true = [share for record in records for share in record["true"]]
            panels[f"classes, {dataset}"] = [
                (label, true, [share for record in records for share in record[name]["shares"]])
                for name, label in (("prior", "by the prior"), ("none", "by 1 / K"))
            ]
    return against_truth(panels, "priors.png", folder, xlabel="true share", ylabel="learned share")


PART = Part("priors", cells, measure, tables, claims, figures)
