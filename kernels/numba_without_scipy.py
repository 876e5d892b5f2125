"""Numba's own functions, loaded without SciPy.

Before Numba first compiles a function, or loads one that it compiled, it imports all functions that it knows of NumPy,
and looks for SciPy's BLAS then. No loop here needs that (kernels/conv/blas.py takes BLAS's address itself), and
importing SciPy's linear algebra takes as long as importing Numba.
"""

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec

LOOKS_FOR_BLAS = "numba.np.arraymath"


@cache
def load_numba() -> None:
    """Import the module that looks for BLAS, and let it take BLAS for granted if SciPy is installed.

    It only notes that BLAS is there. Whatever calls BLAS later looks for it once more, and imports it.
    """
    linalg = import_module("numba.np.linalg")
    look = getattr(linalg, "ensure_blas", None)
    if look is None or LOOKS_FOR_BLAS in sys.modules or find_spec("scipy") is None:
        return
    linalg.ensure_blas = lambda: None
    try:
        import_module(LOOKS_FOR_BLAS)
    finally:
        linalg.ensure_blas = look
