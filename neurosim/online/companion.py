"""What goes with a run and is kept with the chip, in the same snapshot: a companion's arrays."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from neurosim.errors import ConfigError, StateError
from neurosim.state import store
from neurosim.state.arrays import Arrays
from neurosim.state.checksum import FLEET
from neurosim.streams import Stream

OF_STREAM = "stream"  # the group in which a stream keeps more than its position


class Companion(Protocol):
    """Keeps arrays in every snapshot of a run.

    Attributes
    ----------
    name : str
        Of its group in the state file: letters from a to z, digits and `_`.
    """

    name: str

    def arrays(self, taken: int) -> Arrays:
        """Return what is to be kept, as of `taken` samples taken from the stream in this run.

        Those passed over count. It may be called by another thread while the run waits for its stream.
        """

    def restore(self, arrays: Arrays) -> None:
        """Take over what `arrays` returned, before the run begins.

        Raises
        ------
        ValueError
            If these are none of its arrays.
        """


class Companions:
    """All companions of a run, the stream among them if it has something to keep.

    Raises
    ------
    ConfigError
        If two have one name.
    """

    def __init__(self, companions: Iterable[Companion], stream: Stream) -> None:
        self._companions, self._stream = tuple(companions), stream
        names = [companion.name for companion in self._companions] + [OF_STREAM] * stream.keeps
        if len(set(names)) < len(names):
            raise ConfigError("companions", "of different names, none of them that of the stream", names)

    def arrays(self, taken: int) -> dict[str, Arrays]:
        """Return the arrays of all, by whose they are."""
        kept = {companion.name: companion.arrays(taken) for companion in self._companions}
        return kept | ({OF_STREAM: self._stream.kept(taken)} if self._stream.keeps else {})

    def restore(self, beside: Mapping[str, Arrays]) -> None:
        """Let each take over its arrays; one that has none there begins anew.

        Raises
        ------
        ValueError
            If arrays are none of whose they are.
        """
        for companion in self._companions:
            if companion.name in beside:
                companion.restore(beside[companion.name])
        if self._stream.keeps and OF_STREAM in beside:
            self._stream.go_on(beside[OF_STREAM])


def companions_of(companions: object) -> tuple[Companion, ...]:
    """Return the companions that a run was given; ConfigError, if they are none, or not several."""
    rule, advice = "a sequence of Companions, such as [neurosim.Novelty(chip)]", "each has name, arrays and restore"
    if not isinstance(companions, Iterable) or isinstance(companions, str | bytes):
        raise ConfigError("companions", rule, type(companions).__name__, advice)
    found = tuple(companions)
    for one in found:
        if not isinstance(getattr(one, "name", None), str) or not callable(getattr(one, "arrays", None)):
            raise ConfigError("companions", rule, [type(one).__name__], advice)
    return found


def restore(path: str | Path, stream: Stream, companions: Iterable[Companion] = ()) -> int:
    """Let a stream and companions go on where a chip's state file says; return the position in the stream.

    Labels that are words are numbered as they were. `neurosim.fleet.store.restore` does so by a fleet's file.

    Raises
    ------
    StateError
        If the file cannot be read, or keeps arrays that are none of theirs.
    StreamError
        If the stream has other names for its labels.
    """
    if store.kind_of(path) is FLEET:
        raise StateError(
            f"state {path} must be that of a chip, and is a fleet's: neurosim.fleet.store.restore takes it"
        )
    contents = store.read(path)
    stream.name_classes(contents.classes)
    go_on(path, contents.beside, stream, companions)
    return contents.position


def go_on(path: str | Path, beside: Mapping[str, Arrays], stream: Stream, companions: Iterable[Companion] = ()) -> None:
    """Let a stream and companions go on with what a state file, which was read, keeps beside its chip."""
    try:
        Companions(companions, stream).restore(beside)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, StateError | ConfigError):
            raise
        raise StateError(f"state {path} must keep what goes with this run, but: {error}") from error
