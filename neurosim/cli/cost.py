"""`neurosim cost`: what a chip would cost, per sample, on described hardware."""

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.arrivals import arrivals_of
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import check_files, fail, plainly, say
from neurosim.cli.options import ArrivalOptions, ChipOptions, SourceOptions
from neurosim.cli.transforms import open_transformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurosim.chip.chip import Chip
    from neurosim.cli.resume import Admit
    from neurosim.hardware import CostReport, Hardware
    from neurosim.hardware.placement.strategies.options import Placement
    from neurosim.layers.conv import ConvWTA
    from neurosim.layers.dense import DenseWTA
    from neurosim.streams import Stream

MOST_FORESEEN = 2**24  # neurons; of more, the weights are refused at once


@dataclass(frozen=True, kw_only=True)
class CostOptions(SourceOptions, ChipOptions, ArrivalOptions):
    """Values of the options of `neurosim cost`."""

    chip: str | None
    hardware: str | None
    changes: tuple[str, ...]
    unverified: bool
    placement: str | None
    listing: bool
    keys: bool
    source: str | None
    rules: str | None
    learning: bool
    warm_up: int
    samples: int
    deadline: float | None
    as_json: bool
    record: str | None
    figure: str | None


@click.command(
    "cost",
    epilog="Chips, what is priced and how, and how to describe a chip of your own: docs/hardware.md.",
)
@click.argument("chip", metavar="STATE|PRESET|RECIPE", required=False)
@shared.hardware(help="The described chip; --list names those there are.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of it, by its dotted key.")
@shared.unverified()
@click.option(
    "--placement",
    metavar="rows|spread|optimised|FILE.toml",
    help="Where layers go: on few cores, on all, near each other, or by hand.  [default: rows]",
)
@click.option("--list", "listing", is_flag=True, help="List the described chips.")
@click.option("--keys", is_flag=True, help="Print all keys of a description, as Markdown.")
@shared.stream()
@shared.root()
@shared.neurons(help=f"A recipe's, of each layer.  [default: {shared.DEFAULT_NEURONS}]")
@shared.weight_bits(help="A recipe's synapses: bits.  [default: float32]")
@shared.seed(help="Of first weights, and of Poisson gaps without --arrivals-seed.  [default: 0]")
@shared.rules()
@shared.learning()
@shared.warm_up(default=0, help="Samples to learn from before.")
@shared.samples(default=1000, show_default=True, help="Samples to price.")
@shared.arrivals()
@shared.deadline(help="Count samples that respond later, as 200us.")
@shared.events
@shared.image_size()
@shared.standardise()
@shared.inputs()
@shared.label()
@shared.header()
@shared.delimiter()
@shared.frames()
@shared.as_json()
@click.option("--record", metavar="FILE.csv", help="Write operations, energy and latency of every sample.")
@shared.figure(help=f"Draw the floor plan, energy by part, and latencies; {shared.FORMATS}")
@plainly
def command(**values: Any) -> None:
    """Price the samples of a stream on a described chip: energy, latency, memory; learning included.

    A state file is read and not written. Constants, their sources and what is not modelled are printed with the result.
    """
    options = CostOptions(**values)
    if options.listing:
        _list()
    elif options.keys:
        _print_keys()
    elif options.chip is None:
        fail("STATE, PRESET or RECIPE must be given, got none")
    elif options.hardware is None:
        fail("--chip must be given, got none")
    elif options.source is None:
        fail("--stream must be given, got none")
    else:
        _price(options, options.chip, options.hardware, options.source)


def _list() -> None:
    from neurosim import hardware

    say("\n".join(f"{name:<12}  {hardware.load(name).title}" for name in hardware.names()))


def _print_keys() -> None:
    from neurosim.hardware.chips.key_table import page

    say(page().rstrip("\n"))


def _price(options: CostOptions, name: str, described: str, source: str) -> None:
    """Price a state, preset or recipe on a described chip, after checking all that can be checked before."""
    find_cache()
    from neurosim import hardware
    from neurosim.hardware.files import check_figure, check_record
    from neurosim.hardware.placement.strategies.options import as_placement

    check_files(
        os.path.join(options.root, source),
        {
            "STATE": name,
            "chip": described,
            "rules": options.rules,
            "timestamps": options.timestamps,
            "placement": options.placement,
        },
        {"record": options.record, "figure": options.figure},
    )
    target, placement = hardware.load(described, _changes(options.changes)), as_placement(options.placement)
    arrivals = arrivals_of(options)
    if options.record is not None:
        check_record(options.record)
    if options.figure is not None:
        check_figure(options.figure)
    stream = open_transformed(source, options)
    chip = _chip(options, name, stream, _admission(target, placement))
    hardware.place(chip, target, placement)
    hardware.check_learns(target, options.learning, options.unverified)
    counts = hardware.count(chip, stream, learning=options.learning, samples=options.samples, warm_up=options.warm_up)
    report = hardware.price(
        counts, target, arrivals=arrivals, deadline=options.deadline, unverified=options.unverified,
        placement=placement,
    )  # fmt: skip
    _show(report, options)


def _changes(changes: tuple[str, ...]) -> dict[str, Any]:
    """Return the values that --set changes, by their keys; what is not TOML is text."""
    from neurosim.errors import ConfigError
    from neurosim.outside import toml

    values: dict[str, Any] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key.strip():
            raise ConfigError("set", "KEY=VALUE, such as structure.cores=64", change)
        named = key.strip() if key.isprintable() else "value of --set"
        values[key.strip()] = toml.value_of(named, text)
    return values


def _admission(target: "Hardware", placement: "Placement") -> "Admit":
    """Return a function that refuses dense layers which do not fit, before their weights take time and memory."""
    from neurosim.hardware.placement.demand import before_weights
    from neurosim.hardware.placement.strategies.options import OPTIMISED, ROWS
    from neurosim.hardware.placement.strategies.placing import place

    wanted = replace(placement, strategy=ROWS) if placement.strategy == OPTIMISED else placement  # which begins by rows

    def admit(layers: "Sequence[DenseWTA | ConvWTA]", inputs: int) -> None:
        demands = before_weights(layers, inputs)
        if demands and sum(layer.neurons for layer in demands) <= MOST_FORESEEN:
            place(demands, target, wanted)

    return admit


def _chip(options: CostOptions, name: str, stream: "Stream", admit: "Admit") -> "Chip":
    """Return the chip of a state file, a preset, or a recipe."""
    from neurosim import presets
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.cli.resume import new_chip

    is_state = os.path.exists(name) or name.endswith((".h5", ".hdf5"))
    is_preset = name in presets.names()
    if is_state or is_preset:
        for option, value in (("neurons", options.neurons), ("weight_bits", options.weight_bits)):
            if value is not None:
                fail(f"{option} must be left out with {name}, which has its own, got {value}")
    if is_state:
        return Chip.load(name, rules=rules_in(options.rules))
    return new_chip(replace(options, preset=name) if is_preset else replace(options, recipe=name), stream, admit)


def _show(report: "CostReport", options: CostOptions) -> None:
    """Print the report before its files are written: a full disk must not lose it."""
    from neurosim.hardware.files import draw, record
    from neurosim.hardware.table import table

    summary = report.summary()
    say(json.dumps(summary, allow_nan=False) if options.as_json else table(summary))
    if options.record is not None:
        record(report, options.record)
    if options.figure is not None:
        draw(report, options.figure)
