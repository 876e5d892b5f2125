"""The table of formats of event files: how each is recognised, and which reader opens it.

A new format is its reader and a row here. Errors are made from the rows; tests hold docs/events.md complete.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from neurosim.errors import StreamError
from neurosim.outside.files import check_regular
from neurosim.streams.events.opened import Opened


class Format(NamedTuple):
    """A row.

    Attributes
    ----------
    reader : str
        Module of `neurosim.streams.events` and the function in it, imported when a file is opened, and called with its
        path.
    what : str
        The format in words.
    endings : tuple of str
        Of file names, in lower case.
    begins : bytes
        What every file of the format begins with; empty if other formats begin so too, or nothing is said.
    """

    reader: str
    what: str
    endings: tuple[str, ...]
    begins: bytes = b""

    @property
    def open(self) -> Callable[[Path], Opened]:
        """The function that opens a file."""
        module, _, function = self.reader.partition(".")
        found: Callable[[Path], Opened] = getattr(import_module(f"neurosim.streams.events.{module}"), function)
        return found


FORMATS = {
    "nmnist": Format("nmnist.open_nmnist", "N-MNIST's records of 5 bytes", (".bin", ".bs2")),
    "dat": Format("dat.open_dat", "Prophesee's DAT", (".dat",)),
    "evt2": Format("evt.open_evt2", "Prophesee's raw words, EVT 2.0", (".raw",)),
    "evt2.1": Format("evt.open_evt21", "Prophesee's raw words, EVT 2.1", (".raw",)),
    "evt3": Format("evt.open_evt3", "Prophesee's raw words, EVT 3.0", (".raw",)),
    "aedat2": Format("aedat2.open_aedat2", "AEDAT 2.0 of jAER", (".aedat", ".aedat2"), b"#!AER-DAT2.0"),
    "aedat3": Format("aedat3.open_aedat3", "AEDAT 3.1 of cAER", (".aedat", ".aedat3"), b"#!AER-DAT3.1"),
    "aedat4": Format("aedat4.open_aedat4", "AEDAT 4 of DV", (".aedat4",), b"#!AER-DAT4"),
    "es": Format("es.open_es", "Event Stream", (".es",), b"Event Stream"),
    "hdf5": Format("hdf5.open_hdf5", "HDF5 with datasets t, x, y, p", (".h5", ".hdf5"), b"\x89HDF\r\n\x1a\n"),
}
AEDAT, TEXT = b"#!AER-DAT", b"%"  # what files of more than one format begin with
# Endings that nothing but files of events has.
ENDINGS = tuple(sorted({ending for row in FORMATS.values() for ending in row.endings} - {".h5", ".hdf5"}))
KNOWN = ", ".join(f"{name} ({row.what}; {' '.join(row.endings)})" for name, row in FORMATS.items())
LONGEST_MARK = 16


def recognised(path: Path) -> str:
    """Return the name of a file's format: by what it begins with, or else by its ending.

    Raises
    ------
    StreamError
        If it is none that is read.
    """
    check_regular(path)
    with path.open("rb") as file:
        begin = file.read(LONGEST_MARK)
    for name, row in FORMATS.items():
        if row.begins and begin.startswith(row.begins):
            return name
    if begin.startswith(AEDAT):
        version = begin[len(AEDAT) :].split(b"\r")[0].split(b"\n")[0].decode(errors="replace")
        advice = "jAER or DV writes it as another"
        raise StreamError(
            f"AEDAT files must have the version 2.0, 3.1 or 4.0, got {version[:10]!r} in {path}; {advice}"
        )
    return _by_ending(path, begin)


def _by_ending(path: Path, begin: bytes) -> str:
    ending = path.suffix.lower()
    if ending in FORMATS["nmnist"].endings:
        return "nmnist"
    if ending in FORMATS["dat"].endings:
        return "dat"
    if begin.startswith(TEXT) or ending in FORMATS["evt3"].endings:
        from neurosim.streams.events.evt import evt_format

        return evt_format(path)
    raise StreamError(f"{path} must be a file of events in a known format: {KNOWN}")
