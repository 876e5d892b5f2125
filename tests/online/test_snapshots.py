"""Snapshots beside the loop: exact copies, errors of the other process, signals and kills while it writes."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from processes import COMMAND, is_written, wait_until, writers

import neurosim as ns
from neurosim.cli import main
from neurosim.online.shared_arrays import SharedArrays, needed, new_file
from neurosim.online.snapshots import Snapshots, Tally
from neurosim.state import store

# Wide enough that a snapshot takes some hundredths of a second: time to strike while it is written.
WIDE = ["stream", "digits", "--neurons", "6000", "--snapshot-samples", "100", "--epochs", "3", "--json"]


@pytest.fixture
def state(tmp_path):
    return tmp_path / "chip.h5"


@pytest.fixture
def kept(make_chip, samples, state):
    """Return a chip in the middle of a window, and its snapshots, to be taken every thousandth of a second."""
    chip = make_chip(150, 40, window=3).learn(samples[:200])
    with store.claim(state), Snapshots(chip, state, None, Tally(), seconds=1e-3) as snapshots:
        yield chip, snapshots


def other_process(snapshots):
    return snapshots._writer._process.pid


def test_a_snapshot_is_the_chip_of_its_moment_whatever_the_chip_does_meanwhile(kept, state, make_chip, samples):
    chip, snapshots = kept
    snapshots.take(200, 200)
    chip.learn(samples[200:])
    for array in chip.layers[0].state:
        array[...] = 1  # what is yet to be written must not be read from here
    snapshots.settle()
    kept_chip, then = ns.Chip.load(state), make_chip(150, 40, window=3).learn(samples[:200])
    assert kept_chip.state_sha256 == then.state_sha256
    assert store.read(state).position == 200
    for one, other in zip(kept_chip.layers, then.layers, strict=True):
        assert one.records.tobytes() == other.records.tobytes()
        assert np.array_equal(one.steps, other.steps)
    assert kept_chip.learn(samples[200:]).state_sha256 == then.learn(samples[200:]).state_sha256


@pytest.mark.parametrize("threads", [1, 2])
def test_each_snapshot_of_a_run_equals_a_chip_that_learned_as_much(make_chip, state, threads):
    stream = ns.open_stream("digits", shuffle=4)
    report = ns.run(make_chip(150, 40, window=3), stream, state=state, snapshot_samples=500, chunk=7, threads=threads)
    assert report.snapshots == 4
    contents = store.read(store.previous(state))
    learned = make_chip(150, 40, window=3).learn(next(stream.blocks(size=contents.position)).samples)
    assert 1500 <= contents.position < 1797
    assert ns.Chip.load(store.previous(state)).state_sha256 == learned.state_sha256
    assert report.tally.pause_seconds > 0 < report.tally.write_seconds
    assert 0 < report.tally.longest_pause_seconds <= report.tally.pause_seconds


@pytest.mark.slow
def test_images_are_kept_too(state):
    chip = ns.Chip.from_preset("softhebb-cifar10-3layer", inputs=(3, 16, 16))
    images = np.random.default_rng(0).random((2, 3, 16, 16), np.float32)
    chip.learn(images)
    with Snapshots(chip, state, None, Tally(), seconds=1) as snapshots:
        snapshots.take(2, 2)
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256


def test_due_by_time_while_one_is_written_it_is_late_and_learning_goes_on(kept):
    _, snapshots = kept
    time.sleep(2e-3)
    assert snapshots.due(200)
    os.kill(other_process(snapshots), signal.SIGSTOP)
    snapshots.take(200, 200)
    time.sleep(2e-3)
    assert not snapshots.due(201)
    assert not snapshots.due(202)
    os.kill(other_process(snapshots), signal.SIGCONT)
    wait_until(lambda: snapshots.due(203))
    snapshots.take(203, 203)
    snapshots.settle()
    assert (snapshots.tally.written, snapshots.tally.late) == (2, 1)


def test_due_by_samples_while_one_is_written_it_waits(make_chip, samples, state):
    chip = make_chip(20).learn(samples)
    with Snapshots(chip, state, None, Tally(), samples=100) as snapshots:
        snapshots.take(100, 100)
        snapshots.settle()
        process = other_process(snapshots)
        os.kill(process, signal.SIGSTOP)
        snapshots.take(200, 200)
        assert not snapshots.due(299)
        assert snapshots.due(300)
        outcome, begun = snapshots._writer.outcome, []

        def awaited():  # `take` waits for the snapshot before: only now may the other process go on
            begun.append(snapshots.tally.written)
            os.kill(process, signal.SIGCONT)
            return outcome()

        snapshots._writer.outcome = awaited
        snapshots.take(300, 300)
        assert begun == [1]
    assert (snapshots.tally.written, snapshots.tally.late) == (3, 1)
    assert store.read(state).position == 300


def test_without_snapshots_on_the_way_there_is_no_other_process(make_chip, state):
    seen = []
    options = {"snapshot_samples": 0, "snapshot_seconds": 0, "chunk": 500, "state": state}
    ns.run(make_chip(9), ns.open_stream("digits"), watch=lambda _: seen.append(writers(os.getpid())), **options)
    assert seen == [[]] * 4
    assert ns.Chip.load(state).samples == 1797


def limit_disk(size=10_000):
    """Let the process that writes snapshots write no file of more than some bytes: what a full disk is like."""
    for process in writers(os.getpid()):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextlib.contextmanager
def full_disk():
    """Let this process, and those that it starts, write no file of more than 10,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


