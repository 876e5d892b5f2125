"""The same chip on a CUDA device: the same bits, and a state file that goes on on either.

Without a device: NUMBA_ENABLE_CUDASIM=1 python examples/on_a_device.py lets Numba simulate one, very slowly.
"""

import sys

import numpy as np

import neurosim as ns

digits = np.stack([x for x, _ in ns.open_stream("digits")])[:20]
layer = ns.recipes.softhebb(8)

try:
    there = ns.Chip([layer], inputs=64, seed=0, device="cuda")
except ns.DeviceError as error:
    print(error)
    sys.exit()

there.learn(digits[:15])  # one launch carries a whole chunk, sample by sample
there.save("chip.h5")
here = ns.Chip.load("chip.h5")  # goes on on the CPU
straight = ns.Chip([layer], inputs=64, seed=0).learn(digits)

print(f"layer 1: {there.layers[0].placement}")
print(f"the same bits as on the CPU: {here.learn(digits[15:]).state_sha256 == straight.state_sha256}")
