"""`neurosim sweep`: the designs of a study file, measured, and which of them no other one beats."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import INTERRUPTED, fail, plainly, say
from neurosim.cli.progress import progress

if TYPE_CHECKING:
    from neurosim.sweeps.executors import Executor
    from neurosim.sweeps.run import Engine, Row
    from neurosim.sweeps.study import Sweep

ROWS_SHOWN = 40  # of the front
LIKELY = 0.1  # from this probability on, a point that is not on the front is shown with it


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Values of the options of `neurosim sweep`."""

    study: str | None
    root: str
    out: str
    jobs: int | None
    dask: str | None
    only: str
    restart: bool
    listing: bool
    point: str | None
    as_json: bool

    @property
    def table(self) -> Path:
        """The file of all rows; the other files of the sweep are named after it."""
        return Path(self.out)


@click.command("sweep", epilog="What a study file holds: docs/sweeps.md.")
@click.argument("study", metavar="STUDY.toml", required=False)
@shared.root()
@click.option("--out", required=True, metavar="FILE.h5", help="The table; CSV, figures and records go beside it.")
@shared.jobs(metavar="N", help="Processes, of one thread each.  [default: 1]")
@click.option("--dask", metavar="ADDRESS", help="Work on a Dask cluster, whose scheduler is there: tcp://host:8786.")
@click.option("--only", default="", metavar="TEXT", help="Only points with this in their name or key: chip.seed=0.")
@click.option("--restart", is_flag=True, help="Forget what was measured before.")
@click.option("--list", "listing", is_flag=True, help="Measure nothing: only list the points.")
@click.option("--point", metavar="KEY", help="Measure one row of the table anew; STUDY is not read.")
@shared.as_json(help="Print rows as one JSON object.")
@plainly
def command(**values: Any) -> None:
    """Measure designs, and show those that no other one beats.

    STUDY.toml says what is the same at all points, what varies, and what for. Each finished point is kept: the same
    command goes on where it was interrupted or killed, and measures again what failed.
    """
    options = SweepOptions(**values)
    find_cache()
    if options.point is not None:
        _measure_again(options, options.point)
        return
    if options.study is None:
        fail("STUDY.toml must be given, got none")
    engine, rows = _chosen(options, options.study)
    if options.listing:
        _list(rows, options.as_json)
    else:
        _measure(options, engine, rows)


def _chosen(options: SweepOptions, study: str) -> tuple["Engine", list["Row"]]:
    """Return what measures a study, and the rows that --only chooses, with what is known of them.

    With --restart, records are deleted here, after all that can be refused has been.
    """
    from neurosim.experiments.cells import Folder
    from neurosim.sweeps import files, table
    from neurosim.sweeps.point import MEASURE_OF_A_POINT as MEASURE
    from neurosim.sweeps.run import Engine
    from neurosim.sweeps.study import read

    sweep = read(study, MEASURE.sections, MEASURE.measures)
    if options.only and sweep.search.method == "optuna":
        fail(f"--only must be left out with method = 'optuna', which needs all it asked for, got {options.only!r}")
    table.check(options.table, sweep.name)
    files.check(options.table, sweep)
    restart = options.restart and not options.listing
    records, no_records = Folder(options.table.with_suffix(".points")), Folder(options.table.with_suffix(".none"))
    engine = Engine(sweep, MEASURE, options.root, records, options.only)
    known = Engine(sweep, MEASURE, options.root, no_records, options.only) if restart else engine
    rows = [row for row in known.rows() if engine.chosen(row.point)]
    if not rows:
        fail(f"--only must be part of a point's name or key, got {options.only!r}; --list shows them")
    if restart:
        engine.forget()
    return engine, rows


def _measure(options: SweepOptions, engine: "Engine", chosen: list["Row"]) -> None:
    """Measure what is left; however that ends, write the rows that there are, and show them."""
    from neurosim.sweeps import files
    from neurosim.sweeps.chances import with_chances

    sweep, interrupted = engine.sweep, False
    total = sweep.search.points if sweep.search.method == "optuna" else len(chosen)
    done = sum(row.record["status"] == "done" for row in chosen)
    executor = _executor(options)
    try:
        with progress(total, done, "points") as advance:
            engine.run(executor, lambda point, record: advance(f"{point.name} {record['status']}"))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        executor.close()
        rows = with_chances(sweep, engine.measure.sections[: engine.measure.learning], engine.rows())
        if any(row.record["status"] != "open" for row in rows):
            files.write(options.table, engine, rows)
    _show(sweep, rows, options)
    _fail_if_unfinished(rows, interrupted)


