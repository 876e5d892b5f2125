"""How loops are compiled and kept on disk: the one decorator of every function that Python calls.

Numba's cache watches the file that defines a compiled function, and no other: after an edit of a cell, a constant or a
named tuple in another file it would silently go on with the old code. So each entry of the cache is stamped with a
SHA-256 of all sources that its function may be made of: the files of its own folder, those of `shared/`, and this one.

The cache saves time, and nothing else depends on it. What lies there broken is compiled anew and written over; where
nothing can be written, code is compiled in every process, with one warning.
"""

import hashlib
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import caching
from numba.extending import register_jitable
from numba.misc.appdirs import AppDirs

THIS_FILE = Path(__file__).absolute()  # links are not resolved: an editable install may link files one by one
KERNELS = THIS_FILE.parent

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
        return lambda function: compiled(function, **options)
    options = {"error_model": "numpy", **options}
    dispatcher = njit(**options)(function)
    if dispatcher is function:
        return function
    source_stamp = stamp(Path(function.__code__.co_filename).absolute())
    if source_stamp is not None:  # else compiled in every process: slow, but never out of date
        kept = _cache_of(function, source_stamp)
        dispatcher._cache = dispatcher._cache if kept is None else kept
    return dispatcher


def _cache_of(function: Callable[..., Any], source_stamp: str) -> Any:
    """Return the cache of a function; None with another version of Numba, or where no folder can be named."""
    try:
        kept = _FunctionCache(function)
    except (RuntimeError, OSError) as error:  # of NUMBA_CACHE_LOCATOR_CLASSES
        _warn_once(f"compiled code cannot be kept on disk: {error}")
        return None
    cache_file = getattr(kept, "_cache_file", None)
    known = ("_cache_path", "_index_path", "_source_stamp", "_data_name_pattern", "_version")
    if not all(hasattr(cache_file, name) for name in known):
        return None
    kept._cache_file = _CacheFile(cache_file, source_stamp)
    return kept


_warned: list[str] = []


def _warn_once(message: str) -> None:
    """Warn the first time in a process: there are many functions, and one reason."""
    if not _warned:
        _warned.append(message)
        warnings.warn(message, RuntimeWarning, stacklevel=2)


class _WithHome:
    """A locator of Numba's, unless it would make a folder that is called ~, as it does for a user without a home."""

    def __init__(self, locator: Any) -> None:
        self._locator = locator

    def from_function(self, function: Callable[..., Any], source: str) -> Any:
        """Return where the code of a function is kept; None if that folder cannot be written."""
        users = AppDirs(appname="numba", appauthor=False).user_cache_dir
        of_user = any(name in self._locator.__name__ for name in ("UserWide", "Zip"))
        return None if of_user and not Path(users).is_absolute() else self._locator.from_function(function, source)


class _BesideSource:
    """The folder beside the source, for reading only: a package may be installed with its compiled code.

    Saving fails there, and is then warned of: it is the last locator, taken if no folder can be written.
    """

    def __init__(self, function: Callable[..., Any], source: str) -> None:
        self._function, self._py_file = function, source

    @classmethod
    def from_function(cls, function: Callable[..., Any], source: str) -> "_BesideSource":
        """Return where the code of a function may lie."""
        return cls(function, source)

    def ensure_cache_path(self) -> None:
        """Leave the folder as it is."""

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(Path(self._py_file).parent / "__pycache__")

    def get_source_stamp(self) -> str:
        """Return no stamp of one file: `stamp` is used instead."""
        return ""

    def get_disambiguator(self) -> str:
        """Return what tells functions of the same name apart, as Numba's locators do."""
        return str(self._function.__code__.co_firstlineno)


class _CacheImpl(caching.CompileResultCacheImpl):
    """Where the compiled code of a function is kept: where Numba would keep it, and if that is nowhere, see above."""

    _locator_classes: Any = (*map(_WithHome, caching.CacheImpl._locator_classes), _BesideSource)


class _FunctionCache(caching.FunctionCache):
    """Numba's cache of a function, without which the function is compiled all the same."""

    _impl_class = _CacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for a signature; None if there is none that can be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # of any kind: what is broken may raise anything
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature if it can be kept."""
        try:
            super().save_overload(sig, data)
        except (OSError, pickle.PicklingError) as error:
            _warn_once(
                f"compiled code cannot be kept in {self.cache_path}, so every process compiles it anew: {error}; "
                "NUMBA_CACHE_DIR may name another folder"
            )


class _CacheFile(caching.IndexDataCacheFile):
    """The files of a function: an index, and one of compiled code for each signature, each followed by its SHA-256.

    Numba numbers the files of compiled code. Two processes that compile for different types at once may both take the
    next number, and the code of the one would then be loaded for the types of the other. So a file is also named by
    the types of its arguments.

    Parameters
    ----------
    numbas : IndexDataCacheFile
        Numba's own, which says where the files lie.
    source_stamp : str
        From `stamp`.
    """

    def __init__(self, numbas: Any, source_stamp: str) -> None:
        vars(self).update(vars(numbas))
        self._source_stamp = source_stamp
        self._pattern = numbas._data_name_pattern

    def save(self, key: Any, data: Any) -> None:
        """Keep the code of a key: of the types of arguments, the machine, and the function's bytecode."""
        signature = hashlib.sha256(repr(key[0]).encode()).hexdigest()[:16]
        self._data_name_pattern = self._pattern.replace("{number", f"{signature}.{{number")
        super().save(key, data)

    def _dump(self, obj: Any) -> bytes:
        pickled: bytes = super()._dump(obj)
        return pickled + hashlib.sha256(pickled).digest()

    def _load_index(self) -> dict[Any, str]:
        """Return the names of files by key: none if the index is broken, or of other sources or another Numba."""
        try:
            pickled = _whole(self._index_path, pickle.dumps(self._version, protocol=-1))
            source_stamp, names = pickle.loads(pickled)
        except Exception:  # of any kind: a type of arguments may have been renamed
            return {}
        return names if source_stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_whole(self._data_path(name)))


def _whole(path: str, prefix: bytes = b"") -> bytes:
    """Return what a file holds between its prefix and its SHA-256; code that is cut or garbled must never run."""
    if not Path(path).is_file():  # a pipe would be waited for
        raise FileNotFoundError(path)
    content = Path(path).read_bytes()
    pickled, digest = content[len(prefix) : -32], content[-32:]
    if not content.startswith(prefix) or hashlib.sha256(pickled).digest() != digest:
        raise ValueError(f"{path} is broken")
    return pickled


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