FULL = r"writing failed.*File too large.*{}; learning goes on, and the next snapshot tries again"


@pytest.mark.parametrize("every", [300, 1000])  # it fails before others are due, and with none due any more
@pytest.mark.parametrize("stands", [True, False])
def test_a_full_disk_warns_once_and_the_run_goes_on_to_an_error_at_its_end(make_chip, samples, state, every, stands):
    whole, ended = b"", "nothing stands there yet"
    if stands:
        make_chip(50).learn(samples).save(state)
        whole, ended = state.read_bytes(), "what stands there is whole"
    chip = make_chip(50)
    options = {"snapshot_samples": every, "snapshot_seconds": 0}  # none by time, on a busy machine
    refused = pytest.raises(ns.StateError, match=f"writing failed.*File too large.*{ended}$")
    with contextlib.ExitStack() as contexts, warnings.catch_warnings(record=True, action="always") as caught, refused:

        def watch(report):
            if report.samples == 100:
                limit_disk()
                contexts.enter_context(full_disk())

        ns.run(chip, ns.open_stream("digits"), state=state, watch=watch, chunk=100, **options)
    said = [str(warning.message) for warning in caught]
    assert len(said) == (every == 300)  # what fails last is tried again at once, and that is the error
    assert all(re.search(FULL.format(ended), text) for text in said)
    assert chip.samples == 1797
    assert (state.read_bytes() if stands else b"") == whole
    assert [path.name for path in state.parent.iterdir()] == ["chip.h5"] * stands
    assert writers(os.getpid()) == []


def test_what_failed_is_written_when_there_is_space_again(make_chip, state):
    def watch(report):
        if report.samples in (100, 700):
            limit_disk(10_000 if report.samples == 100 else resource.RLIM_INFINITY)
        seen.append(state.exists())

    seen = []
    options = {"snapshot_samples": 300, "snapshot_seconds": 0, "chunk": 100, "watch": watch, "state": state}
    chip = make_chip(50)
    with pytest.warns(ns.StorageWarning, match=FULL.format("nothing stands there yet")):
        report = ns.run(chip, ns.open_stream("digits"), **options)
    assert not any(seen[:6])  # that of 300 has failed; that of 600 fails, or is late enough to find space
    assert report.snapshots in (4, 5)
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256


def test_what_failed_is_tried_again_while_the_stream_is_waited_for(make_chip, samples, state):
    class Sensor(ns.streams.ArrayStream):
        def blocks(self, start=0, size=256):
            limit_disk()
            yield from super().blocks(start, size)
            wait_until(lambda: any("tries again" in str(one.message) for one in caught))
            limit_disk(resource.RLIM_INFINITY)
            wait_until(state.exists)
            found.append(store.read(state).position)

    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ns.run(make_chip(50), Sensor(samples), state=state, snapshot_seconds=1e-2, chunk=300)
    assert found == [300]
    assert len(caught) == 1


def test_a_process_that_is_killed_is_replaced(make_chip, state):
    def watch(report):
        if report.samples == 700:
            (process,) = writers(os.getpid())
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    killed, chip = [], make_chip(50)
    options = {"snapshot_samples": 500, "snapshot_seconds": 0, "chunk": 100, "watch": watch, "state": state}
    with pytest.warns(ns.StorageWarning, match=r"it ended by signal 9 .*; learning goes on"):
        report = ns.run(chip, ns.open_stream("digits"), **options)
    assert len(killed) == 1
    assert report.snapshots >= 2
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256


def test_an_error_of_the_stream_and_a_full_disk_are_both_said(make_chip, samples, state):
    bad = np.concatenate([samples, np.full((1, 64), np.nan, np.float32)])
    stream = ns.open_stream(_saved(state, bad))
    with full_disk(), pytest.raises(ns.SampleError, match="sample 300, input 0") as caught:
        ns.run(make_chip(50), stream, state=state, snapshot_seconds=0)
    assert "the last snapshot failed" in caught.value.__notes__[-1]
    assert "File too large" in caught.value.__notes__[-1]


def _saved(state, array):
    np.save(state.with_name("bad.npy"), array)
    return str(state.with_name("bad.npy"))


