"""Part `likelihood`: the chip as a mixture of von Mises-Fisher components, against expectation maximisation."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.bayes import Mixture, layer_inputs
from neurosim.bayes.layers import direct
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Table
from neurosim.experiments.tables import number, spread
from neurosim.studies.bayes.chips import TEMPERATURE, new_chip
from neurosim.studies.bayes.figures import curves_and_levels
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.part import (
    CHECKPOINTS,
    FEWER,
    Claim,
    Grid,
    Groups,
    Part,
    Settings,
    by_group,
    by_stream,
    checkpoints,
    ends,
    measured,
    widths_of,
)

EM_STEPS = {100: 20, 200: 10, 1000: 3}  # each sees all training samples: at 1,000 neurons, twenty take minutes
FEW_STEPS = 3  # on a second stream
NEAR = 0.95  # cosine, from which on directions count as those of an EM step
COMPARED = 1000  # test samples whose responses are compared with the posterior of the mixture


class Seen(NamedTuple):
    """What the layer sees: float32 (samples, inputs)."""

    train: NDArray[np.float32]
    test: NDArray[np.float32]


def cells(grid: Grid) -> Iterator[Settings]:
    """Give soft and hard chips at up to three widths, and layer 2 at one; on a second stream one width of soft ones."""
    common = grid.samples | {"checkpoints": list(CHECKPOINTS if grid.first else FEWER)}
    widths = [neurons for neurons in grid.widths if neurons in EM_STEPS and (grid.first or neurons == 200)]
    for method in ("soft", "hard", "deep") if grid.first else ("soft",):
        for neurons in widths if method != "deep" else [neurons for neurons in widths if neurons == 200]:
            steps = (EM_STEPS[neurons] if grid.first else FEW_STEPS) if method != "hard" else 0
            for seed in grid.seeds:
                yield common | {"method": method, "neurons": neurons, "em_steps": steps, "seed": seed}


def measure(settings: Settings, images: Images) -> Outcome:
    """Let a chip learn, and hold its mixture against those of EM, of training samples and of their mean."""
    chip, deep = new_chip(settings, images), settings["method"] == "deep"
    first, curve = _mixture(chip), list[list[float]]()

    def watch(now: Chip) -> None:
        curve.append([now.samples, _mixture(now).log_likelihood(images.test)])

    if deep:  # the layer before changes what the last one sees, so likelihoods along the stream cannot be compared
        chip.learn(images.train)
    else:
        chip.learn(images.train, every=checkpoints(settings, len(images.train)), watch=watch)
    seen = (
        Seen(layer_inputs(chip, images.train), layer_inputs(chip, images.test))
        if deep
        else Seen(images.train, images.test)
    )
    last = _mixture(chip)
    curve = [[0, first.log_likelihood(seen.test)], *(curve or [[chip.samples, last.log_likelihood(seen.test)]])]
    found = {"curve": curve} | _controls(first, seen)
    if settings["method"] != "hard":
        found |= _against_em(first, last, seen, settings["em_steps"])
        found["difference"] = _difference(chip, last, images.test, seen.test)
    return Outcome(found, {})


def _mixture(chip: Chip) -> Mixture:
    """Return the mixture of the last layer's directions at SoftHebb's concentration, whatever it competes by."""
    return Mixture(direct(chip.layers[-1].weights.astype(np.float64)), 1 / TEMPERATURE)


def _controls(first: Mixture, seen: Seen) -> dict[str, float]:
    """Return likelihoods of as many training samples as directions, and of their mean alone."""
    rows = seen.train[seen.train.any(axis=1)][: first.components].astype(np.float64)
    centre = Mixture(first.directions[:1], first.concentration).em_step(seen.train)  # all belong to the one component
    return {
        "prototypes": Mixture(direct(rows), first.concentration).log_likelihood(seen.test),
        "centre": centre.log_likelihood(seen.test),
    }


def _against_em(first: Mixture, last: Mixture, seen: Seen, steps: int) -> dict[str, Any]:
    """Return likelihoods along EM from the first weights, and how far the learned mixture is from an EM step."""
    mixture, along, cosine = first, list[list[float]](), 0.0
    for step in range(1, steps + 1):
        after = mixture.em_step(seen.train)
        cosine = cosine if step > 1 else _cosine(mixture, after)
        mixture = Mixture(after.directions, first.concentration)  # equal shares, which are all that the chip can have
        along.append([step, mixture.log_likelihood(seen.test)])
    found: dict[str, Any] = {"em": along, "first_cosine": cosine}
    try:
        after = last.em_step(seen.train, concentration=True)
    except ConfigError:  # the samples hardly differ from the directions, so there is no spread to estimate
        return found | {"cosine": _cosine(last, last.em_step(seen.train)), "concentration": None, "fitted": None}
    fitted = Mixture(after.directions, after.concentration)
    found |= {"concentration": fitted.concentration, "fitted": fitted.log_likelihood(seen.test)}
    return found | {"cosine": _cosine(last, after)}


def _cosine(before: Mixture, after: Mixture) -> float:
    """Return the mean cosine of directions before and after a step, each weighted by its share, as the chip's own."""
    return float(after.shares @ (before.directions * after.directions).sum(axis=1))


