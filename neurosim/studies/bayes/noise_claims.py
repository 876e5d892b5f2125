"""What part `noise` says: is SoftHebb more robust than its twin, and what does its robustness come from."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from neurosim.experiments.cells import Cell, Finished
from neurosim.experiments.tables import spread
from neurosim.studies.bayes.controls import NAMES, PASSES
from neurosim.studies.bayes.corruptions import STRENGTHS
from neurosim.studies.bayes.part import Claim, by_group

Groups = Mapping[tuple[str, int], Sequence[Any]]  # measures of each method and width of one stream
REFERENCE = 0.5  # deviation of the Gaussian noise at which causes are compared
MATTERS = 0.05  # difference of accuracies, at every width, from which on a cause counts
CAUSES = {  # what is changed, and the two methods that differ in it
    "soft labels for a ridge": ("soft", "soft-ridge"),
    "soft labels for a ridge on hard WTA": ("hard", "hard-ridge"),
    "learned for random weights, soft labels": ("soft", "random"),
    "learned for random weights, ridge": ("soft-ridge", "random-ridge"),
    "SoftHebb for hard WTA": ("soft", "hard"),
    "SoftHebb for k-means": ("soft", "k-means"),
}


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return the claims of each stream, as far as both sides are measured."""
    streams: dict[str, dict[tuple[str, int], Sequence[Any]]] = {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if records:
            streams.setdefault(dataset, {})[method, neurons] = records
    made = [
        claim for dataset, groups in streams.items() for claim in (_robust(dataset, groups), _causes(dataset, groups))
    ]
    return [claim for claim in made if claim is not None]


def _widths(groups: Groups, *methods: str) -> list[int]:
    """Return the widths at which each of the methods is measured."""
    widths = dict.fromkeys(neurons for _, neurons in groups)
    return [neurons for neurons in widths if all((method, neurons) in groups for method in methods)]


def _accuracies(records: Sequence[Any], noise: str, strength: float) -> list[float]:
    """Return the accuracy of each seed."""
    return [point[1] for record in records for point in record["curves"].get(noise, ()) if point[0] == strength]


def _percent(accuracies: Sequence[float]) -> str:
    return spread([100 * value for value in accuracies], 1)


def _robust(dataset: str, groups: Groups) -> Claim | None:
    """Compare SoftHebb with twins: it must be above, for all seeds, at the strongest Gaussian noise and every width."""
    twins = [(method, neurons) for method in PASSES for neurons in _widths(groups, "soft", method)]
    if not twins:
        return None
    texts = [
        f"{neurons} neurons {_percent(_accuracies(groups['soft', neurons], 'Gaussian', REFERENCE))} against "
        f"{_percent(_accuracies(groups[method, neurons], 'Gaussian', REFERENCE))} ({NAMES[method]})"
        for method, neurons in twins
    ]
    lost = {
        noise: found for noise in STRENGTHS if (found := [twin for twin in twins if not _above(groups, twin, noise)])
    }
    failed = len(lost.get("Gaussian", ()))
    holds = "yes" if not failed else "no" if failed == len(twins) else "partly"
    where = "; ".join(
        f"{noise} {STRENGTHS[noise][-1]:g} ({len(found)} of {len(twins)} twins)" for noise, found in lost.items()
    )
    reason = f"not above the twin at {where}" if where else "above the twin at the strongest level of every noise"
    clean = [[fmean(_accuracies(groups[key], "Gaussian", 0)) for key in (("soft", twin[1]), twin)] for twin in twins]
    if better := sum(other > soft for soft, other in clean):
        reason += f"; without noise {better} of {len(twins)} twins are better"
    return Claim(f"robust to noise: {dataset}", f"Gaussian {REFERENCE}, %: {'; '.join(texts)}", holds, reason)


def _above(groups: Groups, twin: tuple[str, int], noise: str) -> bool:
    """Return whether SoftHebb is above a twin, whatever the seeds, at the strongest level of a noise that there is."""
    strength = STRENGTHS[noise][-1]
    soft, other = (_accuracies(groups[key], noise, strength) for key in (("soft", twin[1]), twin))
    return not soft or min(soft) > max(other)


def _causes(dataset: str, groups: Groups) -> Claim | None:
    """Compare methods that differ in one thing; the robustness is SoftHebb's own if no control comes near."""
    effects = {}
    for cause, (method, control) in CAUSES.items():
        differences = [
            fmean(_accuracies(groups[method, neurons], "Gaussian", REFERENCE))
            - fmean(_accuracies(groups[control, neurons], "Gaussian", REFERENCE))
            for neurons in _widths(groups, method, control)
        ]
        if differences:
            effects[cause] = differences
    if "SoftHebb for k-means" not in effects:
        return None
    texts = [f"{cause} {100 * min(values):+.1f} to {100 * max(values):+.1f}" for cause, values in effects.items()]
    counts = [cause for cause, values in effects.items() if min(values) >= MATTERS]
    own = [cause in counts for cause in ("SoftHebb for hard WTA", "SoftHebb for k-means") if cause in effects]
    holds = "yes" if all(own) else "partly" if any(own) else "no"
    reason = f"at least {100 * MATTERS:g} points at every width by: {', '.join(counts) or 'nothing'}"
    text = f"accuracy at Gaussian {REFERENCE}, points by width: {'; '.join(texts)}"
    return Claim(f"robustness to noise is SoftHebb's own: {dataset}", text, holds, reason)
