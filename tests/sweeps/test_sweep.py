"""Sweeps at work: what fails, dies, is killed or interrupted costs no other point, and rows are equal afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sweeping
from thinned import few_of

import neurosim as ns
from neurosim.sweeps.cluster import Cluster
from neurosim.sweeps.executors import Local

SUPPORT = Path(__file__).parents[1] / "support"
FOUR = {"made.x": [1.0, 2.0], "sold.price": [1.0, 2.0]}


def learned(log):
    return sorted(line.split()[0] for line in log.read_text().splitlines())


def test_points_that_differ_in_hardware_share_one_learning_run(tmp_path):
    rows = sweeping.run(sweeping.sweep_of(vary=FOUR, made={"log": str(tmp_path / "log")}), tmp_path / "a")
    assert learned(tmp_path / "log") == ["1.0", "2.0"]
    assert [row["cost"] for row in rows] == [1.0, 2.0, 2.0, 4.0]
    assert [row["front"] for row in rows] == [True, False, True, False]
    assert {row["threads"] for row in rows} == {"1,1"}
    assert {row["nothing"] for row in rows} == {None}


def test_a_failure_is_on_record_in_one_line_and_measured_again(tmp_path):
    sweep = sweeping.sweep_of(vary={"made.x": [1.0, "bad"], "sold.fail": [False, True]},
                              made={"log": str(tmp_path / "log")})  # fmt: skip
    rows = sweeping.run(sweep, tmp_path / "a")
    assert [row["error"] for row in rows] == ["", "ValueError: no price", *["RuntimeError: two lines"] * 2]
    assert sweeping.run(sweep, tmp_path / "a") == rows
    assert learned(tmp_path / "log") == ["1.0", "1.0", "bad", "bad"]


def test_nothing_is_learned_for_points_that_fail_without(tmp_path):
    sweep = sweeping.sweep_of(vary={"made.x": [1.0], "sold.price": [-1.0, 2.0, -2.0]},
                              made={"log": str(tmp_path / "log")})  # fmt: skip
    rows = sweeping.run(sweep, tmp_path / "a")
    assert [row["status"] for row in rows] == ["failed", "done", "failed"]
    sweeping.run(sweep, tmp_path / "a")
    assert learned(tmp_path / "log") == ["1.0"]


@pytest.mark.parametrize("jobs", few_of([3, 1]))
def test_a_process_that_dies_costs_its_own_points_alone(tmp_path, jobs):
    sweep = sweeping.sweep_of(vary={"made.x": [1.0, 2.0, "dead", 3.0, 4.0, 5.0]})
    rows = sweeping.run(sweep, tmp_path / "a", Local(jobs))
    assert [row["status"] for row in rows] == ["done", "done", "failed", "done", "done", "done"]
    assert rows[2]["error"].startswith("its process ended: TerminatedWorkerError: ")


@pytest.mark.filterwarnings("error")
def test_what_an_interrupt_finds_written_is_done_and_what_it_cancels_is_no_warning(tmp_path, monkeypatch):
    engine = sweeping.engine_of(sweeping.sweep_of(vary={"made.x": [float(x) for x in range(40)]}), tmp_path / "a")
    write, executor = engine.folder.write, Local(2)

    def write_and_interrupt(cell, record):
        write(cell, record)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.folder, "write", write_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine.run(executor)
    executor.close()
    assert [row.record["status"] for row in engine.rows()].count("done") == 1


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_optuna_asks_the_same_whatever_the_jobs_and_where_it_was_stopped(tmp_path, jobs):
    pytest.importorskip("optuna", reason="the extra studies is not installed")
    search = {"method": "optuna", "points": 18, "batch": 3, "seed": 5}
    wide = {"made.x": {"low": 0.1, "high": 9.0, "log": True}, "made.y": [0, 1, 2], "sold.price": {"low": 1, "high": 4}}
    rows = sweeping.run(sweeping.sweep_of(search, wide), tmp_path / "a", Local(1))
    assert len(rows) == 18

    def stop(_point, _record, left=[7]):  # noqa: B006
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweeping.run(sweeping.sweep_of(search, wide), tmp_path / "b", Local(jobs), stop)
    left = sweeping.plain(sweeping.engine_of(sweeping.sweep_of(search, wide), tmp_path / "b").rows())
    assert [row["status"] for row in left].count("done") == 7
    assert sweeping.run(sweeping.sweep_of(search, wide), tmp_path / "b", Local(jobs)) == rows


def test_optuna_is_told_of_failures(tmp_path):
    pytest.importorskip("optuna", reason="the extra studies is not installed")
    search = {"method": "optuna", "points": 12, "batch": 4}
    rows = sweeping.run(sweeping.sweep_of(search, {"made.x": [1.0, 2.0, "bad"]}), tmp_path / "a")
    assert {row["status"] for row in rows} == {"done", "failed"}
    assert len(rows) == 3  # a point asked for again is not measured again


def begun(tmp_path, out):
    """Start a sweep in a process, and wait until three points are finished; most wait for the file `go`."""
    study = tmp_path / "study.toml"
    places = ", ".join(f"{place}.0" for place in range(40))
    study.write_text(
        f'name = "long"\nsearch.method = "grid"\nmade.wait = "{tmp_path}/go"\n'
        f'objectives.worth = "max"\nvary.made.x = [{places}]\n'
    )
    words = [sys.executable, str(SUPPORT / "sweeping.py"), str(study), str(out)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 3000
    while len(list(out.glob("cells/point-*.json"))) < 3 and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return study, process


def finished(out):
    return {path.name: path.stat().st_mtime_ns for path in out.glob("cells/point-*.json")}


def test_a_sweep_that_is_killed_goes_on_and_its_rows_are_equal(tmp_path):
    study, process = begun(tmp_path, tmp_path / "killed")
    process.kill()
    process.communicate()
    (tmp_path / "go").touch()
    kept = finished(tmp_path / "killed")
    assert 3 <= len(kept) < 40
    until = time.monotonic() + 300
    while is_left(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_left(process.pid)  # its workers end with it
    read = sweeping.study.read(study, sweeping.MEASURE.sections, sweeping.MEASURE.measures)
    rows = sweeping.run(read, tmp_path / "killed")
    assert kept.items() <= finished(tmp_path / "killed").items()
    assert rows == sweeping.run(read, tmp_path / "whole")


@pytest.mark.slow
def test_a_worker_without_a_task_ends_with_a_sweep_that_is_killed(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(f'name = "one"\nsearch.method = "grid"\nmade = {{x = 20.0, wait = "{tmp_path}/never", '
                     f'log = "{tmp_path}/log"}}\nobjectives.worth = "max"\n')  # fmt: skip
    words = [sys.executable, str(SUPPORT / "sweeping.py"), str(study), str(tmp_path / "out")]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 300
    while not (tmp_path / "log").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert len(children(process.pid)) > 1
    process.kill()
    process.wait()
    until = time.monotonic() + 100  # without a task, a worker of loky's own ends after 300 s
    while is_left(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    left = is_left(process.pid)
    if left:
        os.killpg(process.pid, signal.SIGKILL)
    assert not left


def test_workers_execute_no_file_of_the_working_folder(tmp_path):
    for name in ("signal", "types", "random"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')\nraise SystemExit('the user\\'s code')\n")
    study = tmp_path / "study.toml"
    study.write_text('name = "a"\nsearch.method = "grid"\nobjectives.worth = "max"\nvary.made.x = [1.0, 2.0]\n')
    words = [sys.executable, "-P", str(SUPPORT / "sweeping.py"), str(study), str(tmp_path / "out")]
    paths = [SUPPORT, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "executed").exists()
    assert len(finished(tmp_path / "out")) == 2


def children(parent):
    """Return the worker processes of loky that a process has started."""
    words = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if "LokyProcess" in line]


def is_left(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_other_records_and_data_are_refused(tmp_path):
    sweep = sweeping.sweep_of(vary=FOUR)
    sweeping.run(sweep, tmp_path / "a")
    path = next((tmp_path / "a" / "cells").iterdir())
    record = json.loads(path.read_text())
    path.write_text("{")
    with pytest.raises(ns.StateError, match="must be a cell's record that can be read"):
        sweeping.engine_of(sweep, tmp_path / "a").rows()
    for place, file in enumerate((tmp_path / "a" / "cells").iterdir()):
        held = record if file == path else json.loads(file.read_text())
        file.write_text(json.dumps(held | {"measures": held["measures"] | {"data": f"{place}"}}))
    with pytest.raises(ns.StateError, match="must be of the same data, and"):
        sweeping.engine_of(sweep, tmp_path / "a").rows()


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="the extra studies is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as started:
        yield started


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of another project's sockets
def test_a_cluster_gives_equal_rows(tmp_path, cluster):
    sweep = sweeping.sweep_of(vary={"made.x": [1.0, 2.0, 3.0, "bad"], "sold.price": [1.0, 2.0]})
    rows = sweeping.run(sweep, tmp_path / "a", Cluster(cluster.scheduler_address))
    assert rows == sweeping.run(sweep, tmp_path / "b", Local(2))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_points_of_a_dead_worker_are_measured_by_another(tmp_path, cluster):
    vary = {"made.x": [float(place) for place in range(8)]}
    made = {"wait": 0.1, "kill": str(tmp_path / "dead"), "log": str(tmp_path / "log")}
    rows = sweeping.run(sweeping.sweep_of(vary=vary, made=made), tmp_path / "a", Cluster(cluster.scheduler_address))
    assert {row["status"] for row in rows} == {"done"}
    dead = (tmp_path / "dead").read_text()
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    (at,) = [x for x, process in lines if process == dead][-1:]
    assert [process == dead for x, process in lines if x == at] == [True, False]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_point_that_kills_every_worker_fails_and_no_call_waits_for_ever(tmp_path, cluster):
    sweep = sweeping.sweep_of(vary={"made.x": [1.0, "dead"]})
    rows = sweeping.run(sweep, tmp_path / "a", Cluster(cluster.scheduler_address))
    assert rows[1]["error"].startswith("its process ended: KilledWorker: ")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_is_not_there_is_said():
    pytest.importorskip("distributed", reason="the extra studies is not installed")
    with pytest.raises(ns.ConfigError, match="dask must be the address of a scheduler that answers"):
        Cluster("tcp://127.0.0.1:1")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_goes_ends_the_sweep(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra studies is not installed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as started:
        sweep = sweeping.sweep_of(vary={"made.x": [float(place) for place in range(9)]}, made={"wait": 0.2})
        with pytest.raises(ns.ConfigError, match="dask must be the address of a cluster that works"):
            sweeping.run(sweep, tmp_path / "a", Cluster(started.scheduler_address), lambda *_: started.close())
    statuses = [row.record["status"] for row in sweeping.engine_of(sweep, tmp_path / "a").rows()]
    assert set(statuses) == {"done", "open"}