def _difference(chip: Chip, last: Mixture, samples: NDArray[np.float32], seen: NDArray[np.float32]) -> float:
    """Return the mean total variation, 0 to 1, between the chip's responses and the mixture's posterior."""
    rows = np.flatnonzero(seen.any(axis=1))[:COMPARED]
    return float(abs(chip.posterior(samples[rows]) - last.posterior(seen[rows])).sum(axis=1).mean() / 2)


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return likelihoods before and after, of EM and of controls, and how near the chip is to EM."""
    rows, near = [], []
    for (dataset, method, neurons), records in by_group(asked, finished):
        names, all_of = [dataset, method, str(neurons)], _values(records)
        one, most = ([record["em"][index][1] for record in records if record.get("em")] for index in (0, -1))
        along = [_at(records, samples) for samples in (1000, 10_000)]
        likelihoods = [_ends(records, 0), *along, _ends(records, -1), one, most, *map(all_of, ("prototypes", "centre"))]
        rows.append([*names, *(spread(values, 1) for values in likelihoods)])
        if method != "hard":
            places = {"first_cosine": 3, "cosine": 3, "difference": 3, "concentration": 0, "fitted": 1}
            near.append([*names, *(spread(all_of(name), digits) for name, digits in places.items())])
    header = [
        "data", "method", "neurons", "0 samples", "1000", "10000", "one pass", "EM, 1 step", "EM, last step",
        "samples as directions", "their mean",
    ]  # fmt: skip
    of_near = [
        "data", "method", "neurons", "cosine before", "cosine after", "responses to posterior", "concentration of EM",
        "likelihood there",
    ]  # fmt: skip
    title = "Log-likelihood of test samples, nats; concentration 1 / temperature, equal shares"
    about = "How near the chip is to a step of EM; what that step estimates the concentration to be"
    return [Table("likelihood", title, header, rows), Table("em", about, of_near, near)]


def _values(records: Sequence[Any]) -> Any:
    """Return a function that gives a measure's numbers over seeds, without those that are not there."""
    return lambda name: [record[name] for record in records if record.get(name) is not None]


def _ends(records: Sequence[Any], index: int) -> list[float]:
    return [record["curve"][index][1] for record in records]


