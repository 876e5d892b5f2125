"""Options that several commands share, each declared once: as a decorator for click and as a field of a dataclass.

A command collects click's values in a frozen dataclass of its own, which inherits from those below. Its helpers take
whichever dataclass has the fields that they need.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import click

from neurosim.errors import ConfigError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
DURATION = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?|[-+]?inf|nan)\s*(\w*)")
ARRIVALS = {
    "closed": (), "period": ("rate",), "poisson": ("rate", "arrivals_seed"), "bursts": ("rate", "burst"),
    "stream": ("timestamps",),
}  # fmt: skip
DEFAULT_NEURONS, DEFAULT_RECIPE, DEFAULT_BURST, DEFAULT_KEYS = 100, "softhebb", 8, 10_000
LAYER_CONSTANTS = (
    "temperature", "gain", "relative_temperature", "rate", "floor", "window", "normalise", "initial", "weight_bits",
    "devices",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How a source of samples is opened; fields with a default are not options of all commands.

    Attributes
    ----------
    root, inputs, label, header, delimiter, image_size, skip_bad, epochs, shuffle, format, key, queue, when_full,
    reconnect, idle, encode, sensor
        As in `neurosim.open_stream`.
    samples_key, labels_key
        `samples` and `labels` of `neurosim.open_stream`; `--samples` is a number in other commands.
    standardise, augment, augment_seed
        Transforms of images, as text: see `neurosim.cli.transforms`.
    """

    root: str
    label: str | None
    image_size: int | None
    standardise: str | None
    inputs: int | None = None
    header: str = "auto"
    delimiter: str | None = None
    skip_bad: bool = False
    epochs: int = 1
    shuffle: int | None = None
    augment: str | None = None
    augment_seed: int | None = None
    samples_key: str | None = None
    labels_key: str | None = None
    format: str | None = None
    key: str | None = None
    queue: int | None = None
    when_full: str | None = None
    reconnect: float | None = None
    idle: float | None = None
    encode: str | None = None
    sensor: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class ChipOptions:
    """What a new chip is made of; None where the default is wanted, or where a command has no such option.

    Attributes
    ----------
    neurons : list of int, optional
        Neurons of each layer.
    seed : int, optional
    recipe : str, optional
        Name of a recipe, or `FILE.py:FUNCTION`.
    preset : str, optional
        Name of a preset, which leaves no constants of layers to be chosen.
    device : str
        cpu or cuda.
    constant_changes : tuple of str
        NAME=VALUE of constants that are changed, the weights kept.
    temperature, gain, relative_temperature, rate, floor, window, normalise, initial, weight_bits, devices
        Constants of all layers, in place of those of the recipe.
    """

    neurons: list[int] | None
    seed: int | None
    recipe: str | None = None
    preset: str | None = None
    device: str = "cpu"
    constant_changes: tuple[str, ...] = ()
    temperature: float | None = None
    gain: float | None = None
    relative_temperature: float | None = None
    rate: float | None = None
    floor: float | None = None
    window: int | None = None
    normalise: str | None = None
    initial: str | None = None
    weight_bits: int | None = None
    devices: Any = None

    def layer_constants(self) -> dict[str, Any]:
        """Return the constants of layers that the user gave."""
        constants = {name: getattr(self, name) for name in LAYER_CONSTANTS}
        return {name: value for name, value in constants.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class RunOptions(SourceOptions, ChipOptions):
    """How a stream is learned from, with one chip or with a chip for each key.

    Attributes
    ----------
    source : str
    replay : bool
        Whether a pipe begins anew.
    state : str, optional
        Path of the state file.
    restart : bool
        Whether to begin anew though the state is there.
    snapshot_samples, snapshot_seconds, chunk, threads
        As of `neurosim.run`.
    keys : int, optional
        Most keys, of a stream with keys.
    worker : str, optional
        `N/M`: which worker this is, of those that share the keys.
    as_json : bool
    """

    source: str
    replay: bool
    state: str | None
    restart: bool
    snapshot_samples: int
    snapshot_seconds: float
    chunk: int | str | None
    threads: int
    as_json: bool
    keys: int | None = None
    worker: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArrivalOptions:
    """When samples arrive.

    Attributes
    ----------
    arrivals : str
        One of `ARRIVALS`, which names the options that belong to each.
    rate_hz : float, optional
        Samples a second on average: `--rate`, a name that is `ChipOptions`' learning rate elsewhere.
    burst : int, optional
        Samples that arrive at once.
    timestamps : str, optional
        Path of an array of microseconds.
    arrivals_seed : int, optional
        Seed of random gaps; by default `seed`.
    seed : int, optional
        That of the first weights.
    """

    arrivals: str
    rate_hz: float | None
    burst: int | None
    timestamps: str | None
    arrivals_seed: int | None
    seed: int | None


def whole_numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[int] | None:
    """Return the whole numbers of a text that separates them by commas."""
    try:
        return None if value is None else [int(number) for number in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"must be whole numbers between commas, got {value!r}") from None


def image_shape(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Return the sizes of a text H,W or C,H,W; none of them for `none`."""
    if value is None or value.strip() == "none":
        return None if value is None else ()
    try:
        sizes = tuple(int(size) for size in value.split(","))
    except ValueError:
        sizes = ()
    if len(sizes) not in (2, 3) or min(sizes) < 1:
        raise click.BadParameter(f"must be H,W or C,H,W, whole numbers from 1, or none, got {value!r}")
    return sizes


def sensor_size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return the width and height of a text W,H."""
    sizes = whole_numbers(_ctx, _param, value)
    if sizes is not None and len(sizes) != 2:
        raise click.BadParameter(f"must be W,H, two whole numbers from 1, got {value!r}")
    return None if sizes is None else (sizes[0], sizes[1])


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of a text such as 200us; a number without a unit is in seconds."""
    if value is None:
        return None
    match = DURATION.fullmatch(value.strip())
    try:
        if match is not None:
            return float(match[1]) * SECONDS[match[2]]
    except (ValueError, KeyError):
        pass
    raise click.BadParameter(f"must be seconds, or a number with s, ms, us or ns, such as 200us, got {value!r}")


def crossbar(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
    """Return the `Crossbar` that a text such as `pcm,read_noise=0.02` says."""
    if text is None:
        return None
    from neurosim.layers.devices import Crossbar

    kind, *rest = text.split(",")
    pieces = rest if kind in ("ideal", "pcm") else [kind, *rest]
    known = [entry.name for entry in fields(Crossbar)]
    constants: dict[str, Any] = {}
    for piece in pieces:
        name, _, value = piece.strip().partition("=")
        if name not in known or name in constants:
            rule = f"ideal, pcm or NAME=VALUE with a name among {', '.join(known)}, once each"
            raise click.UsageError(f"devices must be {rule}, got {piece!r}")
        try:
            number = float(value)
        except ValueError:
            raise click.UsageError(f"devices must have numbers, got {piece!r}") from None
        constants[name] = int(number) if number.is_integer() and name in ("states", "adc_bits") else number
    try:
        return Crossbar.pcm(**constants) if kind == "pcm" else Crossbar(**constants)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _shared(*names: str, **settings: Any) -> Callable[..., Decorator]:
    """Return a function that makes the decorator of an option; its arguments replace settings for one command."""

    def option(**changes: Any) -> Decorator:
        return click.option(*names, **settings | changes)

    return option


root = _shared("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
train = _shared("--train", metavar="SOURCE")
test = _shared("--test", metavar="SOURCE")
stream = _shared("--stream", "source", metavar="STREAM", help="Samples, as for `neurosim stream`.")
hardware = _shared("--chip", "hardware", metavar="NAME|FILE.toml", help="A described chip, as for `neurosim cost`.")
unverified = _shared("--unverified", is_flag=True, help="Use constants that nobody vouches for, too.")
shape = _shared(
    "--shape", callback=image_shape, metavar="H,W|C,H,W|none",
    help="Of a sample as an image, where the state does not say it; none: samples are no images.",
)  # fmt: skip
layer = _shared("--layer", type=int, metavar="N")
opening = _shared("--open/--no-open", "opening", default=None)
overwrite = _shared("--overwrite", is_flag=True, help="Replace files that exist already.")
inputs = _shared("--inputs", type=int, metavar="N", help="Width of a sample; a pipe needs it.")
label = _shared("--label", metavar="COLUMN", help="Lines: the label's column, by name or number, or its JSON key.")
samples_key = _shared("--samples", "samples_key", metavar="KEY", help="Name of the samples in a .npz or HDF5 file.")
labels_key = _shared("--labels", "labels_key", metavar="KEY", help="Name of the labels in a .npz or HDF5 file.")
header = _shared(
    "--header", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
    help="Lines of CSV: the first names the columns; auto sees it by its content.",
)  # fmt: skip
delimiter = _shared("--delimiter", metavar="CHAR", help="Lines of CSV: what is between cells, or tab.  [default: ,]")
frames = _shared(
    "--format", metavar="FORMAT",
    help="f32 or u8: binary frames of --inputs numbers, little-endian float32, or bytes read as 0 to 1; with --label, "
    "0 or -1, the first or last number is the label. Events: a file's format, as nmnist, if its name does not say it.",
)  # fmt: skip
epochs = _shared("--epochs", default=1, show_default=True, help="How many times over.")
image_size = _shared("--image-size", type=int, metavar="N", help="images:FOLDER: height and width they are brought to.")
standardise = _shared(
    "--standardise", metavar="HOW", help="Images' channels: imagenet, or MEAN[,MEAN...]:STD[,STD...]."
)

neurons = _shared(
    "--neurons",
    callback=whole_numbers,
    metavar="K[,K2...]",
    help=f"Neurons of each layer.  [default: {DEFAULT_NEURONS}]",
)
recipe = _shared(
    "--recipe", metavar="NAME",
    help=f"Of the layers, or FILE.py:FUNCTION of one's own.  [default: {DEFAULT_RECIPE}]",
)  # fmt: skip
preset = _shared("--preset", metavar="NAME", help="A whole chip as published, such as softhebb-cifar10-3layer.")
rate_floor = _shared(
    "--rate-floor", "floor", type=float, metavar="F",
    help="What a neuron's rate does not fall below: for inputs that change.  [default: the recipe's]",
)  # fmt: skip
weight_bits = _shared("--weight-bits", type=int, metavar="B", help="Synapses of 2 to 16 bits.  [default: float32]")
devices = _shared(
    "--devices", callback=crossbar, metavar="LIST",
    help="Synapses of a crossbar's cells: ideal, or pcm, or constants such as read_noise=0.02,adc_bits=8,adc_range=10.",
)  # fmt: skip
seed = _shared("--seed", type=int, metavar="S", help="Seed of the first weights.  [default: 0]")
rules = _shared(
    "--rules", metavar="FILE.py", help="Run this file for the rules and competitions of one's own that STATE names."
)
device = _shared(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
    help="Where the chip is simulated; never changes a state file's form.",
)  # fmt: skip

learning = _shared("--learn/--respond", "learning", default=True, help="Learn, or only respond.  [default: learn]")
FORMATS = "the ending says in which format: .png, .svg, .pdf, ..."
figure = _shared("--figure", metavar="FILE")
samples = _shared("--samples", type=int, metavar="N")
first = _shared("--first", default=2000, show_default=True, metavar="N", help="Samples taken of each stream, at most.")
warm_up = _shared("--warm-up", type=int, show_default=True, metavar="N")
deadline = _shared("--deadline", callback=duration, metavar="TIME")
as_json = _shared("--json", "as_json", is_flag=True, help="Print one JSON object.")
jobs = _shared("--jobs", type=click.IntRange(1))


def arrivals() -> Decorator:
    """Return the decorator of all options of `ArrivalOptions`; `--seed` is that of the chip too."""
    declared = (
        click.option(
            "--arrivals", type=click.Choice(list(ARRIVALS)), default="closed", show_default=True,
            help="The next when the last is done, or by the clock: evenly, at random, in bursts, by --timestamps.",
        ),
        click.option(
            "--rate", "rate_hz", type=float, metavar="HZ",
            help="Samples a second, on average, that come by the clock.",
        ),
        click.option(
            "--burst", type=int, metavar="N", help=f"bursts: samples that come at once.  [default: {DEFAULT_BURST}]"
        ),
        click.option(
            "--arrivals-seed", type=int, metavar="S", help="poisson: seed of the gaps.  [default: that of --seed]"
        ),
        click.option("--timestamps", metavar="FILE.npy", help="stream: whole microseconds, one a sample."),
    )  # fmt: skip

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(declared):  # the help lists them in the order above
            command = option(command)
        return command

    return decorate


def events(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how events become samples."""
    declared = (
        click.option(
            "--encode", metavar="HOW",
            help="Events: how they become samples, such as local:radius=2,tau=20ms, surface:tau=50ms,every=10ms, "
            "counts:every=10ms,cell=4 or frames:every=2000; required for them.",
        ),
        click.option(
            "--sensor", callback=sensor_size, metavar="W,H", help="Events: the sensor's size, if the file has none."
        ),
    )  # fmt: skip
    for option in reversed(declared):
        command = option(command)
    return command


def waiting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of live sources."""
    declared = (
        click.option("--queue", type=int, metavar="N", help="Live: lines or frames that wait.  [default: 4096]"),
        click.option(
            "--when-full", type=click.Choice(["block", "drop-oldest", "drop-newest"]),
            help="Live: what happens to what comes when the queue is full.  [default: block]",
        ),
        click.option(
            "--reconnect", type=float, metavar="SECONDS",
            help="Live: how long a source that is not there, or is gone, is tried again.  [default: 0]",
        ),
        click.option("--idle", type=float, metavar="SECONDS", help="Live: end after so long a silence."),
    )  # fmt: skip
    for option in reversed(declared):
        command = option(command)
    return command


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how a source is opened, for commands that take the first samples of any source."""
    kinds = (root, inputs, label, samples_key, labels_key, header, delimiter, frames, image_size, standardise)
    command = events(command)
    for option in reversed(kinds):
        command = option()(command)
    return command
