"""`neurosim cost`: what a chip would cost, per sample, on described hardware."""

import json
import os
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.arrivals import arrival_options, arrivals_of, duration
from neurosim.cli.faults import check_files, fail, find_cache, plainly, say
from neurosim.cli.stream import numbers

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.hardware import CostReport
    from neurosim.streams import Stream


@click.command(
    "cost",
    epilog="Chips, what is priced and how, and how to describe a chip of your own: docs/hardware.md.",
)
@click.argument("chip", metavar="STATE|PRESET|RECIPE", required=False)
@click.option("--chip", "hardware", metavar="NAME|FILE.toml", help="The described chip; --list names those there are.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of it, by its dotted key.")
@click.option("--unverified", is_flag=True, help="Use constants that nobody vouches for, too.")
@click.option("--list", "listing", is_flag=True, help="List the described chips.")
@click.option("--stream", "source", metavar="STREAM", help="Samples, as for `neurosim stream`.")
@click.option("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
@click.option("--neurons", callback=numbers, metavar="K[,K2...]", help="A recipe's, of each layer.  [default: 100]")
@click.option("--weight-bits", type=int, metavar="B", help="A recipe's synapses: bits.  [default: float32]")
@click.option("--seed", type=int, metavar="S", help="Of first weights and of Poisson gaps.  [default: 0]")
@click.option("--rules", metavar="FILE.py", help="Run this file for the rules of one's own that the state names.")
@click.option("--learn/--respond", "learning", default=True, help="Learn, or only respond.  [default: learn]")
@click.option("--warm-up", default=0, show_default=True, metavar="N", help="Samples to learn from before.")
@click.option("--samples", type=int, default=1000, show_default=True, metavar="N", help="Samples to price.")
@arrival_options
@click.option("--deadline", callback=duration, metavar="TIME", help="Count samples that respond later, as 200us.")
@click.option("--image-size", type=int, metavar="N", help="images:FOLDER: height and width they are brought to.")
@click.option("--standardise", metavar="HOW", help="Images' channels: imagenet, or MEAN[,MEAN...]:STD[,STD...].")
@click.option("--inputs", type=int, metavar="N", help="Width of a sample; a pipe needs it.")
@click.option("--label", metavar="COLUMN", help="Lines: the label's column, by name or number, or its JSON key.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--record", metavar="FILE.csv", help="Write operations, energy and latency of every sample.")
@click.option("--figure", metavar="FILE.png", help="Draw the floor plan, energy by part, and latencies.")
@plainly
def command(**options: Any) -> None:
    """Price the samples of a stream on a described chip: energy, latency, memory; learning included.

    A state file is read and not written. Constants, their sources and what is not modelled are printed with the result.
    """
    find_cache()
    from neurosim import hardware
    from neurosim.cli.augment import augmented
    from neurosim.hardware.files import check_figure, check_record
    from neurosim.streams import open_stream

    if options["listing"]:
        say("\n".join(f"{name:<12}  {hardware.load(name).title}" for name in hardware.names()))
        return
    for name, what in (("chip", "STATE, PRESET or RECIPE"), ("hardware", "--chip"), ("source", "--stream")):
        if options[name] is None:
            fail(f"{what} must be given, got none")
    check_files(options, ("chip", "hardware", "rules", "timestamps"), ("record", "figure"))
    described = hardware.load(options["hardware"], _changes(options["changes"]))
    arrivals = arrivals_of(options)
    for name, check in (("record", check_record), ("figure", check_figure)):
        if options[name] is not None:
            check(options[name])
    reading = {name: options[name] for name in ("root", "inputs", "label", "image_size")}
    stream = augmented(open_stream(options["source"], **reading), None, None, options["standardise"])
    chip = _chip(options, stream)
    hardware.place(chip, described)
    hardware.check_learns(described, options["learning"], options["unverified"])
    _show(_priced(options, chip, stream, described, arrivals), options)


def _priced(options: dict[str, Any], chip: "Chip", stream: "Stream", described: Any, arrivals: Any) -> "CostReport":
    """Learn, count and price."""
    from neurosim import hardware

    counting = {name: options[name] for name in ("learning", "samples", "warm_up")}
    given = {name: options[name] for name in ("deadline", "unverified")}
    return hardware.price(hardware.count(chip, stream, **counting), described, arrivals=arrivals, **given)


def _show(report: "CostReport", options: dict[str, Any]) -> None:
    """Print it, then write what was asked for."""
    from neurosim.hardware.files import draw, record
    from neurosim.hardware.table import table

    summary = report.summary()
    say(json.dumps(summary, allow_nan=False) if options["as_json"] else table(summary))
    if options["record"] is not None:
        record(report, options["record"])
    if options["figure"] is not None:
        draw(report, options["figure"])


def _changes(changes: tuple[str, ...]) -> dict[str, Any]:
    """Return what --set changes: TOML's values."""
    import tomllib

    found = {}
    for change in changes:
        key, equals, value = change.partition("=")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
        if not equals or not key.strip():
            fail(f"set must be KEY=VALUE, such as structure.cores=64, got {change!r}")
    return found


def _chip(options: dict[str, Any], stream: "Stream") -> "Chip":
    """Return the chip of a state file, a preset, or a recipe."""
    from neurosim import presets
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.cli.resume import LAYER_OPTIONS, new_chip

    name = options["chip"]
    stored = os.path.exists(name) or name.endswith((".h5", ".hdf5"))
    preset = name in presets.names()
    if stored or preset:
        for option in ("neurons", "weight_bits"):
            if options[option] is not None:
                fail(f"{option} must be left out with {name}, which has its own, got {options[option]}")
    if stored:
        return Chip.load(name, rules=rules_in(options["rules"]))
    asked = options | {option: None for option in LAYER_OPTIONS if option not in options}
    return new_chip(asked | {"preset": name if preset else None, "recipe": None if preset else name}, stream)
