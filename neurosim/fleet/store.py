"""A fleet on disk: one file for all its chips, whole at every instant, as a chip's state file is."""

from collections.abc import Iterable
from pathlib import Path

from neurosim.errors import StateError
from neurosim.fleet import format as fleet_format
from neurosim.fleet.format import FleetContents
from neurosim.online.companion import Companion, go_on
from neurosim.state import store
from neurosim.state.arrays import check_finite
from neurosim.state.checksum import FLEET
from neurosim.streams import Stream


def write(path: str | Path, contents: FleetContents) -> None:
    """Write a file; at every instant, `path` is either the old file, whole, or the new one, whole.

    Raises
    ------
    StateError
        If a chip has diverged, or the file cannot be written; the file that is there stays whole.
    """
    check_learned(path, contents)
    store.replace(path, lambda: fleet_format.image(contents), FLEET)


def check_learned(path: str | Path, contents: FleetContents) -> None:
    """Refuse the state of a fleet of which a chip has diverged, by StateError."""
    try:
        check_finite(contents.arrays)
    except ValueError as error:
        raise StateError(f"state {path} is not written: {error}; a chip has diverged") from None


def read(path: str | Path) -> FleetContents:
    """Read a file.

    Raises
    ------
    StateError
        If the file is missing, damaged, foreign or of a newer version; the message names the file before it, if that
        is whole.
    """
    return store.read_as(path, FLEET, fleet_format.contents)


def restore(path: str | Path, stream: Stream, companions: Iterable[Companion] = ()) -> int:
    """Let a stream and companions of a fleet go on where its file says; return the position in the stream.

    `Fleet.load` comes before: companions are made for that fleet. Labels that are words are numbered as they were.

    Raises
    ------
    StateError
        If the file cannot be read, or keeps arrays that are none of theirs.
    StreamError
        If the stream has other names for its labels.
    """
    contents = read(path)
    stream.name_classes(contents.classes)
    go_on(path, contents.beside, stream, companions)
    return contents.position
