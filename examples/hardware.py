"""Price each sample on described chips while a chip learns: python examples/hardware.py."""

import neurosim as ns
from neurosim.hardware.table import joules

stream = ns.open_stream("digits:train")
chip = ns.Chip([ns.recipes.softhebb(100, weight_bits=8)], inputs=stream.inputs, seed=0)

# One run is counted; its counts can be priced on every described chip.
counts = ns.hardware.count(chip, stream, warm_up=500)
for name in ns.hardware.names():
    described = ns.hardware.load(name)
    try:
        report = ns.hardware.price(counts, described)
    except ns.ConfigError as error:  # it does not fit, or the description has no price for learning
        print(f"{name:<12} {error}")
        continue
    low, value, high = report.energy_J.mean(axis=1)
    print(f"{name:<12} {joules(value)} a sample ({joules(low)} to {joules(high)})")

# Or sample by sample, in a loop of your own.
placed = ns.hardware.on(chip, "cmos45-int8")
for x, _ in ns.open_stream("digits:test"):
    cost = placed.learn_one(x).cost
print(f"the last one: {joules(cost.energy_J)}, of which learning {joules(cost.learning_J)}")
