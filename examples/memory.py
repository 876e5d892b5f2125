"""Which synapses should share a word of memory? One run, priced on three layouts: python examples/memory.py."""

import neurosim as ns
from neurosim.hardware.table import joules

stream = ns.open_stream("digits:train")
chip = ns.Chip([ns.recipes.softhebb(500, weight_bits=8)], inputs=stream.inputs, seed=0)
counts = ns.hardware.count(chip, stream, warm_up=500)

for layout in ("input_major", "neuron_major", "transposable"):
    described = ns.hardware.load("cmos45-int8", {"memory.layout": layout})
    report = ns.hardware.price(counts, described).summary()
    done, spent = report["operations"], report["energy_split_J"]
    print(
        f"{layout:<13} {done['memory_read_word']['count']:7,.0f} words read to integrate, {joules(spent['inference'])};"
        f" {done['learning_write_word']['count']:4,.0f} updated by learning, {joules(spent['learning'])}"
    )
writes = counts.summary()["WeightUpdates"]
print(f"Learning changes {writes:.0f} synapses a sample, of a few neurons each, at the inputs that are not zero.")
