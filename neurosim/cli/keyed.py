"""`neurosim stream --key`: a stream that many sensors share, each with a chip of its own."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from neurosim.cli.compiled_code import find_cache
from neurosim.cli.emitting import with_width
from neurosim.cli.faults import echo_error, fail
from neurosim.cli.following import names
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.keyed_following import KeyedEmission, KeyedFollowing
from neurosim.cli.options import DEFAULT_KEYS, LAYER_CONSTANTS, RunOptions
from neurosim.cli.transforms import open_transformed, say_ready

if TYPE_CHECKING:
    from neurosim.cli.resume import Opened
    from neurosim.fleet.fleet import Fleet
    from neurosim.fleet.report import FleetReport
    from neurosim.fleet.workers import Worker
    from neurosim.streams import Stream

# What goes with --key; all else that is given is refused by its name.
TAKEN = {
    "source", "root", "neurons", "recipe", *LAYER_CONSTANTS, "seed", "epochs", "inputs", "label", "key", "keys",
    "worker", "header", "delimiter", "skip_bad", "replay", "state", "restart", "snapshot_samples", "snapshot_seconds",
    "device", "chunk", "threads", "as_json", "format", "queue", "when_full", "reconnect", "idle", "emit", "emit_format",
    "learning", "novelty", "novelty_quantile", "prequential", "label_share",
}  # fmt: skip


def learn_keyed(options: Any, no_bar: bool = False) -> None:
    """Do what the command does with `--key`; the options are those of `neurosim stream`."""
    _check_taken(options)
    find_cache()
    from neurosim.fleet.run import run_fleet
    from neurosim.fleet.workers import Worker
    from neurosim.online.pace import AUTO
    from neurosim.online.request import Request
    from neurosim.online.stop import Stop
    from neurosim.state import store
    from neurosim.state.checksum import FLEET

    options = with_width(options)
    worker = Worker() if options.worker is None else Worker.of(options.worker)
    stream = open_transformed(options.source, options)
    with nullcontext() if options.written is None else store.claim(options.written, FLEET):
        fleet, position, beside = (_fleet_for if options.learning else _frozen)(options, stream, worker)
        request = Request()
        with Interrupts(Stop, request.ask) as interrupts:
            following = KeyedFollowing(options, fleet, stream, beside)
            emission = KeyedEmission(options, fleet, stream, position, interrupts, following)
            if options.keys is not None:
                keys, each = options.keys, _bytes_per_key(fleet, emission.companions)
                echo_error(f"Memory: {keys * each / 1e6:,.1f} MB for {keys:,} keys, {each:,} bytes each.")
            say_ready(stream, interrupts.waiting)
            with nullcontext() if no_bar else _bar(fleet) as watch:
                report = run_fleet(
                    fleet, stream, state=options.written, start=position if stream.replayable or options.replay else 0,
                    position=position, worker=worker, chunk=AUTO if options.chunk is None else options.chunk,
                    skip_bad=options.skip_bad, snapshot_samples=options.snapshot_samples,
                    snapshot_seconds=options.snapshot_seconds, request=request, watch=watch, stop=emission.ends,
                    waiting=interrupts.waiting, claimed=True, listener=emission.listener,
                    companions=emission.companions, learning=options.learning,
                )  # fmt: skip
            summary = report.summary(fleet) | {"worker": options.worker, "classes": list(stream.classes)}
            summary["bytes_per_key"] = _bytes_per_key(fleet, emission.companions)
            summary["notes"] = list(stream.notes)
            emission.finish(summary)
            emission.say(json.dumps(summary, allow_nan=False) if options.as_json else _table(summary))
    if summary["interrupted"] and interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _check_taken(options: RunOptions) -> None:
    """Refuse options that do not go with keys."""
    context = click.get_current_context()
    for name in context.params:
        if name not in TAKEN and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(parameter for parameter in context.command.params if parameter.name == name)
            name = "/".join([*option.opts, *option.secondary_opts])
            fail(f"{name} must be left out with --key: a chip for each key does not take it yet")
    if options.device != "cpu":
        fail(f"device must be cpu with --key, got {options.device}")


def _frozen(options: Any, stream: "Stream", _worker: "Worker") -> "Opened":
    """Return the fleet that only responds: that of the state, at the beginning of the stream."""
    from neurosim.cli.resume import Opened, name_labels, rules_for
    from neurosim.fleet import store
    from neurosim.fleet.fleet import Fleet
    from neurosim.streams.base import check_columns

    if options.state is None:
        fail("state must be given with --key and --respond: in a new fleet no key has a chip")
    contents = store.read(options.state)
    check_columns(
        stream.name, stream.columns, (contents.stream or {}).get("columns", ()), "what the fleet learned from"
    )
    if "prequential" in contents.beside and "prequential" in names(options):
        name_labels(stream, contents.classes, contents.position)
    return Opened(Fleet.of(contents, options.state, rules_for(options), options.threads), 0, contents.beside)


def _fleet_for(options: RunOptions, stream: "Stream", worker: "Worker") -> "Opened":
    """Return a new fleet, or that of the state file, and how many samples of the stream were taken from it."""
    from neurosim.cli.resume import Opened, check_goes_on, layers_for, name_labels, rules_for, say_where
    from neurosim.fleet import store
    from neurosim.fleet.fleet import Fleet
    from neurosim.fleet.run import identity_of
    from neurosim.online.companion import go_on

    state, position, beside = options.state, 0, None
    if state is None or options.restart or not os.path.exists(state):
        layers: Any = layers_for(options, stream)
        capacity = options.keys or DEFAULT_KEYS
        fleet = Fleet(layers, inputs=stream.inputs, seed=options.seed or 0, capacity=capacity, threads=options.threads)
    else:
        contents = store.read(state)
        if options.keys is not None and options.keys < len(contents.arrays.get("seeds", ())):
            fail(f"keys must be at least the {len(contents.arrays['seeds'])} that the state has, got {options.keys}")
        contents = contents._replace(capacity=options.keys or contents.capacity)
        fleet = Fleet.of(contents, state, rules_for(options), options.threads)
        position, beside = contents.position, dict(contents.beside)
        here = identity_of(stream, worker)
        check_goes_on(state, options, stream, fleet.template, contents.stream, here, position)
        name_labels(stream, contents.classes, position)
        go_on(state, contents.beside, stream)
        if not stream.replayable and not options.replay:
            say_where(stream, position)
    return Opened(fleet, position, beside)


def _bytes_per_key(fleet: "Fleet", companions: "Iterable[Any]") -> int:
    """Return the bytes of memory for each key: of its chip, and of what scores and names its samples."""
    return fleet.bytes_per_chip + sum(getattr(companion, "bytes_per_key", 0) for companion in companions)


@contextmanager
def _bar(fleet: "Fleet") -> "Iterator[Callable[[FleetReport], None] | None]":
    """Draw a bar; give what moves it, None if there is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit=" samples", file=sys.stderr, mininterval=0.2) as bar:

        def watch(report: "FleetReport") -> None:
            if bar.update(report.taken - bar.n):
                bar.set_postfix_str(f"{len(fleet):,} keys", refresh=False)

        yield watch


