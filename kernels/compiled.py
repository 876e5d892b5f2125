"""How loops are compiled and kept on disk: the one decorator of every function that Python calls.

Numba's cache watches only the file that defines a compiled function. If a cell, a constant or the fields of a named
tuple changed in another file, it would go on using the old code without an error. So an entry of the cache is stamped
with a SHA-256 over all sources that its function may be made of: the files of its own folder, those of `shared/`, and
this one.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.extending import register_jitable

KERNELS = Path(__file__).parent

# A stage of a loop takes the loop's named tuples by value. Called as a function, it would be passed all their arrays
# for every sample, which takes a third as long as a small layer's sample, so it is `inlined`. Numba hands this option
# on to all that an inlined stage calls: each of these would be inlined wherever it is called, and compiling would take
# half as long again. What is `not_inlined` stays a function, as does whatever it calls. For functions of the CPU only.
inlined, not_inlined = register_jitable(forceinline=True), register_jitable(forceinline=False)


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
        return lambda decorated: compiled(decorated, **options)
    options = {"error_model": "numpy", **options}
    dispatcher = njit(cache=True, **options)(function)
    if dispatcher is function:
        return function
    entries = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if not hasattr(entries, "_source_stamp"):  # another Numba: slow, but never stale
        return njit(**options)(function)
    entries._source_stamp = stamp(Path(function.__code__.co_filename))
    return dispatcher


@cache
def stamp(path: Path) -> str:
    """Return the hash of all sources that a function of a file may be made of."""
    path = path.resolve()
    is_single_file = path.parent == KERNELS.resolve()
    sources = {path, Path(__file__).resolve()} if is_single_file else set(path.parent.glob("*.py"))
    sources |= {Path(__file__).resolve(), *(KERNELS.resolve() / "shared").glob("*.py")}
    digest = hashlib.sha256()
    for source in sorted(sources):
        content = source.read_bytes()
        digest.update(f"{source.parent.name}/{source.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
