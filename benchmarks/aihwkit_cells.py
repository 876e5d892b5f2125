"""What aihwkit says of phase-change cells and of a crossbar's read, as numbers that `benchmarks.devices` compares with.

In an environment of its own, which has aihwkit and torch, and needs nothing of this package::

    python -m benchmarks.aihwkit_cells > tests/data/aihwkit_cells.json  # 1.1.0, a minute

Cells: mean and deviation of 20 x 50,000 conductances programmed to each target by `PCMLikeNoiseModel`, as programmed
and some seconds later, and the deviations of both over the 20. Reads: outputs of an analog tile with a converter
of 6 bits, of weights and inputs that `np.sin` makes, so that no file has to hold them.
"""

import json
import sys

import aihwkit
import numpy as np
import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import BoundManagementType, NoiseManagementType, TorchInferenceRPUConfig

TARGETS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
SECONDS = (1.0, 3600.0, 86400.0, 31536000.0)
REPEATS, CELLS = 20, 50_000
G_MAX = 25.0
INPUTS, OUTPUTS, READS = 96, 16, 8


def cells() -> list[dict]:
    """Return a row for each target and time; time 0 is the moment of programming, without noise of reading."""
    torch.manual_seed(0)
    model, rows = PCMLikeNoiseModel(g_max=G_MAX), []
    for target in TARGETS:
        wanted = torch.full((REPEATS, CELLS), target * G_MAX)
        programmed = model.apply_programming_noise_to_conductance(wanted)
        exponents = model.generate_drift_coefficients(wanted)
        for seconds in (0.0, *SECONDS):
            found = programmed
            if seconds > 0:
                found = model.apply_drift_noise_to_conductance(programmed, exponents, seconds)
            share = (found / G_MAX).double()
            means, deviations = share.mean(dim=1), share.std(dim=1)
            rows.append({
                "target": target, "seconds": seconds, "mean": means.mean().item(), "mean_error": means.std().item(),
                "deviation": deviations.mean().item(), "deviation_error": deviations.std().item(),
            })  # fmt: skip
    return rows


def reads(**forward: float) -> list[list[float]]:
    """Return outputs (reads, outputs) of an analog tile without noise."""
    given = TorchInferenceRPUConfig()
    given.mapping.weight_scaling_omega, given.mapping.weight_scaling_columnwise = 0.0, False
    given.mapping.max_input_size = given.mapping.max_output_size = 0
    io = given.forward
    io.inp_noise = io.out_noise = io.w_noise = 0.0
    io.inp_res = io.out_res = -1
    io.inp_bound, io.out_bound = 100.0, 1000.0
    io.noise_management, io.bound_management = NoiseManagementType.NONE, BoundManagementType.NONE
    for name, value in forward.items():
        setattr(io, name, value)
    layer = AnalogLinear(INPUTS, OUTPUTS, bias=False, rpu_config=given)
    layer.set_weights(torch.tensor(np.sin(np.arange(OUTPUTS * INPUTS)).reshape(OUTPUTS, INPUTS), dtype=torch.float32))
    inputs = np.abs(np.sin(0.7 * np.arange(READS * INPUTS))).reshape(READS, INPUTS)
    layer.eval()
    with torch.no_grad():
        return layer(torch.tensor(inputs, dtype=torch.float32)).double().tolist()


if __name__ == "__main__":
    told = {
        "aihwkit": aihwkit.__version__, "torch": torch.__version__, "numpy": np.__version__, "repeats": REPEATS,
        "cells": CELLS, "rows": cells(), "exact": reads(), "adc_bits": 6, "adc_range": 1.0,
        "converted": reads(out_bound=1.0, out_res=1 / (2**6 - 2)),
    }  # fmt: skip
    json.dump(told, sys.stdout, indent=1)
