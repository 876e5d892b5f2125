"""`neurosim stream`: samples through a chip that learns, and what came of it."""

import json
import sys
from typing import Any

import click

from neurosim.cli.faults import Interrupts, fail, find_cache, plainly

DEFAULT_NEURONS = [100]


def _numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[int] | None:
    """Return whole numbers given between commas."""
    try:
        return None if value is None else [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"must be whole numbers between commas, got {value!r}") from None


@click.command(
    "stream",
    epilog="Sources: digits, digits:train, digits:test, mnist:train, mnist:test, FILE.npy, FILE.npz, "
    "IDX files, FILE.h5[:DATASET[,LABELS]], FILE.csv, FILE.ndjson, or - for lines of CSV or JSON on standard input.",
)
@click.argument("source")
@click.option("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
@click.option("--neurons", callback=_numbers, metavar="K[,K2...]", help="Neurons of each layer.  [default: 100]")
@click.option("--temperature", type=float, metavar="T", help="Softness of the competition, in units of potential.")
@click.option("--gain", type=float, metavar="B", help="The same as a base: exp(1/T). Give one of the two.")
@click.option("--rate", type=float, metavar="R", help="Learning rate.")
@click.option("--window", type=int, metavar="N", help="Samples whose plasticity is summed before it is applied.")
@click.option(
    "--normalise", type=click.Choice(["none", "stream", "sample"]), help="Unit of the input.  [default: sample]"
)
@click.option("--initial", type=click.Choice(["uniform", "normal"]), help="First weights; normal for signed inputs.")
@click.option("--seed", type=int, metavar="S", help="Seed of the first weights.  [default: 0]")
@click.option("--epochs", default=1, show_default=True, help="How many times over.")
@click.option("--shuffle", type=int, metavar="S", help="Random order by this seed, another one each epoch.")
@click.option("--inputs", type=int, metavar="N", help="Width of a sample; a pipe needs it.")
@click.option("--label", metavar="COLUMN", help="Lines: the label's column, by name or number, or its JSON key.")
@click.option("--skip-bad", is_flag=True, help="Lines: pass over malformed ones and count them.")
@click.option("--replay", is_flag=True, help="Pipe: it begins anew, so pass over what the state has learned from.")
@click.option("--state", metavar="FILE", help="Keep the state here, and go on from it if it is there.")
@click.option("--restart", is_flag=True, help="Begin anew though the state is there.")
@click.option("--snapshot-samples", default=0, metavar="N", help="Write the state every N samples.")
@click.option(
    "--snapshot-seconds", default=10.0, show_default=True, metavar="T", help="Write the state every T seconds."
)
@click.option("--chunk", default=1, show_default=True, help="Samples handed over at a time; never changes results.")
@click.option("--threads", default=1, show_default=True, help="Layers at work at a time; never changes results.")
@click.option("--test", metavar="SOURCE", help="Measure accuracy on this stream when learning is done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plainly
def command(**options: Any) -> None:
    """Stream SOURCE through a chip that learns from each sample, once, in order.

    Interrupt it as you like: with --state, the same command goes on where it was, to the same bits.
    """
    find_cache()
    from neurosim import online
    from neurosim.streams import open_stream

    lines = {"label": options["label"], "skip_bad": options["skip_bad"]}
    stream = open_stream(
        options["source"], root=options["root"], inputs=options["inputs"],
        epochs=options["epochs"], shuffle=options["shuffle"], **lines,
    )  # fmt: skip
    test = None
    if options["test"] is not None:
        if not stream.replayable:
            fail("test must be left out for a pipe: its labels cannot be read again once learning is done")
        train = open_stream(options["source"], root=options["root"], inputs=options["inputs"], **lines)
        test = open_stream(options["test"], root=options["root"], inputs=stream.inputs, **lines)
        for labelled in (train, test):
            if not labelled.labelled:
                fail(f"labels of {labelled.name} must be there to measure accuracy, got none; for lines give --label")
    chip, position = _chip(options, stream)
    start = position if stream.replayable or options["replay"] else 0
    with Interrupts(online.Stop) as interrupts, _progress(chip, stream, start) as watch:
        report = online.run(
            chip, stream, state=options["state"], start=start, position=position, chunk=options["chunk"],
            threads=options["threads"], snapshot_samples=options["snapshot_samples"],
            snapshot_seconds=options["snapshot_seconds"], watch=watch, stop=interrupts.came, waiting=interrupts.waiting,
        )  # fmt: skip
    summary = report.summary(chip) | {"winner_accuracy": None, "readout_accuracy": None}
    if options["skip_bad"]:
        summary["bad_lines"] = getattr(stream, "bad", 0)
    if test is not None and not report.interrupted:
        from neurosim.readouts import judge

        summary |= judge(chip, train, test)._asdict()
    click.echo(json.dumps(summary) if options["as_json"] else _table(summary))
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _chip(options: dict[str, Any], stream: Any) -> tuple[Any, int]:
    """Return the chip, new or from its state, and the samples it has taken from the stream."""
    import os

    from neurosim import recipes, store
    from neurosim.chip import Chip

    names = ("temperature", "gain", "rate", "window", "normalise", "initial")
    asked = {name: options[name] for name in names if options[name] is not None}
    path = options["state"]
    if path is None or options["restart"] or not os.path.lexists(path):
        layers = [recipes.softhebb(neurons, **asked) for neurons in options["neurons"] or DEFAULT_NEURONS]
        return Chip(layers, inputs=stream.inputs, seed=options["seed"] or 0), 0
    loaded = store.read(path)
    chip = Chip.of(loaded, path)
    for name in ("neurons", "seed"):
        if options[name] is not None:
            asked[name] = options[name]
    if "temperature" in asked and "gain" in asked:
        fail("temperature or gain must be given, one of the two at most")
    found = _found(chip)
    differing = [
        f"{name} is {found[name]} there, {asked[name]} here" for name in asked if not _equal(asked[name], found[name])
    ]
    here = stream.identity()
    there = here if loaded.stream is None else loaded.stream  # None: saved from Python, not yet on any stream
    differing += [
        f"stream {name} is {there.get(name)} there, {here[name]} here" for name in here if here[name] != there.get(name)
    ]
    if differing:
        fail(f"state {path} must be of the same chip and stream to go on: {'; '.join(differing)}; or give --restart")
    if not stream.replayable and not options["replay"]:
        click.echo(
            f"Going on at sample {loaded.position} with what the pipe brings (--replay if it begins anew).", err=True
        )
    return chip, loaded.position


def _found(chip: Any) -> dict[str, list[Any] | Any]:
    """Return a chip's constants by the names of the options: a value for each layer."""
    layers = [layer.constants for layer in chip.layers]
    found: dict[str, Any] = {"seed": chip.seed, "neurons": [layer.neurons for layer in layers]}
    for name in ("temperature", "gain"):
        found[name] = [getattr(layer.competition, name, None) for layer in layers]
    found["rate"] = [layer.rule.rate for layer in layers]
    for name in ("window", "normalise", "initial"):
        found[name] = [getattr(layer, name) for layer in layers]
    return found


def _equal(asked: Any, found: Any) -> bool:
    return asked == found or (isinstance(found, list) and all(asked == value for value in found))


def _progress(chip: Any, stream: Any, start: int) -> Any:
    """Return a context that gives a callable for `run`: a bar on stderr, none without a terminal."""
    from contextlib import contextmanager

    from neurosim.metrics import never_won

    @contextmanager
    def bar() -> Any:
        if not sys.stderr.isatty():
            yield None
            return
        from tqdm import tqdm

        with tqdm(total=stream.length, initial=start, unit=" samples", file=sys.stderr, mininterval=0.2) as shown:

            def watch(report: Any) -> None:
                new = start + report.samples - shown.n
                if shown.update(new):
                    p50, p99 = (report.latencies.percentile(percent) or 0 for percent in (50, 99))
                    used = 1 - never_won(chip.layers[-1].state.wins)
                    shown.set_postfix_str(
                        f"p50 {p50 * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us, {used:.0%} in use", refresh=False
                    )

            yield watch

    return bar()


def _table(summary: dict[str, Any]) -> str:
    """Return the summary for people."""
    latency = summary["latency_s"]
    rows = [("samples", f"{summary['samples']:,} (at {summary['stream_position']:,} of the stream)")]
    if summary["samples"]:
        rows += [
            ("speed", f"{summary['samples_per_s']:,.0f} samples/s"),
            ("latency", ", ".join(f"{name} {latency[name] * 1e6:.1f} us" for name in latency)),
        ]
    rows.append(("never won", f"{summary['never_won']:.2%} of the last layer's neurons"))
    if summary["blank_samples"]:
        rows.append(("blank", f"{summary['blank_samples']:,} samples of zeros: nothing to learn"))
    if summary.get("bad_lines"):
        rows.append(("bad lines", f"{summary['bad_lines']:,} passed over"))
    if summary["winner_accuracy"] is not None:
        rows += [
            ("accuracy", f"{summary['winner_accuracy']:.2%} by the winner's label"),
            ("", f"{summary['readout_accuracy']:.2%} by a linear readout"),
        ]
    rows.append(("state", summary["state_sha256"][:16] + ("  (interrupted)" if summary["interrupted"] else "")))
    return "\n".join(f"{name:>10}  {value}" for name, value in rows)