def _at(records: Sequence[Any], samples: int) -> list[float]:
    return [nats for record in records for seen, nats in record["curve"] if seen == samples]


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return, of each stream: does the likelihood rise, is a pass near a fixed point of EM, is soft above hard."""
    found = []
    for dataset, groups in by_stream(asked, finished).items():
        for method, layer in (("soft", "one layer"), ("deep", "layer 2 on its own inputs")):
            if widths_of(groups, method):
                found += [rule(f"{dataset}, {layer}", groups, method) for rule in (_rises, _near)]
        if widths_of(groups, "soft", "hard"):
            found.append(_soft_against_hard(dataset, groups))
    return found


def _rises(name: str, groups: Groups, method: str) -> Claim:
    """Return the claim by likelihoods before and after a pass, beside what EM gains from the same first weights."""
    widths, texts, fitted = widths_of(groups, method), [], []
    for neurons in ends(widths):
        records = groups[method, neurons]
        starts, after, em = _ends(records, 0), _ends(records, -1), [record["em"][-1] for record in records]
        gained = [100 * (b - a) / (e - a) for a, b, (_, e) in zip(starts, after, em, strict=True) if e > a]
        texts.append(
            f"{neurons} neurons {spread(starts, 1)} -> {spread(after, 1)} nats; EM, {em[0][0]} steps, "
            f"{spread([e for _, e in em], 1)}: {spread(gained, 0)} % of its gain"
        )
        all_of = _values(records)
        if all_of("concentration"):
            nats, concentration = (number(fmean(all_of(name)), 0) for name in ("fitted", "concentration"))
            fitted.append(f"{nats} nats at {concentration}")
    rose = all(
        end > start
        for neurons in widths for records in [groups[method, neurons]]
        for start, end in zip(_ends(records, 0), _ends(records, -1), strict=True)
    )  # fmt: skip
    centre = fmean(record["centre"] for neurons in widths for record in groups[method, neurons])
    reason = f"the samples' mean as the one direction has {centre:.1f} nats"
    if fitted:
        reason += f"; 1 / temperature is no estimate of the spread: as a density, fitted, {'; '.join(fitted)}"
    claim = f"a mixture of von Mises-Fisher components: likelihood rises: {name}"
    return measured(claim, "; ".join(texts), rose, reason)


def _near(name: str, groups: Groups, method: str) -> Claim:
    """Return the claim by the cosine to an EM step; the same cosine before learning must be lower."""
    widths, texts = widths_of(groups, method), []
    for neurons in ends(widths):
        records = groups[method, neurons]
        all_of, after = _values(records), fmean(_ends(records, -1))
        along = zip(*(record["em"] for record in records), strict=True)
        as_good = next((seeds[0][0] for seeds in along if fmean([nats for _, nats in seeds]) >= after), None)
        steps = f"after step {as_good}" if as_good else f"in none of {records[0]['em'][-1][0]} steps"
        cosines = f"{spread(all_of('first_cosine'), 3)} -> {spread(all_of('cosine'), 3)}"
        texts.append(f"{neurons} neurons cosine {cosines}; EM is as likely {steps}")
    near = all(
        record["cosine"] >= NEAR > record["first_cosine"] for neurons in widths for record in groups[method, neurons]
    )
    reason = f"directions only, cosine {NEAR} or more; near a fixed point is not yet the same path to it"
    return measured(f"one pass ends near a fixed point of EM: {name}", "; ".join(texts), near, reason)


def _soft_against_hard(dataset: str, groups: Groups) -> Claim:
    """Return the claim that soft competition finds likelier directions than hard, at the same concentration."""
    widths = widths_of(groups, "soft", "hard")
    after = {neurons: [_ends(groups[method, neurons], -1) for method in ("soft", "hard")] for neurons in widths}
    better = all(min(soft) > max(hard) for soft, hard in after.values())
    texts = [f"{neurons} neurons {' against '.join(spread(nats, 1) for nats in after[neurons])}" for neurons in widths]
    reason = "every seed above every one of hard, whose directions are as if learned at another concentration"
    claim = f"soft directions are likelier than hard ones: {dataset}"
    return measured(claim, f"{'; '.join(texts)} nats", better, reason)


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw the likelihood over samples, a panel for each stream, with the level of EM's last step."""
    curves, levels = {}, {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if method == "soft" and records:
            curves[dataset, neurons] = [record["curve"] for record in records]
            levels[dataset, neurons] = fmean([record["em"][-1][1] for record in records])
    ylabel = "log-likelihood, nats"
    return curves_and_levels(curves, levels, "likelihood.png", folder, level="EM, last step", ylabel=ylabel)


PART = Part("likelihood", cells, measure, tables, claims, figures)