def _table(summary: dict[str, Any]) -> str:
    """Return the summary as text for people."""
    from neurosim.cli.following import rows as said_of_samples
    from neurosim.cli.show import arrived

    bound = ", no limit" if summary["capacity"] is None else f" of at most {summary['capacity']:,}"
    rows = [
        ("keys", f"{summary['keys']:,}{bound}, {summary['bytes_per_key']:,} bytes each"),
        ("samples", f"{summary['samples']:,} (at {summary['stream_position']:,} of the stream)"),
    ]
    if summary["samples"]:
        rows.append(("speed", f"{summary['samples_per_s']:,.0f} samples/s"))
    rows += said_of_samples(summary)
    if "records" in summary:
        rows.append(("records", f"{summary['records']:,} on standard output"))
    if summary["worker"]:
        others = f"{summary['other_workers_samples']:,} samples of others' keys passed over"
        rows.append(("worker", f"{summary['worker']}; {others}"))
    if summary["snapshots"]:
        times = f"{summary['snapshot_write_s']:.2f} s; learning stood still for {summary['snapshot_s'] * 1e3:,.1f} ms"
        rows.append(("snapshots", f"{summary['snapshots']:,} written in {times}"))
    if summary["source"]:
        rows.append(("arrived", arrived(summary["source"])))
    if summary["bad_lines"]:
        rows.append(("bad lines", f"{summary['bad_lines']:,} passed over"))
    if summary["refused_samples"]:
        beyond = f", {summary['refused_keys_samples']:,} of them as their key is one too many or has no chip"
        rows.append(("refused", f"{summary['refused_samples']:,} samples passed over{beyond}"))
    if summary["diverged_keys"]:
        what = f"the chips of {summary['diverged_keys']:,} keys, which learn no more; neurosim inspect names them"
        rows.append(("diverged", what))
    rows += [("note", note) for note in summary["notes"]]
    rows.append(("state", summary["state_sha256"][:16] + ("  (interrupted)" if summary["interrupted"] else "")))
    return "\n".join(f"{name:>10}  {value}" for name, value in rows)
