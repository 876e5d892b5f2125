"""How loops are compiled and kept on disk: the one decorator of every function that Python calls.

Numba's cache watches the file that defines a compiled function, and no other: after an edit of a cell, a constant or a
named tuple in another file it would silently go on with the old code. So each entry of the cache is stamped with a
SHA-256 of all sources that its function may be made of: the files of its own folder, those of `shared/`, and this one.

The cache saves time, and nothing else depends on it: neurosim/kernels/code_cache.py.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.extending import register_jitable

from neurosim.kernels.code_cache import NoCache, cache_of

THIS_FILE = Path(__file__).absolute()  # links are not resolved: an editable install may link files one by one
KERNELS = THIS_FILE.parent

# Numba would also make a function for callers in C out of each function, with all its code in it once more. Nobody
# calls it, and optimising it takes an eighth of the time of compiling.
cell = register_jitable(no_cfunc_wrapper=True)

# A stage of a loop takes the loop's named tuples by value. Called as a function, it would be passed all their arrays
# for every sample, which takes a third as long as a small layer's sample, so it is `inlined`. Numba hands this option
# on to all that an inlined stage calls: each of these would be inlined wherever it is called, and compiling would take
# half as long again. What is `not_inlined` stays a function, as does whatever it calls. For functions of the CPU only.
inlined = register_jitable(forceinline=True, no_cfunc_wrapper=True)
not_inlined = register_jitable(forceinline=False, no_cfunc_wrapper=True)


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function when it is first called, and keep the code on disk as long as no source of it changes.

    Parameters
    ----------
    function : callable
        Of arrays and scalars. Division by zero gives infinity or NaN, as in NumPy, and does not raise.
    **options
        Of `numba.njit`.

    Returns
    -------
    Numba's dispatcher; the function itself where `NUMBA_DISABLE_JIT` is set
    """
    if function is None:
        return lambda function: compiled(function, **options)
    options = {"error_model": "numpy", "no_cfunc_wrapper": True, **options}
    dispatcher = njit(**options)(function)
    if dispatcher is function:
        return function
    source_stamp = stamp(Path(function.__code__.co_filename).absolute())
    # Without a stamp it is compiled in every process: slow, but never out of date.
    dispatcher._cache = NoCache(function) if source_stamp is None else cache_of(function, source_stamp)
    return dispatcher


def _digest(source: Path) -> str | None:
    return hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else None


# Taken when the first compiled loop is imported. CUDA's kernels lie one folder deeper, and are not kept on disk.
_DIGESTS = {source: _digest(source) for pattern in ("*.py", "*/*.py") for source in sorted(KERNELS.glob(pattern))}


@cache
def stamp(path: Path) -> str | None:
    """Return a hash of all sources that a function of a file may be made of.

    None if they cannot be read, or are no longer what they were when this module was imported: modules are imported
    late, so after an edit some may be old, and others new.
    """
    folders = {KERNELS / "shared", path.parent} - {KERNELS}  # a file beside this one imports none of its neighbours
    sources = [source for source in _DIGESTS if source.parent in folders or source in (path, THIS_FILE)]
    if path not in sources or any(_digest(source) != _DIGESTS[source] for source in sources):
        return None
    told = "".join(f"{source.relative_to(KERNELS).as_posix()} {_DIGESTS[source]}\n" for source in sources)
    return hashlib.sha256(told.encode()).hexdigest()
