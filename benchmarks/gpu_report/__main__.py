"""Run the sections, each as a process of its own with its share of the time, and print one table last."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.gpu_report.frame import OutOfTime, Report, read, reason, table

GRACE = 8  # seconds from asking a section to stop until it is stopped
SHAPES = ((784, 2000), (784, 8000), (3072, 8000))
SMALL = ((784, 200),)
PRESETS = ("softhebb-cifar10-3layer", "softhebb-cifar10-3layer-published")


def sections(device: str) -> dict[str, float]:
    """Return the sections' names, and what share of the time each may take; what one leaves, later ones have."""
    shapes = SHAPES if device == "cuda" else SMALL
    return (
        {"machine": 25.0, "bits": 90.0}
        | {f"dense {inputs} -> {neurons}": 80.0 for inputs, neurons in shapes}
        | {f"conv {name}": 60.0 for name in PRESETS}
    )


def work(name: str, report: Report, device: str) -> None:
    """Do a section's work."""
    from benchmarks.gpu_report import bits, machine, speed

    kind, _, rest = name.partition(" ")
    if kind == "machine":
        machine.section(report, device)
    elif kind == "bits":
        bits.section(report, device)
    elif kind == "dense":
        speed.dense(report, device, *(int(size) for size in rest.split(" -> ")))
    else:
        speed.conv(report, device, rest)


def child(given: argparse.Namespace) -> None:
    """Be a section's process: stop when its time is up, between two lines of Python."""

    def up(*_) -> None:
        raise OutOfTime

    report = Report(given.rows, given.section, given.seconds)
    signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, given.seconds)
    try:
        with report.caught("the section"):
            work(given.section, report, given.device)
    except OutOfTime:
        report.add("the section", text="stopped: its time was up")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout.flush()
    os._exit(0)  # no library's threads, and no spoilt context, are to hold it up


def run(name: str, given: argparse.Namespace, rows: Path, seconds: float) -> None:
    """Run a section, and stop it if it does not stop itself."""
    print(f"--- {name}: at most {seconds:.0f} s", flush=True)
    begun = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.gpu_report", "--section", name, "--device", given.device]
    process = subprocess.Popen(
        [*command, "--rows", str(rows), "--seconds", str(seconds)], start_new_session=True, stderr=subprocess.STDOUT
    )
    report = Report(rows, name, 0)
    try:
        code = process.wait(seconds + GRACE)
        if code:
            report.add("the section", text=f"its process ended with {code}")
    except subprocess.TimeoutExpired:
        report.add("the section", text="killed: it hung, most likely on the GPU")
    finally:
        with contextlib.suppress(ProcessLookupError):  # its compilers', too
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    print(f"--- {name}: took {time.monotonic() - begun:.0f} s", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(prog="benchmarks.gpu_report", description=__doc__)
    options.add_argument("--minutes", type=float, default=8.0, help="that all of it may take")
    options.add_argument("--json", type=Path, help="file to write the rows to")
    options.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu tests the script alone")
    options.add_argument("--only", action="append", help="sections that begin so")
    for name, kind in (("section", str), ("rows", Path), ("seconds", float)):
        options.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.section:
        child(given)
    end = time.monotonic() + given.minutes * 60 - GRACE
    left = {name: share for name, share in sections(given.device).items()
            if not given.only or name.startswith(tuple(given.only))}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        for name in list(left):
            seconds = (end - time.monotonic()) * left[name] / sum(left.values())
            del left[name]
            try:
                run(name, given, rows, max(1.0, seconds))
            except Exception as error:
                Report(rows, name, 0).add("the section", text=f"could not run: {reason(error)}")
        found = sorted(read(rows), key=lambda row: row.section == "what the kernels take")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in found], indent=1), encoding="utf-8")
    print(table(found), flush=True)


if __name__ == "__main__":
    main()
