"""Where compiled code is kept on disk, and how it is read back.

There are three folders: the one that NUMBA_CACHE_DIR names, one beside the source, and the user's cache. New code is
kept in the first of them that can be written; those that cannot be written are read as well, as they may have come with
their code. What lies there broken is compiled anew; where nothing can be written, code is compiled in every process,
with one warning.

What is compiled, and how long that took, goes to the log of this module, as INFO: `BEGUN` with what it is and where it
is kept, then `DONE` with what it is and the seconds.
"""

import hashlib
import logging
import os
import pickle
import time
import warnings
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

from numba.core import caching, config
from numba.misc.appdirs import AppDirs

from neurosim.kernels.numba_without_scipy import load_numba

LOG = logging.getLogger(__name__)
BEGUN, DONE = "compiling %s (%s)", "compiled %s in %.1f s"
EVERY_TIME = "in every process: it can be kept nowhere"
BESIDE = "__pycache__"  # a folder beside the source

Function = Callable[..., Any]


def cache_of(function: Function, source_stamp: str) -> Any:
    """Return what keeps a function's code; with another version of Numba, or where no folder can be named, nothing is.

    Parameters
    ----------
    function : callable
        Of a file.
    source_stamp : str
        Code that was kept with another one is out of date.
    """
    try:
        kept = _FunctionCache(function)
    except (RuntimeError, OSError) as error:  # of NUMBA_CACHE_LOCATOR_CLASSES
        _warn_once(f"compiled code cannot be kept on disk: {error}")
        return NoCache(function)
    cache_file = getattr(kept, "_cache_file", None)
    known = ("_cache_path", "_index_name", "_index_path", "_source_stamp", "_data_name_pattern", "_version")
    if not all(hasattr(cache_file, name) for name in known):
        return NoCache(function)
    kept._cache_file = _CacheFile(cache_file, source_stamp, kept.folders)
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
        self.locator = locator

    def from_function(self, function: Function, source: str) -> Any:
        """Return where the code of a function is kept; None if that folder cannot be written."""
        of_user = any(name in self.locator.__name__ for name in ("UserWide", "Zip"))
        return None if of_user and not _has_home() else self.locator.from_function(function, source)

    def folder(self, function: Function, source: str) -> str | None:
        """Return that folder, whether it can be written or not; None if this is not how files are located."""
        name = self.locator.__name__
        if ("UserProvided" in name and config.CACHE_DIR) or "InTree" in name or ("UserWide" in name and _has_home()):
            path: str = self.locator(function, source).get_cache_path()
            return path
        return None


def _has_home() -> bool:
    return Path(AppDirs(appname="numba", appauthor=False).user_cache_dir).is_absolute()


class _ReadOnly:
    """The folder that code would be kept in, if it could be written: for reading only.

    Saving fails there, and is then warned of: it is the last locator, taken if no folder can be written.
    """

    def __init__(self, function: Function, folder: str) -> None:
        self._function, self._folder = function, folder

    @classmethod
    def from_function(cls, function: Function, source: str) -> "_ReadOnly":
        """Return where the code of a function may lie."""
        return cls(function, _folders(function, source)[0])

    def ensure_cache_path(self) -> None:
        """Leave the folder as it is."""

    def get_cache_path(self) -> str:
        """Return the folder."""
        return self._folder

    def get_source_stamp(self) -> str:
        """Return no stamp of one file: `neurosim.kernels.compiled.stamp` is used instead."""
        return ""

    def get_disambiguator(self) -> str:
        """Return what tells functions of the same name apart, as Numba's locators do."""
        return str(self._function.__code__.co_firstlineno)


_LOCATORS = tuple(map(_WithHome, caching.CacheImpl._locator_classes))


def _folders(function: Function, source: str) -> list[str]:
    """Return the folders that may have the code of a function, the one that was asked for first."""
    folders = [locator.folder(function, source) for locator in _LOCATORS]
    return [folder for folder in folders if folder is not None] or [str(Path(source).parent / BESIDE)]


class _CacheImpl(caching.CompileResultCacheImpl):
    """Where the compiled code of a function is kept: where Numba would keep it, and if that is nowhere, see above."""

    _locator_classes: Any = (*_LOCATORS, _ReadOnly)


class NoCache(caching.NullCache):
    """Keeps nothing, and says in the log what is compiled.

    Parameters
    ----------
    function : callable
    """

    def __init__(self, function: Function) -> None:
        self._title, self._begun = title(function), 0.0

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Return None: nothing is kept."""
        load_numba()
        self._begun = _say_begun(self._title, EVERY_TIME)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep nothing."""
        _say_done(self._title, self._begun)


