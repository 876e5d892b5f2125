"""The table of sources: how each is named, which options it takes, and which reader opens it.

A new source is its reader and a row here. `KNOWN`, help texts and errors are made from the rows; tests hold
docs/data.md complete.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neurosim.errors import ConfigError, StreamError
from neurosim.outside.files import other_than_regular

if TYPE_CHECKING:
    from neurosim.streams.base import Stream


class Source(NamedTuple):
    """A row: sources are recognised by their name before a colon, or by the ending of a file.

    Attributes
    ----------
    reader : str
        Module of `neurosim.streams` and the function in it, imported when a source is opened. It is called with the
        split, or with the path of the folder or file, and with `options` by keyword.
    options : tuple of str
        What the reader takes of `root`, `inputs`, `label`, `header`, `delimiter`, `skip_bad`, `format` and `EXACT`.
    name : str
        The text before the colon.
    splits : tuple of str
        What may follow the colon; `""` if the name may stand alone.
    folder : bool
        Whether a folder follows the colon, in place of a split.
    address : bool
        Whether an address follows the colon, in place of a split: the reader is called with it as it is.
    endings : tuple of str
        Endings of file names, in lower case.
    datasets : bool
        Whether `:DATASET[,LABELS]` may follow the ending: the reader takes the names after the path.
    spelling : str
        How the source is listed, where `name` and `splits` do not say it.
    """

    reader: str
    options: tuple[str, ...] = ()
    name: str = ""
    splits: tuple[str, ...] = ()
    folder: bool = False
    address: bool = False
    endings: tuple[str, ...] = ()
    datasets: bool = False
    spelling: str = ""

    @property
    def listed(self) -> str:
        """How help texts and errors list the source: `mnist:train|test`."""
        if self.spelling:
            return self.spelling
        if "" in self.splits:
            return f"{self.name}[:{'|:'.join(split for split in self.splits if split)}]"
        return f"{self.name}:{'|'.join(self.splits)}"

    @property
    def sources(self) -> list[str]:
        """The names of a data set's splits: `mnist:train`, `mnist:test`."""
        return [f"{self.name}:{split}" if split else self.name for split in self.splits]


