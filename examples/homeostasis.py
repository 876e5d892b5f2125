"""What keeps neurons alive: adaptive thresholds, a given sum of weights, and steps divided by the largest change."""

import neurosim as ns

train, test = (ns.open_stream(f"digits:{part}") for part in ("train", "test"))
PLAIN = {"competition": ns.HardWTA(), "normalise": "sample", "initial": "uniform", "cap": 0.5}
# After Diehl and Cook (2015): the winner learns, its threshold rises, and its weights keep their sum.
THRESHOLD = ns.AdaptiveThreshold(step=0.02, leak=0.001)
LAYERS = {
    "winner alone": ns.DenseWTA(100, rule=ns.Instar(rate=0.05), weight_sum=5.0, **PLAIN),
    "with thresholds": ns.DenseWTA(100, rule=ns.Instar(rate=0.05), weight_sum=5.0, bias=THRESHOLD, **PLAIN),
    # After Journe et al. (2023): a window's step, divided by its largest change of a synapse, times each neuron's rate.
    "by the largest": ns.DenseWTA(
        100, rule=ns.SoftHebb(rate=0.1), competition=ns.SoftWTA(temperature=0.05), normalise="sample", radius=5.0,
        step="largest", window=10, cutoff=0.0,
    ),
}  # fmt: skip

for name, layer in LAYERS.items():
    chip = ns.Chip([layer], inputs=64, seed=0).learn(train)
    learned = chip.layers[0]
    judged = ns.judge(chip, train, test)
    sums = abs(learned.weights).sum(axis=1)
    print(
        f"{name:>15}: {(learned.wins > 0).mean():4.0%} of the neurons won, weights sum to {sums.min():.1f} to "
        f"{sums.max():.1f}, {judged.winner_accuracy:.1%} by the winner's label, {judged.readout_accuracy:.1%} linear"
    )
thresholds = ns.Chip([LAYERS["with thresholds"]], inputs=64, seed=0).learn(train).layers[0].state.activity
print(f"thresholds from {thresholds.min():.3f} to {thresholds.max():.3f}, in units of the potential")
