"""The chip on a GPU beside PyTorch on the same: all that is to be measured there, in minutes, and one table of it.

::

    [NEUROSIM_DATA=DIR] python -m benchmarks.gpu_report [--minutes 8] [--json FILE] [--device cpu] [--only dense]

It needs PyTorch and numba-cuda beside the core, and nothing else; without NEUROSIM_DATA samples are made up. Every
section is a process of its own with its share of the time, so that a kernel that hangs, or one that spoils the GPU's
context, takes no other section's numbers along. What a section has found before it fails or is stopped stays in the
table. `--device cpu` runs all of it on the CPU, with small sizes: a test of the script, no measurement.

- `ours`: all that touches the chip on a GPU;
- `frame`: rows, the table, and rounds in which all take turns;
- `machine`: what the machine is, and how long its barriers and its memories take;
- `bits`: whether the chip on the GPU learns the bits of the one on the CPU;
- `speed`: times of a sample, ours and PyTorch's.
"""
