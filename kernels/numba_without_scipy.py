"""Numba's own functions, loaded without SciPy.

Before Numba first compiles a function, or loads one that it compiled, it imports all functions that it knows of NumPy,
and looks for SciPy's BLAS then. No loop here uses BLAS so (kernels/conv/blas.py takes its address itself), and
importing SciPy's linear algebra takes as long as importing Numba.
"""

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

LOOKING_FOR_BLAS, BLAS = "numba.np.arraymath", "scipy.linalg.cython_blas"


@cache
def load_numba() -> None:
    """Import what looks for BLAS, and let it find an empty module if SciPy is installed.

    Numba only notes that BLAS is there. Whatever calls BLAS later imports the real module.
    """
    if LOOKING_FOR_BLAS in sys.modules or BLAS in sys.modules or find_spec("scipy") is None:
        return
    sys.modules[BLAS] = ModuleType(BLAS)
    try:
        import_module(LOOKING_FOR_BLAS)
    except Exception:  # of any kind, with another version of Numba: it will import the module itself
        sys.modules.pop(LOOKING_FOR_BLAS, None)
    finally:
        del sys.modules[BLAS]
