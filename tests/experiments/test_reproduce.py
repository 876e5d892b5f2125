"""`neurosim reproduce` as a user meets it: kills, failures, dead processes, refusals in one line."""

import gzip
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest
from cifar_files import NAMES, batch, packed
from click.testing import CliRunner

from neurosim import studies
from neurosim.cli import main
from neurosim.experiments import reproduce
from neurosim.experiments.cells import Folder
from neurosim.experiments.workers import Worker, Workers
from neurosim.studies import liuson


def command(study, root, out, *options):
    line = [sys.executable, "-m", "neurosim", "reproduce", study, "--root", root, "--out", out, *options]
    return [str(word) for word in line]


def run(*words):
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def invoke(*words, code=0):
    """The same in this process, but for its workers."""
    done = CliRunner().invoke(main, command(*words)[3:])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def started(out, *words):
    """Start a study in a process group of its own, and wait until its first cell is finished."""
    process = subprocess.Popen(
        command(*words), start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 300
    while not (done := finished(out)) and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    assert done
    return process


def finished(out):
    found = {path.name: path.stat() for path in out.glob("cells/[a-z]*.json")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def is_gone(group):
    """Wait until no process of a group is left."""
    for _ in range(30_000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.slow
def test_a_killed_run_goes_on_and_passes_over_what_is_finished(tmp_path, small_mnist):
    out = tmp_path / "out"
    words = ("liuson", small_mnist, out, "--seeds", "4", "--only", "-mnist-32-")
    process = started(out, *words)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert is_gone(process.pid)  # its workers too
    before = finished(out)
    assert 1 <= len(before) < 20
    report = run(*words).stdout
    after = finished(out)
    assert len(after) == 20
    assert before.items() <= after.items()  # the same files
    assert "20 of 20 cells are finished" in report
    assert (out / "report.md").read_text() == report[:-1]


@pytest.mark.slow
def test_ctrl_c_ends_quietly(tmp_path, small_mnist):
    process = started(tmp_path, "liuson", small_mnist, tmp_path, "--seeds", "4", "--only", "-mnist-32-")
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate() == ("", "Error: interrupted; no file is half written\n")
    assert process.returncode == 130
    assert is_gone(process.pid)
    assert len(finished(tmp_path)) < 16


@pytest.mark.slow
def test_a_failing_cell_is_on_record_and_the_others_go_on(tmp_path, small_mnist):
    for name in ("mnist", "cifar10"):
        (tmp_path / name).mkdir()
    for path in (small_mnist / "mnist").iterdir():
        (tmp_path / "mnist" / path.name).symlink_to(path)
    archive = tmp_path / "cifar10" / "cifar-10-python.tar.gz"
    archive.write_bytes(b"no archive")
    study, folder = studies.find("liuson"), Folder(tmp_path / "out")
    cells = [cell for cell in study.cells(1, False) if cell.name.startswith("random-") and "-32-" in cell.name]
    reproduce.run(study, cells, tmp_path, folder, 1)
    text, failed = reproduce.report(study, cells, folder)
    assert list(failed) == ["random-cifar10-32-0"]
    assert "1 of 2 cells are finished" in text
    assert "- random-cifar10-32-0: StreamError: " in text
    done = invoke("liuson", tmp_path, folder.path, "--only", "random-", "--report", code=2)
    assert done.stderr.startswith("Error: 1 of 24 cells failed, random-cifar10-32-0 by StreamError: ")
    assert done.stderr.count("\n") == 1
    kept = finished(folder.path)
    contents = {name: pickle.dumps(batch(number, 40), 2) for number, name in enumerate(NAMES)}
    archive.write_bytes(packed(contents, gzip.compress))
    left = reproduce.unfinished(cells, folder)
    assert [cell.name for cell in left] == ["random-cifar10-32-0"]
    reproduce.run(study, left, tmp_path, folder, 1)
    assert (
        "2 of 24 cells are finished" in invoke("liuson", tmp_path, folder.path, "--only", "random-", "--report").stdout
    )
    assert len(kept.items() & finished(folder.path).items()) == 1


def test_a_process_that_dies_costs_one_cell(tmp_path, small_mnist):
    cells = [cell for cell in liuson.cells(1, True) if cell.name.startswith("random")]
    with Workers("neurosim.studies.liuson", small_mnist, tmp_path, 1) as workers:
        start, begun = workers._start, []

        def first_is_killed():
            begun.append(start())
            if len(begun) == 1:
                begun[0].process.kill()
            return begun[-1]

        workers._start = first_is_killed
        records = list(workers.measure(cells))
    assert [cell.name for cell, _ in records] == [cell.name for cell in cells]
    assert records[0][1] == {"status": "failed", "error": "the process ended by signal 9 (9 when memory runs out)"}
    assert records[1][1]["status"] == "done"
    assert len(begun) == 2
    assert all(isinstance(worker, Worker) and worker.process.exitcode == -signal.SIGKILL for worker in begun)


@pytest.mark.parametrize(("options", "words"), [
    (["liuson", "--only", "nothing"], "--only must be part of a cell's name, as in random-mnist-32-0"),
    (["liuson"], "cifar10:train must be at"),
    (["radius", "--fast"], "mnist:test must be at"),
    (["liuson", "--seeds", "0"], "Invalid value for '--seeds'"),
    (["nothing"], "Invalid value for '{bayes|deep|liuson|radius}'"),
])  # fmt: skip
def test_bad_input_is_one_line(tmp_path, options, words):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = CliRunner().invoke(main, ["reproduce", *options])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path, small_mnist):
    (tmp_path / "out").write_text("a file")
    done = invoke("liuson", small_mnist, tmp_path / "out", "--fast", code=2)
    assert "out" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_waits_for_nothing_heavy():
    code = (
        "import sys, neurosim.cli.reproduce, neurosim.experiments.workers\n"
        "assert not {'numpy', 'numba', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("study", "own"), [("radius", ""), ("bayes", "--train, --test, --label, ")])
def test_a_report_of_no_finished_cell_is_refused(tmp_path, study, own):
    done = invoke(study, tmp_path, tmp_path / "out", "--fast", "--report", code=2)
    options = f"give the same {own}--fast, --seeds and --only as the run"
    assert done.stderr == f"Error: no finished cell of these in {tmp_path / 'out'}: {options}\n"
    assert not list(tmp_path.iterdir())