LINES = ("inputs", "label", "header", "delimiter", "skip_bad")
KEYED = (*LINES, "key")
FRAMES = ("inputs", "label", "format")
NAMES = ("samples", "labels")  # of arrays in a file of several
WAITING = ("queue", "when_full", "reconnect", "idle")  # of what arrives by itself: see `live`
LIVE = (*KEYED, "format", *WAITING)
EVENTS = ("encode", "sensor")  # how events become samples
CAMERA = (*EVENTS, "skip_bad", *WAITING)
EXACT = ("image_size", "key", *NAMES, *WAITING, *EVENTS)  # options that a source must take if they are given
SOURCES = (
    Source("arrays.digits", name="digits", splits=("", "train", "test")),
    Source("idx.mnist", ("root",), name="mnist", splits=("train", "test")),
    Source("cifar.cifar10", ("root",), name="cifar10", splits=("train", "test")),
    Source("cifar.cifar100", ("root",), name="cifar100", splits=("train", "test")),
    Source("stl10.stl10", ("root",), name="stl10", splits=("unlabelled", "train", "test")),
    Source("images.image_folder", ("image_size",), name="images", folder=True, spelling="images:FOLDER"),
    Source("numpy_files.npy_file", endings=(".npy",), spelling="FILE.npy"),
    Source("numpy_files.npz_file", NAMES, endings=(".npz",), datasets=True, spelling="FILE.npz[:SAMPLES[,LABELS]]"),
    Source(
        "idx.idx_file",
        endings=("ubyte", "ubyte.gz", ".idx", ".idx.gz"),
        spelling="IDX as FILE-ubyte[.gz] or FILE.idx[.gz]",
    ),
    Source("hdf5.hdf5_file", NAMES, endings=(".h5", ".hdf5"), datasets=True, spelling="FILE.h5[:DATASET[,LABELS]]"),
    Source(
        "events.reading.event_file",
        (*EVENTS, "format"),
        endings=(".aedat", ".aedat2", ".aedat3", ".aedat4", ".bin", ".bs2", ".dat", ".es", ".raw"),
        spelling="events as FILE.aedat4, FILE.raw, FILE.dat, FILE.es, FILE.bin or the like",
    ),
    Source("events.reading.event_folder", EVENTS, name="events", folder=True, spelling="events:FOLDER"),
    Source("live.sockets.tcp", LIVE, name="tcp", address=True, spelling="tcp:HOST:PORT"),
    Source("live.sockets.tcp_listen", LIVE, name="tcp-listen", address=True, spelling="tcp-listen:[HOST:]PORT"),
    Source("live.sockets.udp", LIVE, name="udp", address=True, spelling="udp:[HOST:]PORT"),
    Source("live.packets.udp_events", CAMERA, name="udp-events", address=True, spelling="udp-events:[HOST:]PORT"),
    Source("live.packets.udp_events32", CAMERA, name="udp-events32", address=True, spelling="udp-events32:[HOST:]PORT"),
    Source("live.zeromq.zeromq", LIVE, name="zmq", address=True, spelling="zmq:tcp://HOST:PORT"),
    Source("live.mqtt.mqtt", LIVE, name="mqtt", address=True, spelling="mqtt:HOST:PORT/TOPIC"),
    Source("live.lsl.lsl", LIVE, name="lsl", address=True, spelling="lsl:NAME"),
    Source("live.kafka.kafka", LIVE, name="kafka", address=True, spelling="kafka:HOST:PORT/TOPIC"),
    Source(
        "lines.text_file",
        KEYED,
        endings=tuple(f".{kind}{gz}" for kind in ("csv", "tsv", "ndjson", "jsonl") for gz in ("", ".gz")),
        spelling="FILE.csv[.gz], FILE.tsv[.gz], FILE.ndjson[.gz]",
    ),
    Source("frames.frame_file", FRAMES, endings=(".f32", ".u8"), spelling="FILE.f32, FILE.u8"),
    Source("lines.pipe", KEYED, name="-", splits=("",), spelling="- for a pipe"),
)
FRAME_FILE, FRAME_PIPE = SOURCES[-2], Source("frames.frame_pipe", FRAMES, name="-", splits=("",))  # by --format
EVENT_FILE = next(row for row in SOURCES if row.reader == "events.reading.event_file")
OTHER_THAN_PIPE = "write them to a file, or send them to udp-events:[HOST:]PORT"  # what to do with events
NAMED = {row.name: row for row in SOURCES if row.name}
BEFORE_HOST = re.compile(r"[^/@,?]*@")
KNOWN = ", ".join(row.listed for row in SOURCES[:-1]) + f", or {SOURCES[-1].listed}"


def open_source(source: str, options: Mapping[str, Any]) -> "Stream":
    """Open a source, in the stored order; `options` has a value for each option that a row may name.

    Raises
    ------
    StreamError
        If the source is unknown or missing, and what its reader raises.
    ConfigError
        If one of `EXACT` is given for a source that does not take it.
    """
    row, target = _recognise(source, options["root"])
    if (path := _of_events(row, target, source, options)) is not None:
        row, target = EVENT_FILE, [path]
    elif options["format"] is not None:
        row, target = _framed(row, target, source, options)
    if row is None:
        shown = hidden(source) if "://" in source else source
        raise StreamError(f"source must be one of {KNOWN}, got {shown!r}")
    for name in EXACT:
        if options[name] is not None and name not in row.options:
            takers = " and ".join(row.listed for row in SOURCES if name in row.options)
            advice = f"events are not read from a pipe: {OTHER_THAN_PIPE}" if source == "-" and name in EVENTS else ""
            raise ConfigError(name, f"left out for all sources but {takers}", options[name], advice)
    if row.splits and source.partition(":")[2] not in row.splits:
        *others, last = row.sources
        spelled = f"{', '.join(others)} or {last}" if others else last
        raise StreamError(f"{row.name} must be asked for as {spelled}, got {source}")
    if row.endings:
        _check_file(source, target[0], row)
    module, _, function = row.reader.rpartition(".")
    reader = getattr(import_module(f"neurosim.streams.{module}"), function)
    stream: Stream = reader(*target, **{name: options[name] for name in row.options})
    return stream