class _FunctionCache(caching.FunctionCache):
    """Numba's cache of a function, without which the function is compiled all the same."""

    _impl_class = _CacheImpl

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self._title, self._begun = title(function), 0.0
        self.folders = [self.cache_path]
        folders = _folders(function, function.__code__.co_filename)
        if self.cache_path in folders:  # not what NUMBA_CACHE_LOCATOR_CLASSES chose
            none, first = isinstance(self._impl.locator, _ReadOnly), folders.index(self.cache_path)
            after = [folder for folder in folders[first + 1 :] if none or not os.access(folder, os.W_OK)]
            self.folders = folders[: first + 1] + after

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for a signature; None if there is none that can be used."""
        load_numba()
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # of any kind: what is broken may raise anything
            found = None
        if found is None:
            kept = f"once; kept in {self.cache_path}"
            self._begun = _say_begun(self._title, EVERY_TIME if isinstance(self._impl.locator, _ReadOnly) else kept)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature if it can be kept."""
        _say_done(self._title, self._begun)
        try:
            super().save_overload(sig, data)
        except (OSError, pickle.PicklingError) as error:
            _warn_once(
                f"compiled code cannot be kept in {self.cache_path}, so every process compiles it anew: {error}; "
                "NUMBA_CACHE_DIR may name another folder"
            )


class _CacheFile(caching.IndexDataCacheFile):
    """The files of a function: an index, and one of compiled code for each signature, each followed by a SHA-256.

    The SHA-256 is of the source stamp and what is in the file. Numba writes the index first, and then the code into a
    file that may still have the code of sources before an edit: until it is written, and for good if the process is
    killed between the two, that code is taken for broken.

    Numba numbers the files of compiled code. Two processes that compile for different types at once may both take the
    next number, and the code of the one would then be loaded for the types of the other. So a file is also named by
    the types of its arguments.

    Parameters
    ----------
    numbas : IndexDataCacheFile
        Numba's own, which says where the files lie.
    source_stamp : str
        From `cache_of`.
    folders : list of str
        Where such files may lie, in the order of reading.
    """

    def __init__(self, numbas: Any, source_stamp: str, folders: list[str]) -> None:
        vars(self).update(vars(numbas))
        self._source_stamp = source_stamp
        self._pattern = numbas._data_name_pattern
        self._folders = [self._in(folder) for folder in folders]

    def _in(self, folder: str) -> "_CacheFile":
        files = copy(self)
        files._cache_path, files._index_path = folder, os.path.join(folder, self._index_name)
        return files

    def load(self, key: Any) -> Any:
        """Return the code of a key from the first folder that has it whole; None if there is none."""
        for files in self._folders:
            name = files._load_index().get(key)
            if name is not None:
                try:
                    return files._load_data(name)
                except Exception:  # of any kind: it is broken, or no longer there
                    continue
        return None

    def save(self, key: Any, data: Any) -> None:
        """Keep the code of a key: of the types of arguments, the machine, and the function's bytecode."""
        signature = hashlib.sha256(repr(key[0]).encode()).hexdigest()[:16]
        self._data_name_pattern = self._pattern.replace("{number", f"{signature}.{{number")
        super().save(key, data)

    def _dump(self, obj: Any) -> bytes:
        pickled: bytes = super()._dump(obj)
        return pickled + self._digest(pickled)

    def _digest(self, pickled: bytes) -> bytes:
        return hashlib.sha256(self._source_stamp.encode() + pickled).digest()

    def _load_index(self) -> dict[Any, str]:
        """Return the names of files by key: none if the index is broken, or of other sources or another Numba."""
        try:
            pickled = self._whole(self._index_path, pickle.dumps(self._version, protocol=-1))
            source_stamp, names = pickle.loads(pickled)
        except Exception:  # of any kind: a type of arguments may have been renamed
            return {}
        return names if source_stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        return pickle.loads(self._whole(self._data_path(name)))

    def _whole(self, path: str, prefix: bytes = b"") -> bytes:
        """Return what a file holds between its prefix and its SHA-256; code that is cut or garbled must never run."""
        if not Path(path).is_file():  # a pipe would be waited for
            raise FileNotFoundError(path)
        content = Path(path).read_bytes()
        pickled, digest = content[len(prefix) : -32], content[-32:]
        if not content.startswith(prefix) or self._digest(pickled) != digest:
            raise ValueError(f"{path} is broken, or of other sources")
        return pickled


def title(function: Function) -> str:
    """Return what a function is called in the log: by its file, and the loop of a kind of layers by the kind."""
    module = function.__module__.rpartition("kernels.")[2]
    folder, _, file = module.rpartition(".")
    return f"the {folder} loop" if folder and file == function.__name__ == "stream" else f"{module}.{function.__name__}"


def _say_begun(name: str, where: str) -> float:
    """Say that a function is being compiled; return the moment."""
    LOG.info(BEGUN, name, where)
    return time.perf_counter()


def _say_done(name: str, begun: float) -> None:
    LOG.info(DONE, name, time.perf_counter() - begun)
