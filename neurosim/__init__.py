"""Simulate a chip that learns on-line: soft winner-take-all layers, local Hebbian plasticity, one sample at a time."""

from pathlib import Path

import lazy_loader

# A wheel carries kernels/ inside this package (see package_dir in setup.cfg); in a source checkout it lies beside it.
if not (Path(__file__).parent / "kernels").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

# A public name is imported when it is first used: `neurosim --help` must not wait for Numba. `__init__.pyi` lists them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
