"""Learn handwritten digits on-line, one at a time, without labels; then measure how well the neurons separate them."""

import neurosim as ns

chip = ns.Chip([ns.recipes.softhebb(200)], inputs=64, seed=0)

for x, _label in ns.open_stream("digits:train"):
    response = chip.learn_one(x)  # .potentials .responses .winner .output

layer = chip.layers[0]
print(f"{chip.samples} samples learned, {(layer.wins > 0).mean():.0%} of the neurons won one or more")
print(f"weights {layer.weights.shape}, norms {layer.norms.min():.2f} to {layer.norms.max():.2f}")

judged = ns.judge(chip, ns.open_stream("digits:train"), ns.open_stream("digits:test"))
print(f"accuracy {judged.winner_accuracy:.1%} by the winner's label, {judged.readout_accuracy:.1%} by a linear readout")
