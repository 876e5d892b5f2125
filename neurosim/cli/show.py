"""What `neurosim stream` shows: a bar on stderr while it runs, a table of the summary at the end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from neurosim.chip.chip import Chip
from neurosim.cli.following import rows as said_of_samples
from neurosim.instruments import never_won
from neurosim.online.drift import sentence
from neurosim.online.report import Report
from neurosim.streams import Stream

CLASSES_SHOWN = 10  # names in the table; the JSON has all
TOLD_ELSEWHERE = {"received", "bad", "names"}
ARRIVED = {  # what a live source counts, in words
    "dropped": "dropped by a full queue", "lost": "lost before", "cut": "cut off", "repeated": "repeated, passed over",
    "late": "with an earlier time", "same_time": "with an equal time", "left": "left when it ended",
    "outside": "events outside the sensor", "out_of_order": "events out of order",
}  # fmt: skip


@contextmanager
def progress(chip: Chip, stream: Stream, start: int) -> Iterator[Callable[[Report], None] | None]:
    """Draw a bar; give the `watch` of `neurosim.online.run.run` that moves it, None if there is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=stream.length, initial=start, unit=" samples", file=sys.stderr, mininterval=0.2) as bar:

        def watch(report: Report) -> None:
            if bar.update(start + report.samples - bar.n):
                p50, p99 = (report.latencies.percentile(percent) or 0 for percent in (50, 99))
                used = 1 - never_won(chip.layers[-1].state.wins)
                note = f"p50 {p50 * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us, {used:.0%} in use"
                bar.set_postfix_str(note, refresh=False)

        yield watch


def table(summary: dict[str, Any]) -> str:
    """Return the summary as text for people."""
    latency = summary["latency_s"]
    rows = [("samples", f"{summary['samples']:,} (at {summary['stream_position']:,} of the stream)")]
    if summary["samples"]:
        rows += [
            ("speed", f"{summary['samples_per_s']:,.0f} samples/s"),
            ("latency", ", ".join(f"{name} {latency[name] * 1e6:.1f} us" for name in latency)),
        ]
    rows += [
        (f"layer {number} on", f"{summary['device']}: {where}")
        for number, where in enumerate(summary["placement"] or (), 1)
    ]
    rows += said_of_samples(summary)
    if "records" in summary:
        rows.append(("records", f"{summary['records']:,} on standard output"))
    rows.append(("never won", f"{summary['never_won']:.2%} of the last layer's neurons"))
    if summary["drift"] is not None and summary["drift"]["alarm"]:
        rows.append(("drift", sentence(summary["drift"])))
    if summary["snapshots"]:
        times = f"{summary['snapshot_write_s']:.2f} s; learning stood still for {summary['snapshot_s'] * 1e3:,.1f} ms"
        rows.append(("snapshots", f"{summary['snapshots']:,} written in {times}"))
    if summary["blank_samples"]:
        rows.append(("blank", f"{summary['blank_samples']:,} samples of zeros: nothing to learn"))
    if summary["bad_lines"]:
        rows.append(("bad lines", f"{summary['bad_lines']:,} passed over"))
    if summary.get("source"):
        rows.append(("arrived", arrived(summary["source"])))
    if summary["refused_samples"]:
        rows.append(("refused", f"{summary['refused_samples']:,} samples passed over, which the chip does not admit"))
    if summary.get("files_passed_over"):
        rows.append(("not read", f"{summary['files_passed_over']:,} of the files that look like images"))
    if summary.get("numbers"):
        rows.append(("numbers", summary["numbers"]))
    rows += [("note", note) for note in summary.get("notes", ())]
    if summary.get("classes"):
        rows.append(("classes", _classes(summary["classes"])))
    rows += _accuracies(summary)
    rows.append(("state", summary["state_sha256"][:16] + ("  (interrupted)" if summary["interrupted"] else "")))
    return "\n".join(f"{name:>10}  {value}" for name, value in rows)


def arrived(source: dict[str, int]) -> str:
    """Return what a live source has counted, in words: what is 0, or is told elsewhere, is left out."""
    counts = {name: count for name, count in source.items() if count and name not in TOLD_ELSEWHERE}
    if counts.get("connections") == 1:
        del counts["connections"]
    told = [f"{count:,} {ARRIVED.get(name, name.replace('_', ' '))}" for name, count in counts.items()]
    return f"{source['received']:,} lines, frames or packets" + (f"; {', '.join(told)}" if told else "")


def _classes(names: list[str]) -> str:
    more = f" and {len(names) - CLASSES_SHOWN} more" if len(names) > CLASSES_SHOWN else ""
    return ", ".join(f"{number} {name}" for number, name in enumerate(names[:CLASSES_SHOWN])) + more


def _accuracies(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of accuracies that were measured; only the first one has a name."""
    readouts = {"winner_accuracy": "the winner's label", "readout_accuracy": "a linear readout"}
    texts = [f"{summary[name]:.2%} by {readout}" for name, readout in readouts.items() if summary[name] is not None]
    rows = list(zip(("accuracy", ""), texts, strict=False))
    if summary.get("test_unlabelled"):
        rows.append(("unlabelled", f"{summary['test_unlabelled']:,} test samples, which are left out"))
    if summary.get("test_unknown"):
        rows.append(("unknown", f"{summary['test_unknown']:,} test samples of classes never learned: wrong"))
    return rows
