"""What part `attacks` says: is SoftHebb more robust than its twin, and by what."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Table
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.attackers import NAMES
from neurosim.studies.bayes.attacks_doubts import strong_enough, transfers_are_weaker, unmasked
from neurosim.studies.bayes.attacks_tables import NORMS, cells_of_kind, left, reference
from neurosim.studies.bayes.causes import causes_table, counts, effects, span
from neurosim.studies.bayes.controls import PASSES
from neurosim.studies.bayes.part import MATTERS, Claim, Groups, above, by_stream, ends, verdict, widths_of

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
CAUSES = {"prototypes": PROTOTYPES, "softness": SOFTNESS, "soft labels": READOUTS}


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return the claims of each stream, as far as what they compare is measured."""
    accuracy, check, transfers = (
        by_stream(cells_of_kind(kind, asked), finished) for kind in ("accuracy", "check", "transfers")
    )
    made = []
    for dataset in dict.fromkeys([*accuracy, *check, *transfers]):
        groups = accuracy.get(dataset, {})
        made += [_robust(dataset, norm, groups) for norm in NORMS]
        made += [_origin(dataset, groups), unmasked(dataset, groups)]
        made += [
            strong_enough(dataset, check.get(dataset, {})),
            transfers_are_weaker(dataset, groups, transfers.get(dataset, {})),
        ]
    return [claim for claim in made if claim is not None]


def table_of_causes(asked: Sequence[Cell], finished: Finished) -> Table:
    """Return what each cause gives at the epsilons at which classifiers are compared."""
    title = "Points of accuracy left by the strongest attack, over norms and widths"
    causes = PROTOTYPES | SOFTNESS | READOUTS
    return causes_table("attacks-causes", title, causes, _at_reference, cells_of_kind("accuracy", asked), finished)


def _at_reference(records: Sequence[Any]) -> list[float]:
    return [fmean(left(records, norm, reference(records, norm))) for norm in NORMS]


def _robust(dataset: str, norm: str, groups: Groups) -> Claim | None:
    """Compare SoftHebb with twins by the strongest attacks: it must be above at every width."""
    widths = {twin: found for twin in PASSES if (found := widths_of(groups, "soft", twin))}
    if not widths:
        return None
    epsilon = reference(next(iter(groups.values())), norm)
    pairs = {
        (twin, neurons): [left(groups[method, neurons], norm, epsilon) for method in ("soft", twin)]
        for twin, of_twin in widths.items() for neurons in of_twin
    }  # fmt: skip
    texts = [
        f"against {NAMES[twin]}: "
        + ", ".join(f"{k} neurons {' to '.join(spread(own, 1) for own in pairs[twin, k])}" for k in ends(of_twin))
        for twin, of_twin in widths.items()
    ]
    kept = [above(*pair) for pair in pairs.values()]
    reason = f"by the strongest attack on each; all seeds above all of the twin, by {MATTERS:g} points in the mean"
    text = f"left at {epsilon:g}, %: {'; '.join(texts)}"
    return Claim(f"robust to {NORMS[norm]} attacks: {dataset}", text, verdict(kept), reason)


def _origin(dataset: str, groups: Groups) -> Claim | None:
    """Say what the robustness comes from, by classifiers that differ in one thing, if all of them are measured.

    A cause counts if it gives `MATTERS` points or more at both norms and every width.
    """
    found = {kind: effects(groups, causes, _at_reference) for kind, causes in CAUSES.items()}
    if any(found[kind].keys() != CAUSES[kind].keys() for kind in ("prototypes", "softness")):
        return None
    counted = {kind: [cause for cause, points in own.items() if counts(points)] for kind, own in found.items()}
    prototypes = len(counted["prototypes"]) == len(PROTOTYPES)
    holds = "no" if not prototypes else "partly" if counted["softness"] else "yes"
    text = "; ".join(
        f"{kind} {span([value for points in by_cause.values() for value in points])}"
        for kind, by_cause in found.items() if by_cause
    )  # fmt: skip
    at = " and ".join(f"{NORMS[norm]} {reference(next(iter(groups.values())), norm):g}" for norm in NORMS)
    reason = (
        f"at least {MATTERS:g} points, at both norms and every width, by {len(counted['prototypes'])} of "
        f"{len(PROTOTYPES)} comparisons of prototypes, and of softness by: {', '.join(counted['softness']) or 'none'}"
    )
    return Claim(f"robust by prototypes, not by softness: {dataset}", f"points left at {at} by {text}", holds, reason)
