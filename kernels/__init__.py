"""The arithmetic of neurosim, on bare arrays; imported as `neurosim.kernels`.

`dense/` and `conv/` each have a `layout` (the named tuples that a loop works on), one file for each stage, and
`stream`, the loop that calls the stages; `cuda/` inside each has the same stages for a device. `shared/` has the cells
that both use. `readout` trains the softmax readout, `timeline` simulates queues, `machine` measures memory and
arithmetic, and `own` compiles a user's rule.

Rules for every file here:

- Imports: math, numpy, numba, and other files of this package. Nothing that Python calls is compiled but by the
  decorator of `compiled.py`. It stamps Numba's cache with all sources that a function may be made of: its own folder,
  `shared/` and `compiled.py`. So code in `dense/` or `conv/` may use its own folder and `shared/`, and a file that lies
  beside this one may use `shared/` alone. CUDA kernels are not cached: they may use any file.
- Cells: scalar functions come first and loops last. A rule of plasticity is one cell: it takes potential, response,
  norm, trace, total, rate and parameters, and returns decay and growth. A user's rule (`own.py`) is such a cell too.
- Loops: they take arrays and scalars, write in place, never allocate per sample, and never raise. They return how many
  samples they took, and the caller raises the error.
- Sums: their order is fixed. No `fastmath=True`, no atomics, and no bare float literal, which would widen float32 to
  double.
- Named tuples: with more than a few fields they are built by keyword, since two fields swapped by position would
  compile. With more than fifteen keywords, Numba takes no condition within the call.
"""
