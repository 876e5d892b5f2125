"""Run a chip on a CUDA device: it learns the same bits as on the CPU, and its state file resumes on either.

Without a device, Numba can simulate one, very slowly: NUMBA_ENABLE_CUDASIM=1 python examples/on_a_device.py
"""

import sys

import numpy as np

import neurosim as ns

digits = np.stack([x for x, _ in ns.open_stream("digits")])[:20]
layer = ns.recipes.softhebb(8)

try:
    on_device = ns.Chip([layer], inputs=64, seed=0, device="cuda")
except ns.DeviceError as error:
    print(error)
    sys.exit()

on_device.learn(digits[:15])  # one launch carries a whole chunk, sample by sample
on_device.save("chip.h5")
resumed = ns.Chip.load("chip.h5")  # on the CPU
uninterrupted = ns.Chip([layer], inputs=64, seed=0).learn(digits)

print(f"layer 1: {on_device.layers[0].placement}")
print(f"the same bits as on the CPU: {resumed.learn(digits[15:]).state_sha256 == uninterrupted.state_sha256}")
