"""What part `attacks` says: is SoftHebb more robust than its twin, and by what."""

from collections.abc import Sequence
from statistics import fmean

from neurosim.experiments.cells import Cell, Finished
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.attack_doubts import (
    Groups,
    records_of,
    strong_enough,
    transfers_are_weaker,
    unmasked,
    verdict,
    widths_of,
)
from neurosim.studies.bayes.attack_tables import (
    NORMS,
    left,
    of_kind,
    reference,
)
from neurosim.studies.bayes.attackers import NAMES
from neurosim.studies.bayes.controls import PASSES
from neurosim.studies.bayes.part import Claim

MATTERS = 5.0  # points of accuracy from which on a cause counts
PROTOTYPES = {  # what is changed if weights are no prototypes, and the two methods that differ in it
    "learned for random weights, soft labels": ("soft", "random"),
    "learned for random weights, ridge": ("soft-ridge", "random-ridge"),
    "SoftHebb for backpropagation": ("soft", "twin"),
    "SoftHebb for raw pixels": ("soft", "delta"),
}
SOFTNESS = {  # what is changed in softness alone
    "SoftHebb for hard WTA, both by a softmax": ("soft", "hard-soft"),
    "SoftHebb for hard WTA, both by the winner": ("soft-winner", "hard"),
    "a softmax for the winner, SoftHebb": ("soft", "soft-winner"),
    "a softmax for the winner, hard WTA": ("hard-soft", "hard"),
    "SoftHebb for k-means, both by a softmax": ("soft", "k-means"),
}
READOUTS = {
    "soft labels for a ridge, SoftHebb": ("soft", "soft-ridge"),
    "soft labels for a ridge, hard WTA": ("hard-soft", "hard-ridge"),
}


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return the claims of each stream, as far as what they compare is measured."""
    streams = dict.fromkeys(cell.settings["dataset"] for cell in asked)
    made = []
    for dataset in streams:
        accuracy, check, transfers = (
            {(method, neurons): records for (data, method, neurons), records in of_kind(kind, asked, finished)
             if data == dataset and records}
            for kind in ("accuracy", "check", "transfers")
        )  # fmt: skip
        made += [_robust(dataset, norm, accuracy) for norm in NORMS]
        made += [_origin(dataset, accuracy), unmasked(dataset, accuracy)]
        made += [strong_enough(dataset, check), transfers_are_weaker(dataset, accuracy, transfers)]
    return [claim for claim in made if claim is not None]


def _robust(dataset: str, norm: str, groups: Groups) -> Claim | None:
    """Compare SoftHebb with twins by the strongest attacks: it must be above, for all seeds, at every width."""
    epsilon, texts, kept = 0.0, [], []
    for twin in PASSES:
        for neurons in widths_of(groups, "soft", twin):
            epsilon = reference(groups["soft", neurons], norm)
            ours, theirs = (left(groups[method, neurons], norm, epsilon) for method in ("soft", twin))
            kept.append(min(ours) > max(theirs))
            texts.append(f"{neurons} neurons {spread(ours, 1)} against {spread(theirs, 1)} ({NAMES[twin]})")
    if not kept:
        return None
    reason = "by the strongest attack on each; the worst seed of SoftHebb against the best one of the twin"
    text = f"left at {epsilon:g}, %: {'; '.join(texts)}"
    return Claim(f"robust to {NORMS[norm]} attacks: {dataset}", text, verdict(kept), reason)


def _origin(dataset: str, groups: Groups) -> Claim | None:
    """Say what the robustness comes from, by classifiers that differ in one thing.

    A cause counts if it gives `MATTERS` points or more at both norms and every width.
    """
    effects = {cause: _effects(groups, *both) for cause, both in (PROTOTYPES | SOFTNESS | READOUTS).items()}
    effects = {cause: values for cause, values in effects.items() if values}
    counts = [cause for cause, values in effects.items() if min(values) >= MATTERS]
    prototypes, softness = (
        [cause in counts for cause in causes if cause in effects] for causes in (PROTOTYPES, SOFTNESS)
    )
    if not prototypes or not softness:
        return None
    holds = "no" if not all(prototypes) else "partly" if any(softness) else "yes"
    text = "; ".join(f"{cause} {min(values):+.1f} to {max(values):+.1f}" for cause, values in effects.items())
    records = next(iter(groups.values()))
    at = " and ".join(f"{NORMS[norm]} {reference(records, norm):g}" for norm in NORMS)
    reason = f"at least {MATTERS:g} points at both norms and every width by: {', '.join(counts) or 'nothing'}"
    return Claim(f"robust by prototypes, not by softness: {dataset}", f"points left at {at}: {text}", holds, reason)


def _effects(groups: Groups, method: str, control: str) -> list[float]:
    """Return how many points more one method has left than another, at each norm and width."""
    return [
        fmean(left(ours, norm, reference(ours, norm))) - fmean(left(others, norm, reference(ours, norm)))
        for neurons in widths_of(groups, method, control)
        for ours, others in [(records_of(groups, method, neurons), records_of(groups, control, neurons))]
        for norm in NORMS
    ]