def test_an_error_of_the_stream_waits_for_what_is_being_written(make_chip, samples, state):
    bad = np.concatenate([samples, np.full((1, 64), np.nan, np.float32)])
    with pytest.raises(ns.SampleError, match="sample 300, input 0"):
        ns.run(make_chip(3000), ns.open_stream(_saved(state, bad)), state=state, snapshot_samples=299)
    assert store.read(state).position == 300
    assert store.read(store.previous(state)).position == 299


def test_a_foreign_file_in_its_place_is_a_warning_and_an_error_at_the_end(state, monkeypatch):
    # What befalls a folder while a run goes on: somebody puts another file where the next generation belongs.
    real = Snapshots.take

    def take(self, samples, position):
        store.previous(state).write_text("mine")
        real(self, samples, position)

    monkeypatch.setattr(Snapshots, "take", take)
    arguments = ["stream", "digits", "--state", str(state), "--snapshot-samples", "500"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    warning, error = result.stderr.splitlines()
    assert warning.startswith("Warning: ")
    assert error.startswith("Error: ")
    assert "is another: it is left alone" in warning
    assert "is another: it is left alone" in error
    assert store.previous(state).read_text() == "mine"


def test_a_chip_that_diverged_is_not_written(kept, state):
    chip, snapshots = kept
    chip.layers[0].state.norms[0] = np.nan
    snapshots.take(200, 200)
    with pytest.raises(ns.StateError, match="norms must be finite, and is not; the chip has diverged"):
        snapshots.settle()
    assert not state.exists()


def test_the_other_process_may_not_die_unseen(kept):
    _, snapshots = kept
    snapshots.take(200, 200)
    os.kill(other_process(snapshots), signal.SIGKILL)
    ended = r"it ended by signal 9 \(9 when memory runs out\); nothing stands there yet"
    with pytest.raises(ns.StateError, match=ended):
        snapshots.settle()


def test_a_python_that_cannot_be_started_is_said(make_chip, state, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(state))
    with pytest.raises(ns.StateError, match="must have a process that writes its snapshots, and it cannot be started"):
        ns.run(make_chip(9), ns.open_stream("digits"), state=state)
    assert list(state.parent.iterdir()) == []
    ns.run(make_chip(9), ns.open_stream("digits"), state=state, snapshot_seconds=0)


@pytest.mark.slow
def test_a_script_without_a_guard_may_run(state):
    script = state.with_name("script.py")
    script.write_text(
        "import neurosim as ns\n"
        "chip = ns.Chip([ns.recipes.softhebb(9)], inputs=64)\n"
        f"print(ns.run(chip, ns.open_stream('digits'), state={str(state)!r}, snapshot_samples=500).snapshots)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("4\n", "")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in ((signal.SIGINT, 130), (signal.SIGHUP, 129))),
    ],
)
def test_a_signal_while_one_is_written_keeps_everything(state, number, code):
    command = [*COMMAND, *WIDE, "--epochs", "1000", "--state", str(state)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_until(is_written(state))
    at_work = writers(process.pid)
    for receiver in [process.pid, *(at_work if number != signal.SIGINT else [])]:  # service managers tell them all
        os.kill(receiver, number)
    if number == signal.SIGINT:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)  # as a terminal does
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "")
    summary = json.loads(out)
    assert summary["interrupted"]
    assert ns.Chip.load(state).samples == summary["samples"] == store.read(state).position > 0
    assert sorted(path.name for path in state.parent.iterdir()) == ["chip.h5", "chip.h5.previous"]
    assert len(at_work) == 1
    assert not Path(f"/proc/{at_work[0]}").exists()


@pytest.mark.slow
def test_killed_while_one_is_written_it_goes_on_to_the_same_bits(state):
    command = [*COMMAND, *WIDE, "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(is_written(state))
    (writer,) = writers(process.pid)
    process.kill()
    assert process.wait() < 0
    wait_until(lambda: not Path(f"/proc/{writer}").exists())  # the one that writes does not outlive the run
    whole = store.read(state)
    assert 0 < whole.position < 3 * 1797
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    chip = ns.Chip([ns.recipes.softhebb(6000)], inputs=64).learn(ns.open_stream("digits", epochs=3))
    assert json.loads(done.stdout)["state_sha256"] == chip.state_sha256
    assert sorted(path.name for path in state.parent.iterdir()) == ["chip.h5", "chip.h5.previous"]


def test_shared_arrays_are_found_as_they_were_put():
    arrays = [{"a": np.arange(7, dtype=np.int64), "none": np.empty((0, 3), np.float32)}, {"b": np.eye(3)[:, ::2]}]
    size = needed([array for layer in arrays for array in layer.values()])
    file = new_file(size)
    one, other = SharedArrays(file, size), SharedArrays(file, size)
    os.close(file)
    one.touch()
    views = other.views(one.put(arrays))
    for layer, same in zip(arrays, views, strict=True):
        assert list(layer) == list(same)
        for name, array in layer.items():
            assert np.array_equal(array, same[name])
            assert (array.dtype, array.shape) == (same[name].dtype, same[name].shape)
