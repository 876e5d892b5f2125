"""What part `noise` says: is SoftHebb more robust than its twin, and what does its robustness come from."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Table
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.causes import causes_table, counts, effects, span
from neurosim.studies.bayes.controls import NAMES, PASSES
from neurosim.studies.bayes.corruptions import STRENGTHS
from neurosim.studies.bayes.part import MATTERS, Claim, Groups, above, by_stream, ends, verdict, widths_of

REFERENCE = 0.5  # deviation of the Gaussian noise at which causes are compared
OWN = {  # what would make the robustness SoftHebb's own: what is changed, and the two methods that differ in it
    "SoftHebb for hard WTA": ("soft", "hard"),
    "SoftHebb for k-means": ("soft", "k-means"),
}
CAUSES = OWN | {
    "soft labels for a ridge": ("soft", "soft-ridge"),
    "soft labels for a ridge on hard WTA": ("hard", "hard-ridge"),
    "learned for random weights, soft labels": ("soft", "random"),
    "learned for random weights, ridge": ("soft-ridge", "random-ridge"),
}


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return the claims of each stream, as far as both sides are measured."""
    made = [
        rule(dataset, groups) for dataset, groups in by_stream(asked, finished).items() for rule in (_robust, _causes)
    ]
    return [claim for claim in made if claim is not None]


def table_of_causes(asked: Sequence[Cell], finished: Finished) -> Table:
    """Return what each cause gives at the Gaussian noise at which they are compared."""
    title = f"Points of accuracy at Gaussian {REFERENCE:g}, over widths"
    return causes_table("noise-causes", title, CAUSES, _at_reference, asked, finished)


def _at_reference(records: Sequence[Any]) -> list[float]:
    return [fmean(_accuracies(records, "Gaussian", REFERENCE))]


def _accuracies(records: Sequence[Any], noise: str, strength: float) -> list[float]:
    """Return the accuracy of each seed, in %."""
    return [100 * point[1] for record in records for point in record["curves"].get(noise, ()) if point[0] == strength]


def _robust(dataset: str, groups: Groups) -> Claim | None:
    """Compare SoftHebb with twins: it must be above, at the strongest Gaussian noise and every width."""
    widths = {twin: widths_of(groups, "soft", twin) for twin in PASSES}
    twins = [(twin, neurons) for twin in PASSES for neurons in widths[twin]]
    if not twins:
        return None
    texts = [
        f"against {NAMES[twin]}: " + ", ".join(f"{neurons} neurons {_both(groups, twin, neurons)}" for neurons in shown)
        for twin in PASSES if (shown := ends(widths[twin]))
    ]  # fmt: skip
    kept = {noise: [_above(groups, twin, noise) for twin in twins] for noise in STRENGTHS}
    where = ", ".join(
        f"{noise} {STRENGTHS[noise][-1]:g} ({own.count(False)} of {len(twins)} twins)"
        for noise, own in kept.items() if not all(own)
    )  # fmt: skip
    reason = f"not {MATTERS:g} points above twins at {where}" if where else f"{MATTERS:g} points above at every noise"
    clean = [[fmean(_accuracies(groups[key], "Gaussian", 0)) for key in (("soft", twin[1]), twin)] for twin in twins]
    if better := sum(other > soft for soft, other in clean):
        reason += f"; without noise {better} of {len(twins)} twins are better"
    text = f"Gaussian {REFERENCE:g}, %: {'; '.join(texts)}"
    return Claim(f"robust to noise: {dataset}", text, verdict(kept["Gaussian"]), reason)


def _both(groups: Groups, twin: str, neurons: int) -> str:
    """Return accuracies of SoftHebb and of a twin under the Gaussian noise at which causes are compared, as text."""
    accuracies = (_accuracies(groups[method, neurons], "Gaussian", REFERENCE) for method in ("soft", twin))
    return " to ".join(spread(own, 1) for own in accuracies)


def _above(groups: Groups, twin: tuple[str, int], noise: str) -> bool:
    """Return whether SoftHebb is above a twin, whatever the seeds, at the strongest level of a noise that there is."""
    strength = STRENGTHS[noise][-1]
    soft, other = (_accuracies(groups[key], noise, strength) for key in (("soft", twin[1]), twin))
    return not soft or above(soft, other)


def _causes(dataset: str, groups: Groups) -> Claim | None:
    """Compare methods that differ in one thing; the robustness is SoftHebb's own if no control comes near."""
    found = effects(groups, CAUSES, _at_reference)
    if not OWN.keys() <= found.keys():
        return None
    text = "; ".join(f"{cause} {span(found[cause])}" for cause in OWN)
    others = [cause for cause, points in found.items() if cause not in OWN and counts(points)]
    reason = f"yes: {MATTERS:g} points at every width by both; as many by: {', '.join(others) or 'nothing else'}"
    claim = f"robustness to noise is SoftHebb's own: {dataset}"
    holds = verdict([counts(found[cause]) for cause in OWN])
    return Claim(claim, f"accuracy at Gaussian {REFERENCE:g}, points by width: {text}", holds, reason)
