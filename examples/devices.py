"""Digits learned by cells of phase-change memory, and what is left of it when time has passed.

::

    python examples/devices.py
"""

import neurosim as ns
from neurosim.readouts.judge import measure

digits = ns.open_stream("digits")
for name, devices in (("exact synapses", None), ("phase-change memory", ns.Crossbar.pcm())):
    chip = ns.Chip([ns.recipes.softhebb(100, devices=devices)], inputs=64, seed=0).learn(digits)
    readouts = ns.Readouts.fit(chip, digits)
    print(f"{name}: {measure(readouts, chip, digits).winner_accuracy:.1%}")
for later, seconds in (("a second", 1.0), ("a day", 86_400.0), ("a year", 31_536_000.0)):
    aged = chip.with_constants(idle_s=seconds)
    print(f"  {later} later: {measure(readouts, aged, digits).winner_accuracy:.1%}")