def hidden(address: str) -> str:
    """Return a source or an address as errors may show it: without a user and a password before its host."""
    return BEFORE_HOST.sub("...@", address)


def _of_events(row: Source | None, target: list[Any], source: str, options: Mapping[str, Any]) -> Path | None:
    """Return the path of a file that is one of events by its options: its ending may be another one, or none.

    Raises
    ------
    StreamError
        If `encode` says that it is one, and neither its ending nor `format` says of which format.
    """
    encode, given = options["encode"], options["format"]
    if (encode is None and given is None) or (row is not None and not row.endings):
        return None
    if encode is not None and row is not None and row.reader == "hdf5.hdf5_file":
        path: Path = target[0]
        return path  # HDF5 holds samples, or events
    path = options["root"] / source
    if given is not None:
        return path if encode is not None or _names_events(given) else None
    if row is None and path.exists():
        _check_file(source, path, EVENT_FILE)
        endings, names = ", ".join(EVENT_FILE.endings), ", ".join(_formats("events.formats"))
        raise StreamError(
            f"source {source} must end as a file of events does ({endings}), or come with its format (--format, one of "
            f"{names})"
        )
    return None


def _names_events(format: object) -> bool:  # noqa: A002
    """Return whether this is the name of a format of events."""
    return format not in _formats("frames") and format in _formats("events.formats")


def _formats(module: str) -> tuple[str, ...]:
    """Return the names in a table of formats, which is imported only when somebody asks."""
    return tuple(import_module(f"neurosim.streams.{module}").FORMATS)


def _framed(row: Source | None, target: list[Any], source: str, options: Mapping[str, Any]) -> tuple[Source, list[Any]]:
    """Return the row of frames and its arguments, for a source with `format`: any file, a pipe, or a live one."""
    if source == "-":
        return FRAME_PIPE, []
    if row is not None and "format" in row.options and row is not EVENT_FILE:
        return row, target
    if row is not None and row.name:
        raise ConfigError("format", "left out for all sources but files, - and live ones", options["format"])
    return FRAME_FILE, [options["root"] / source]


def _check_file(source: str, path: Path, row: Source) -> None:
    """Refuse what is no regular file before it is opened: a FIFO waits for a writer, and a device never ends."""
    if not path.exists():
        raise StreamError(f"source {source} must be a file: there is none at {path}")
    if (other := other_than_regular(path)) is not None:
        advice = ""
        if row is EVENT_FILE and not path.is_dir():
            advice = f"; events are not read from a pipe: {OTHER_THAN_PIPE}"
        elif ("delimiter" in row.options or "format" in row.options) and not path.is_dir():
            advice = f"; only - is a pipe: neurosim stream - < {path}"
        raise StreamError(f"source {source} must be a regular file, got {other}{advice}")


def _recognise(source: str, root: Path) -> tuple[Source | None, list[Any]]:
    """Return a source's row, if it is known, and the arguments that its reader is called with before the options."""
    name, colon, rest = source.partition(":")
    row = NAMED.get(name)
    if row is not None and row.folder and colon:
        return row, [root / rest]
    if row is not None and row.address and rest:
        return row, [rest]
    if row is not None and (source in row.sources or (colon and any(row.splits))):
        return row, [rest] if rest else []
    path, datasets = _split(source)
    for row in SOURCES:
        if row.endings and (root / path).name.lower().endswith(row.endings):
            return row, [root / path, *datasets]
    return None, []


def _split(source: str) -> tuple[str, list[str]]:
    """Split `file.h5:dataset,labels`; a colon elsewhere, as after the letter of a drive, belongs to the path."""
    for ending in (ending for row in SOURCES if row.datasets for ending in row.endings):
        path, colon, datasets = source.partition(f"{ending}:")
        if colon:
            return path + ending, datasets.split(",")[:2]
    return source, []