def _fail_if_unfinished(rows: list["Row"], interrupted: bool) -> None:
    failed = [row for row in rows if row.record["status"] == "failed"]
    if interrupted:
        open_rows = sum(row.record["status"] == "open" for row in rows)
        fail(f"interrupted with {open_rows} points open; the same command goes on from there", INTERRUPTED)
    if failed:
        name, error = failed[0].point.name, failed[0].record["error"]
        fail(f"{len(failed)} of {len(rows)} points failed, {name} by {error}; the same command measures them again")


def _executor(options: SweepOptions) -> "Executor":
    from neurosim.sweeps.cluster import Cluster
    from neurosim.sweeps.executors import Local

    if options.dask is None:
        return Local(options.jobs or 1)
    if options.jobs is not None:
        fail(f"jobs must be left out with --dask, whose workers say how many, got {options.jobs}")
    return Cluster(options.dask)


def _list(rows: list["Row"], as_json: bool) -> None:
    """Print the points and what is known of them."""
    from neurosim.sweeps.table import entries

    if as_json:
        say(json.dumps([entries(row) for row in rows], allow_nan=False))
    else:
        say("\n".join(f"{row.point.key}  {row.record['status']:<6}  {row.point.name}" for row in rows))


def _show(sweep: "Sweep", rows: list["Row"], options: SweepOptions) -> None:
    """Print all rows as JSON, or the front as a table."""
    from neurosim.sweeps.comparable import unlike
    from neurosim.sweeps.table import entries

    warnings = unlike(sweep, rows)
    counts = {status: sum(row.record["status"] == status for row in rows) for status in ("done", "failed", "open")}
    if options.as_json:
        summary = {"sweep": sweep.name, "objectives": sweep.objectives, **counts, "out": str(options.table)}
        summary["warnings"] = warnings
        say(json.dumps(summary | {"points": [entries(row) for row in rows]}, allow_nan=False))
        return
    say(_front(sweep, rows, counts["done"]))
    for index, text in enumerate(warnings):
        say(f"  {text}" if index else f"\nwarning: {text}")
    say(f"\n{counts['done']} done, {counts['failed']} failed, {counts['open']} open; all rows: {options.table}")
    lossy = [row for row in rows if "no_accuracy" in (row.record.get("measures") or {})]
    if lossy:
        name, why = lossy[0].point.name, lossy[0].record["measures"]["no_accuracy"]
        say(f"{len(lossy)} lose events and have no accuracy, {name} because {why}")


def _front(sweep: "Sweep", rows: list["Row"], done: int) -> str:
    """Return the table of the points that no other one beats, or may be, ordered by the first objective."""
    from neurosim.experiments.cells import Table
    from neurosim.experiments.tables import markdown

    first = next(iter(sweep.objectives))
    shown = [row for row in rows if row.best or (row.chance or 0) >= LIKELY]
    shown = [row for row in shown if all(row.record["measures"].get(name) is not None for name in sweep.objectives)]
    shown.sort(key=lambda row: row.record["measures"][first])
    best = sum(row.best for row in rows)
    cells = [
        [row.point.key, *(str(value) for value in row.point.varied.values()),
         *(f"{row.record['measures'][name]:.4g}" for name in sweep.objectives),
         "yes" if row.best else "no", "-" if row.chance is None else f"{row.chance:.0%}"]
        for row in shown[-ROWS_SHOWN:]
    ]  # fmt: skip
    objectives = [f"{name} ({direction})" for name, direction in sweep.objectives.items()]
    title = f"{sweep.name}: {best} of {done} points that no other one beats"
    if len(shown) > best:
        title += f", and {len(shown) - best} that are on the front with a probability of {LIKELY:.0%} or more"
    return markdown(Table("front", title, ["key", *sweep.vary, *objectives, "front", "P(on the front)"], cells))


def _measure_again(options: SweepOptions, key: str) -> None:
    """Measure the configuration of a row again, and say whether its measures are equal."""
    from neurosim.sweeps import table
    from neurosim.sweeps.again import again
    from neurosim.sweeps.point import MEASURE_OF_A_POINT as MEASURE

    for name in ("study", "only", "dask", "jobs", "restart", "listing"):
        if getattr(options, name):
            fail(f"{name} must be left out with --point, got {getattr(options, name)!r}")
    matching = [row for row in table.read(options.table) if row["key"] == key]
    if not matching:
        fail(f"point must be the key of a row in {options.table}, got {key!r}")
    before, after = again(matching[0], MEASURE, options.root)
    different = [name for name in after if before.get(name) != after[name]]
    if options.as_json:
        result = {"key": key, "equal": not different, "before": before, "after": after}
        say(json.dumps(result, allow_nan=False))
    else:
        say("\n".join(f"{name:<24} {value}" for name, value in after.items()))
    if different:
        fail(f"measures of {key} must be those of its row, and differ in {', '.join(different)}")
    if not options.as_json:
        say("equal to the row")
