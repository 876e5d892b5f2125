"""Dense layers of every kind: each competition, rule, bias, schedule and function once, at least."""

from typing import Any

import neurosim as ns

SOFT, HARD = ns.SoftWTA(temperature=0.5), ns.HardWTA()
RELATIVE = ns.SoftWTA(relative_temperature=0.2)
SOFTHEBB, OJA = ns.SoftHebb(rate=0.3), ns.Oja(rate=0.2)


@ns.rule
def tempered(response, potential, mean, total, rate=0.2, ceiling=1.5):
    """A rule of one's own that asks for all there is."""
    growth = rate * min(response, ceiling) / (1 + mean)
    return 1 - growth * potential, growth + 0.001 * total


def made(**constants: Any) -> dict[str, Any]:
    """Return constants by name."""
    return constants


LAYERS: dict[str, dict[str, Any] | None] = {
    "softhebb": made(competition=SOFT, rule=SOFTHEBB),
    "recipe": None,
    "signed": made(competition=ns.SoftWTA(temperature=0.5, signed=True), rule=SOFTHEBB, cutoff=0.0),
    "winner only": made(competition=ns.SoftWTA(temperature=0.5, winner_only=True), rule=SOFTHEBB),
    "hard": made(competition=HARD, rule=ns.Instar(rate=0.2)),
    "k winners": made(competition=ns.KWTA(winners=3), rule=OJA),
    "ranked": made(competition=ns.Ranked(rank=3), rule=ns.SoftHebb(rate=0.05), initial="normal", radius=1.0),
    "taught": made(competition=ns.Taught(), rule=SOFTHEBB),
    "corrected": made(competition=ns.Corrected(), rule=ns.Hebb(rate=0.2), initial="zeros"),
    "no inhibition": made(competition=ns.NoInhibition(), rule=ns.BCM(rate=0.05), initial="normal", radius=1.0,
                          activation=ns.ReLU()),
    "gate": made(competition=ns.SparseGate(share=0.4), rule=ns.Oja(rate=0.1), activation=ns.Softmax(temperature=0.5)),
    "signed gate": made(competition=ns.SparseGate(share=0.4, signed=True), rule=OJA, radius=1.0,
                        activation=ns.Softmax(temperature=0.5)),
    "hebbnet": made(competition=SOFT, rule=ns.HebbNet(rate=0.1), leak=0.1),
    "eghr": made(competition=ns.NoInhibition(), rule=ns.EGHR(rate=0.01, threshold=1.0), initial="normal", radius=0.5),
    "own rule": made(competition=SOFT, rule=tempered),
    "conscience": made(competition=HARD, rule=SOFTHEBB, bias=ns.Conscience(rate=0.1)),
    "mean activity": made(competition=SOFT, rule=SOFTHEBB, bias=ns.MeanActivity(), activation=ns.ReLU()),
    "adaptive threshold": made(competition=HARD, rule=SOFTHEBB, bias=ns.AdaptiveThreshold(step=0.1, leak=0.2)),
    "thresholds, window": made(competition=SOFT, rule=SOFTHEBB, bias=ns.AdaptiveThreshold(leak=0.2), window=2),
    "log prior": made(competition=SOFT, rule=SOFTHEBB, bias=ns.LogPrior()),
    "triangle": made(competition=SOFT, rule=SOFTHEBB, activation=ns.Triangle(power=2.0), transmit=ns.Triangle()),
    "softmax sent": made(competition=SOFT, rule=SOFTHEBB, transmit=ns.Softmax(temperature=0.3)),
    "softmax within": made(competition=SOFT, rule=SOFTHEBB, activation=ns.Softmax(temperature=0.3)),
    "stream norm": made(competition=SOFT, rule=SOFTHEBB, normalise="stream"),
    "sample norm": made(competition=SOFT, rule=SOFTHEBB, normalise="sample"),
    "window": made(competition=SOFT, rule=SOFTHEBB, window=4, cutoff=0.05),
    "window of means": made(competition=SOFT, rule=ns.HebbNet(rate=0.1), leak=0.1, window=3, bias=ns.LogPrior()),
    "window of totals": made(competition=ns.NoInhibition(), rule=ns.EGHR(rate=0.01, threshold=1.0), initial="normal",
                             radius=0.5, window=3),
    "p-norm": made(competition=SOFT, rule=SOFTHEBB, lebesgue=3.0),
    "p-norm, odd": made(competition=SOFT, rule=OJA, lebesgue=2.5, renormalise=True, initial="normal"),
    "sum of weights": made(competition=SOFT, rule=ns.Hebb(rate=0.5), weight_sum=3.0),
    "sum of weights, window": made(competition=HARD, rule=SOFTHEBB, weight_sum=3.0, window=2, leak=0.1),
    "renormalised": made(competition=SOFT, rule=ns.Hebb(rate=0.5), renormalise=True),
    "unlearned": made(competition=ns.SoftWTA(temperature=0.5, signed=True), rule=ns.Hebb(rate=2.0), renormalise=True,
                      initial="normal"),
    "leak": made(competition=SOFT, rule=SOFTHEBB, leak=0.2),
    "leak to nothing": made(competition=SOFT, rule=SOFTHEBB, leak=0.9),
    "eligibility": made(competition=SOFT, rule=SOFTHEBB, eligibility=0.7),
    "eligibility renormalised": made(competition=SOFT, rule=SOFTHEBB, eligibility=0.1, renormalise=True),
    "linear rate": made(competition=SOFT, rule=ns.SoftHebb(rate=ns.LinearRate(0.3, samples=8))),
    "exponential rate": made(competition=SOFT, rule=ns.SoftHebb(rate=ns.ExponentialRate(0.3, last=0.01, samples=8))),
    "rate by norm": made(competition=SOFT, rule=ns.SoftHebb(rate=ns.NormAdaptiveRate(0.3, power=0.7))),
    "rate by wins": made(competition=SOFT, rule=ns.SoftHebb(rate=ns.WinCountRate(0.3))),
    "few bits": made(competition=SOFT, rule=SOFTHEBB, weight_bits=4),
    "two bits, nearest": made(competition=SOFT, rule=SOFTHEBB, weight_bits=2, rounding="nearest"),
    "fold": made(competition=HARD, rule=ns.Instar(rate=1.0), cap=1.0, radius=1e5),
    "relative": made(competition=RELATIVE, rule=SOFTHEBB),
    "relative within": made(competition=RELATIVE, rule=SOFTHEBB, activation=ns.Softmax(temperature=0.3), window=3),
    "relative prior": made(competition=ns.SoftWTA(relative_temperature=0.3), rule=SOFTHEBB, bias=ns.LogPrior()),
    "samples": made(competition=SOFT, rule=SOFTHEBB, initial="samples", radius=2.0, transmit=ns.Triangle()),
    "relative samples": made(competition=RELATIVE, rule=SOFTHEBB, initial="samples", normalise="stream", radius=3.0),
    "samples of few bits": made(competition=RELATIVE, rule=SOFTHEBB, initial="samples", weight_bits=4, radius=2.0),
    "samples, two bits": made(competition=HARD, rule=SOFTHEBB, initial="samples", weight_bits=2, rounding="nearest"),
    "samples, p-norm": made(competition=ns.KWTA(winners=3), rule=OJA, initial="samples", lebesgue=3.0, window=2,
                            renormalise=True),
    "samples with habits": made(competition=HARD, rule=ns.Instar(rate=0.2), initial="samples", eligibility=0.5,
                                bias=ns.Conscience(rate=0.1)),
    "no instruments": made(competition=SOFT, rule=SOFTHEBB, instruments=False),
}  # fmt: skip


def every_layer(name: str, neurons: int) -> ns.DenseWTA:
    """Return a layer of a kind; "recipe" is `neurosim.recipes.softhebb`."""
    constants = LAYERS[name]
    return ns.recipes.softhebb(neurons) if constants is None else ns.DenseWTA(neurons, **constants)
