"""`neurosim sweep`: the designs of a study file, measured, and which of them no other one beats."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.faults import fail, find_cache, plainly, say
from neurosim.cli.progress import progress

if TYPE_CHECKING:
    from neurosim.sweeps.executors import Executor
    from neurosim.sweeps.run import Engine, Row
    from neurosim.sweeps.study import Sweep

INTERRUPTED = 130
SHOWN = 40  # rows of the front


@click.command("sweep", epilog="What a study file holds: docs/sweeps.md.")
@click.argument("study", metavar="STUDY.toml", required=False)
@click.option("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
@click.option("--out", required=True, metavar="FILE.h5", help="The table; CSV, figures and records go beside it.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes, of one thread each.  [default: 1]")
@click.option("--dask", metavar="ADDRESS", help="Work on a Dask cluster, whose scheduler is there: tcp://host:8786.")
@click.option("--only", default="", metavar="TEXT", help="Only points with this in their name or key: chip.seed=0.")
@click.option("--restart", is_flag=True, help="Forget what was measured before.")
@click.option("--list", "listing", is_flag=True, help="Measure nothing: only list the points.")
@click.option("--point", metavar="KEY", help="Measure one row of the table anew; STUDY is not read.")
@click.option("--json", "as_json", is_flag=True, help="Print rows as one JSON object.")
@plainly
def command(**options: Any) -> None:
    """Measure designs, and show those that no other one beats.

    STUDY.toml says what is the same at all points, what varies, and what for. Each finished point is kept: the same
    command goes on where it was interrupted or killed, and measures again what failed.
    """
    find_cache()
    out = Path(options["out"])
    if options["point"] is not None:
        _again(options, out)
        return
    if options["study"] is None:
        fail("STUDY.toml must be given, got none")
    from neurosim.experiments.cells import Folder
    from neurosim.sweeps import files, study, table
    from neurosim.sweeps.point import MEASURE_OF_A_POINT as MEASURE
    from neurosim.sweeps.run import Engine

    read = study.read(options["study"], MEASURE.sections, MEASURE.measures)
    if options["only"] and read.search.method == "optuna":
        fail(f"--only must be left out with method = 'optuna', which needs all it asked for, got {options['only']!r}")
    table.check(out, read.name)
    files.check(out, read)
    anew = options["restart"] and not options["listing"]
    records, nothing = Folder(out.with_suffix(".points")), Folder(out.with_suffix(".none"))
    engine = Engine(read, MEASURE, options["root"], records, options["only"])
    seen = Engine(read, MEASURE, options["root"], nothing, options["only"]) if anew else engine
    chosen = [row for row in seen.rows() if engine.chosen(row.point)]
    if not chosen:
        fail(f"--only must be part of a point's name or key, got {options['only']!r}; --list shows them")
    if anew:  # and nothing before that is known to be wrong
        engine.forget()
    if options["listing"]:
        _list(chosen, options["as_json"])
        return
    _measure(options, engine, chosen, out)


def _measure(options: dict[str, Any], engine: "Engine", chosen: list["Row"], out: Path) -> None:
    """Measure what is left, write what there is then, however it ended, and show it."""
    from neurosim.sweeps import files

    sweep, interrupted = engine.sweep, False
    done = sum(row.record["status"] == "done" for row in chosen)
    executor = _executor(options)
    try:
        with progress(sweep.search.points if sweep.search.method == "optuna" else len(chosen), done, "points") as tell:
            engine.run(executor, lambda point, record: tell(f"{point.name} {record['status']}"))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        executor.close()
        rows = engine.rows()
        if any(row.record["status"] != "open" for row in rows):
            files.write(out, engine, rows)
    _show(sweep, rows, out, options["as_json"])
    failed = [row for row in rows if row.record["status"] == "failed"]
    open_ones = sum(row.record["status"] == "open" for row in rows)
    if interrupted:
        fail(f"interrupted with {open_ones} points open; the same command goes on from there", INTERRUPTED)
    if failed:
        name, error = failed[0].point.name, failed[0].record["error"]
        fail(f"{len(failed)} of {len(rows)} points failed, {name} by {error}; the same command measures them again")


def _executor(options: dict[str, Any]) -> "Executor":
    from neurosim.sweeps.cluster import Cluster
    from neurosim.sweeps.executors import Local

    if options["dask"] is None:
        return Local(options["jobs"] or 1)
    if options["jobs"] is not None:
        fail(f"jobs must be left out with --dask, whose workers say how many, got {options['jobs']}")
    return Cluster(options["dask"])


def _list(rows: list["Row"], as_json: bool) -> None:
    """Print the points and what is known of them."""
    from neurosim.sweeps.table import entries

    if as_json:
        say(json.dumps([entries(row) for row in rows], allow_nan=False))
    else:
        say("\n".join(f"{row.point.key}  {row.record['status']:<6}  {row.point.name}" for row in rows))


def _show(sweep: "Sweep", rows: list["Row"], out: Path, as_json: bool) -> None:
    """Print all rows as JSON, or the front as a table."""
    from neurosim.experiments.cells import Table
    from neurosim.experiments.tables import markdown
    from neurosim.sweeps.table import entries

    counts = {status: sum(row.record["status"] == status for row in rows) for status in ("done", "failed", "open")}
    if as_json:
        plain = {"sweep": sweep.name, "objectives": sweep.objectives, **counts, "out": str(out)}
        say(json.dumps(plain | {"points": [entries(row) for row in rows]}, allow_nan=False))
        return
    wishes = [f"{name} ({wish})" for name, wish in sweep.objectives.items()]
    first = next(iter(sweep.objectives))
    best = sorted((row for row in rows if row.best), key=lambda row: row.record["measures"][first])
    cells = [
        [row.point.key, *(str(value) for value in row.point.varied.values()),
         *(f"{row.record['measures'][name]:.4g}" for name in sweep.objectives)]
        for row in best[-SHOWN:]
    ]  # fmt: skip
    title = f"{sweep.name}: {len(best)} of {counts['done']} points that no other one beats"
    say(markdown(Table("front", title, ["key", *sweep.vary, *wishes], cells)))
    say(f"\n{counts['done']} done, {counts['failed']} failed, {counts['open']} open; all rows: {out}")


def _again(options: dict[str, Any], out: Path) -> None:
    """Measure a row's configuration anew, and say whether its measures are equal."""
    from neurosim.sweeps import table
    from neurosim.sweeps.again import again
    from neurosim.sweeps.point import MEASURE_OF_A_POINT as MEASURE

    for name in ("study", "only", "dask", "jobs", "restart", "listing"):
        if options[name]:
            fail(f"{name} must be left out with --point, got {options[name]!r}")
    key = options["point"]
    matching = [row for row in table.read(out) if row["key"] == key]
    if not matching:
        fail(f"point must be the key of a row in {out}, got {key!r}")
    before, after = again(matching[0], MEASURE, options["root"])
    different = [name for name in after if before.get(name) != after[name]]
    say(json.dumps({"key": key, "equal": not different, "before": before, "after": after}, allow_nan=False)
        if options["as_json"] else "\n".join(f"{name:<24} {value}" for name, value in after.items()))  # fmt: skip
    if different:
        fail(f"measures of {key} must be those of its row, and differ in {', '.join(different)}")
    if not options["as_json"]:
        say("equal to the row")
