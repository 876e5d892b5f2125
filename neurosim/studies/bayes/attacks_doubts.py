"""What part `attacks` says against itself: are gradients masked, attacks too weak, or those of others stronger."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from neurosim.studies.bayes.attackers import NAMES
from neurosim.studies.bayes.attacks_tables import LARGEST, NORMS, OWN, REFERENCE, SOURCES, STRONGEST, left, reference
from neurosim.studies.bayes.part import Claim, Groups, ends, measured, records_of, verdict, widths_of

AGREES = 2.0  # points within which two attacks count as equally strong


def unmasked(dataset: str, groups: Groups) -> Claim | None:
    """Compare own gradients with the strongest attack, at every epsilon and width of SoftHebb with soft labels."""
    widths, texts = widths_of(groups, "soft"), []
    if not widths:
        return None
    for norm in NORMS:
        for neurons in ends(widths):
            pairs = _pairs(groups["soft", neurons], norm)
            at = reference(groups["soft", neurons], norm)
            worst = max(pairs, key=lambda epsilon: pairs[epsilon][0] - pairs[epsilon][1])
            words = (
                f"{epsilon:g}: {pairs[epsilon][0]:.1f} -> {pairs[epsilon][1]:.1f}" for epsilon in sorted({at, worst})
            )
            texts.append(f"{NORMS[norm]}, {neurons} neurons, {', '.join(words)}")
    gaps = {method: _largest_gap(groups, method) for method in dict.fromkeys(method for method, _ in groups)}
    own = gaps.pop("soft")
    reason = f"largest gap {own:.1f} points, where {AGREES:g} are allowed"
    if masked := [method for method, gap in gaps.items() if gap > AGREES]:
        most = max(masked, key=lambda method: gaps[method])
        reason += f"; more than that by {len(masked)} of {len(gaps)} others, {NAMES[most]} {gaps[most]:.1f}"
    text = f"left by own gradients -> by the strongest attack, %: {'; '.join(texts)}"
    return measured(f"no masking of gradients: {dataset}", text, own <= AGREES, reason)


def _pairs(records: Sequence[Any], norm: str) -> dict[float, tuple[float, float]]:
    """Return by epsilon what own gradients and the strongest attack leave, in %, the means over seeds."""
    return {
        point[0]: (fmean(left(records, norm, point[0], OWN)), fmean(left(records, norm, point[0], STRONGEST)))
        for point in records[0]["curves"][norm]
    }


def _largest_gap(groups: Groups, method: str) -> float:
    """Return by how many points the strongest attack leaves less than own gradients, at most, over all widths."""
    return max(
        own - strongest
        for (at, _), records in groups.items() if at == method
        for norm in NORMS for own, strongest in _pairs(records, norm).values()
    )  # fmt: skip


def strong_enough(dataset: str, groups: Groups) -> Claim | None:
    """Compare the attack of the study with one that costs a hundred times as much, and look at both ends."""
    if not groups:
        return None
    points = [
        (SOURCES[method.removeprefix("check-")], norm, [100 * value if column else value for column, value in pairs])
        for (method, _), records in groups.items() for record in records for norm in NORMS
        for pairs in (list(enumerate(point)) for point in record["check"][norm])
    ]  # fmt: skip
    changed = max(points, key=lambda point: point[2][2] - point[2][3])
    unharmed = all(values[1] == values[2] for _, _, values in points if values[0] == 0)
    destroyed = all(values[3] <= 1 for _, norm, values in points if values[0] == LARGEST[norm])
    name, norm, values = changed
    text = (
        f"largest difference {values[2] - values[3]:.1f} points ({name}, {NORMS[norm]} {values[0]:g}); epsilon 0 "
        f"{'leaves' if unharmed else 'changes'} the accuracy; the largest {'destroys' if destroyed else 'spares'} it"
    )
    kept = [values[2] - values[3] <= AGREES, unharmed, destroyed]
    reason = f"at most {AGREES:g} points by 200 steps, 5 restarts and the margin; what no attack found stays unknown"
    return Claim(f"attacks are as strong as they get: {dataset}", text, verdict(kept), reason)


def transfers_are_weaker(dataset: str, accuracy: Groups, groups: Groups) -> Claim | None:
    """Compare the strongest attack on SoftHebb with those along the gradients of others, at equal widths."""
    texts, kept = [], []
    for (_, neurons), records in groups.items():
        strongest = records_of(accuracy, "soft", neurons)
        for norm in NORMS if strongest else ():
            by_source = _by_source(records, norm)
            source = min(by_source, key=lambda name: by_source[name])
            found, epsilon = fmean(left(strongest, norm, REFERENCE[norm][0])), REFERENCE[norm][0]
            kept.append(found <= by_source[source] + AGREES)
            least = f"{by_source[source]:.1f} ({SOURCES[source]})"
            texts.append(f"{NORMS[norm]} {epsilon:g}, {neurons} neurons {found:.1f}, {least}")
    if not kept:
        return None
    reason = f"no other classifier's gradients may leave {AGREES:g} points less than the strongest attack"
    text = f"left by the strongest attack, the least by others, %: {'; '.join(texts)}"
    return Claim(f"no attack by transfer is stronger: {dataset}", text, verdict(kept), reason)


def _by_source(records: Sequence[Any], norm: str) -> dict[str, float]:
    """Return what is left of SoftHebb along the gradients of each source, in %, the mean over seeds."""
    left_by: dict[str, list[float]] = {}
    for record in records:
        for own, judged, source, value in record["transfers"]:
            if (own, judged) == (norm, "soft"):
                left_by.setdefault(source, []).append(100 * value)
    return {source: fmean(values) for source, values in left_by.items()}
