"""Snapshots beside the loop: exact copies, errors of the other process, signals and kills while it writes."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim.cli import main
from neurosim.online.shared_arrays import SharedArrays, needed, new_file
from neurosim.online.snapshots import Snapshots, Tally
from neurosim.state import store

COMMAND = [sys.executable, "-m", "neurosim"]
# Wide enough that a snapshot takes some hundredths of a second: time to strike while it is written.
WIDE = ["stream", "digits", "--neurons", "6000", "--snapshot-samples", "100", "--epochs", "3", "--json"]


def children(process):
    """Return the processes that write snapshots for a process and are still at work, zombies left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            ours = "neurosim.online.snapshot_writer" in stat.with_name("cmdline").read_text()
            if int(parent) == process and state != "Z" and ours:
                found.append(int(stat.parent.name))
    return found


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(1e-3)


def is_written(state):
    """Return a condition: a snapshot is there, and another one is being written."""
    return lambda: state.exists() and any(".draft-" in name for name in os.listdir(state.parent))


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
        threading.Timer(0.2, os.kill, (process, signal.SIGCONT)).start()
        snapshots.take(300, 300)
        assert snapshots.tally.longest_pause_seconds > 0.15
    assert (snapshots.tally.written, snapshots.tally.late) == (3, 1)
    assert store.read(state).position == 300


def test_without_snapshots_on_the_way_there_is_no_other_process(make_chip, state):
    seen = []
    options = {"snapshot_samples": 0, "snapshot_seconds": 0, "chunk": 500, "state": state}
    ns.run(make_chip(9), ns.open_stream("digits"), watch=lambda _: seen.append(children(os.getpid())), **options)
    assert seen == [[]] * 4
    assert ns.Chip.load(state).samples == 1797


def fill_disk(_report):
    """Let the process that writes snapshots write no file of more than 10,000 bytes."""
    for process in children(os.getpid()):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (10_000, 10_000))


@pytest.mark.parametrize("every", [300, 1000])  # it fails before others are due, and with none due any more
def test_a_full_disk_ends_the_run_and_leaves_the_file_before(make_chip, samples, state, every):
    make_chip(50).learn(samples).save(state)
    whole, chip = state.read_bytes(), make_chip(50)
    refused = pytest.raises(ns.StateError, match=r"writing failed.*File too large.*what stands there is whole")
    options = {"snapshot_samples": every, "snapshot_seconds": 0, "watch": fill_disk}  # none by time, on a busy machine
    with refused:
        ns.run(chip, ns.open_stream("digits"), state=state, **options)
    assert state.read_bytes() == whole
    assert [path.name for path in state.parent.iterdir()] == ["chip.h5"]
    assert chip.samples == (2 * every if every == 300 else 1797)
    assert children(os.getpid()) == []


def test_an_error_of_the_stream_and_a_full_disk_are_both_said(make_chip, samples, state):
    bad = np.concatenate([samples, np.full((1, 64), np.nan, np.float32)])
    with pytest.raises(ns.SampleError, match="sample 300, input 0") as caught:
        ns.run(make_chip(50), ns.open_stream(_saved(state, bad)), state=state, snapshot_samples=200, watch=fill_disk)
    assert "the last snapshot failed" in caught.value.__notes__[0]
    assert "File too large" in caught.value.__notes__[0]


def _saved(state, array):
    np.save(state.with_name("bad.npy"), array)
    return str(state.with_name("bad.npy"))


def test_an_error_of_the_stream_waits_for_what_is_being_written(make_chip, samples, state):
    bad = np.concatenate([samples, np.full((1, 64), np.nan, np.float32)])
    with pytest.raises(ns.SampleError, match="sample 300, input 0"):
        ns.run(make_chip(3000), ns.open_stream(_saved(state, bad)), state=state, snapshot_samples=299)
    assert store.read(state).position == 299


def test_a_foreign_file_in_its_place_is_one_line(state, monkeypatch):
    # What befalls a folder while a run goes on: somebody puts another file where the next generation belongs.
    real = Snapshots.take

    def take(self, samples, position):
        store.previous(state).write_text("mine")
        real(self, samples, position)

    monkeypatch.setattr(Snapshots, "take", take)
    arguments = ["stream", "digits", "--state", str(state), "--snapshot-samples", "500"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "is another: it is left alone" in result.stderr
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
    with pytest.raises(ns.StateError, match=r"it ended by signal 9 \(9 when memory runs out\)"):
        snapshots.settle()


def test_a_python_that_cannot_be_started_is_said(make_chip, state, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(state))
    with pytest.raises(ns.StateError, match="must have a process that writes its snapshots, and it cannot be started"):
        ns.run(make_chip(9), ns.open_stream("digits"), state=state)
    assert list(state.parent.iterdir()) == []
    ns.run(make_chip(9), ns.open_stream("digits"), state=state, snapshot_seconds=0)


def test_a_script_without_a_guard_may_run(state):
    script = state.with_name("script.py")
    script.write_text(
        "import neurosim as ns\n"
        "chip = ns.Chip([ns.recipes.softhebb(9)], inputs=64)\n"
        f"print(ns.run(chip, ns.open_stream('digits'), state={str(state)!r}, snapshot_samples=500).snapshots)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("4\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_one_is_written_keeps_everything(state, number, code):
    command = [*COMMAND, *WIDE, "--epochs", "1000", "--state", str(state)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_until(is_written(state))
    writers = children(process.pid)
    for receiver in [process.pid, *(writers if number == signal.SIGTERM else [])]:  # service managers tell them all
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
    assert len(writers) == 1
    assert not Path(f"/proc/{writers[0]}").exists()


def test_killed_while_one_is_written_it_goes_on_to_the_same_bits(state):
    command = [*COMMAND, *WIDE, "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(is_written(state))
    (writer,) = children(process.pid)
    process.kill()
    assert process.wait() < 0
    wait_until(lambda: not Path(f"/proc/{writer}").exists(), 20)  # the one that writes does not outlive the run
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
