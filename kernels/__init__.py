"""The arithmetic of neurosim, on bare arrays; imported as `neurosim.kernels`.

What every file here keeps to:

- it imports math, numpy and numba, and no other file of the project: Numba's cache on disk watches only the file that
  defines a compiled function, so a constant or a cell kept elsewhere would go stale without a word (twins for CUDA,
  `*_cuda.py`, are not cached, take the cells of the CPU's file, and are imported by those who ask for a device);
- scalar cells come first, the loop that drives them last; a rule of plasticity is one cell, (potential, response,
  norm, trace, total, rate, parameters) to (decay, growth), the user's own (`own.py`) like the built-in ones;
- a loop takes arrays and scalars, writes in place, never allocates per sample and never raises: it returns how far it
  came, and the caller says what was wrong;
- sums have a fixed order, no `fastmath=True`, no atomics, no bare float literal (it would widen float32 to double).
"""
