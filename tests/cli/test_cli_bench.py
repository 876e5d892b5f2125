"""`neurosim bench` as a user meets it: the table, JSON, records, figures, refusals in one line, signals."""

import csv
import importlib.util
import json
import os
import signal
import time

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from thinned import few_of

import neurosim as ns
from neurosim.cli import main

KEYS = {
    "chip", "stream", "learning", "arrivals", "samples", "warm_up_samples", "interrupted", "environment", "timer_s",
    "compile_s", "first_sample_cold_s", "first_sample_warm_s", "service", "response", "too_few_samples_for",
    "deadline_s", "device", "deadline_misses", "deadline_miss_share", "backlog_max", "backlog_mean", "waited_for",
    "wake_late_median_s", "wake_late_max_s", "samples_per_s", "offered_per_s", "busy_share", "layers",
    "measured_at", "state_sha256", "garbage_collector", "interruptions", "roofline", "snapshots", "loop",
}  # fmt: skip
LATENCIES = [
    "min_s", "p50_s", "p90_s", "p95_s", "p99_s", "p999_s", "p9999_s", "max_s", "mean_s", "standard_error_s",
    "jitter_s", "p99_minus_p50_s",
]  # fmt: skip


def bench(*arguments, code=0, stdin=None):
    result = CliRunner().invoke(main, ["bench", *(str(argument) for argument in arguments)], input=stdin)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def summary(*arguments, **options):
    return json.loads(bench(*arguments, "--json", **options).stdout)


def test_people_get_a_table():
    shown = bench("digits", "--samples", "120", "--deadline", "10s").stdout
    for words in (
        "Chip(64 -> 100, seed=0",
        "learning from 120 samples",
        "closed loop",
        "p99.9 needs 1,000 samples",
        "deadline  10.00 s, missed by 0 samples (0.000%)",
        "samples/s",
        "a reading, within each latency and not subtracted",
    ):
        assert words in shown
    assert "backlog" not in shown


def test_the_keys_of_json_are_stable():
    found = summary("digits", "--samples", "20", "--warm-up", "5")
    assert set(found) == KEYS
    assert list(found["service"]) == list(found["response"]) == LATENCIES
    assert found["service"] == found["response"]
    assert (found["samples"], found["warm_up_samples"], found["learning"]) == (20, 5, True)
    assert found["too_few_samples_for"] == {"p99": 100, "p999": 1000, "p9999": 10_000}
    assert found["service"]["p99_s"] is None


@pytest.mark.parametrize(("options", "described"), few_of([
    (["period", "--rate", "5000"], {"kind": "period", "rate_hz": 5000.0}),
    (["poisson", "--rate", "5000", "--seed", "3"], {"kind": "poisson", "rate_hz": 5000.0, "seed": 3}),
    (["bursts", "--rate", "5000"], {"kind": "bursts", "rate_hz": 5000.0, "burst": 8}),
    (["bursts", "--rate", "5000", "--burst", "4"], {"kind": "bursts", "rate_hz": 5000.0, "burst": 4}),
    (["stream", "--timestamps", "times.npy"], {"kind": "stream"}),
], 2))  # fmt: skip
def test_samples_may_come_by_the_clock(tmp_path, monkeypatch, options, described):
    monkeypatch.chdir(tmp_path)
    np.save("times.npy", np.arange(200) * 150)
    found = summary("digits", "--respond", "--samples", "40", "--arrivals", *options)
    assert (found["arrivals"], found["learning"], found["samples"]) == (described, False, 40)
    assert found["response"]["max_s"] >= found["service"]["max_s"]
    assert found["backlog_max"] >= (described.get("burst", 1) - 1)
    assert 1 <= found["waited_for"] <= 40
    shown = bench("digits", "--samples", "9", "--arrivals", *options).stdout
    assert "response" in shown
    assert "backlog" in shown


@pytest.mark.parametrize(("text", "seconds"), few_of([
    ("200us", 200e-6), ("200 µs", 200e-6), ("1.5ms", 1.5e-3), ("2", 2.0), ("2s", 2.0), ("50ns", 50e-9), ("1e-3", 1e-3),
]))  # fmt: skip
def test_a_deadline_may_have_a_unit(text, seconds):
    found = summary("digits", "--samples", "2", "--deadline", text)
    assert found["deadline_s"] == pytest.approx(seconds)


def test_a_state_is_read_and_not_written(tmp_path, make_chip):
    make_chip(7, 5).save(tmp_path / "chip.h5")
    whole = (tmp_path / "chip.h5").read_bytes()
    found = summary("digits", "--samples", "30", "--state", tmp_path / "chip.h5", "--stages")
    assert found["chip"] == "Chip(64 -> 7 -> 5, seed=0, 0 samples learned)"
    assert [list(layer) for layer in found["layers"]] == [LATENCIES, LATENCIES]
    assert (tmp_path / "chip.h5").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chip.h5"]


def test_the_floor_is_shown_and_has_stable_keys(monkeypatch):
    monkeypatch.setattr("neurosim.latency.roofline.bandwidth.caches", lambda: ({1: 4096, 2: 16384}, True))
    options = ["digits", "--samples", "20", "--neurons", "9,4", "--roofline"]
    found = summary(*options)["roofline"]
    assert set(found) == {"samples", "machine", "layers"}
    assert set(found["machine"]) == {"caches_bytes", "caches_assumed", "levels", "operations_per_s"}
    assert list(found["machine"]["levels"]) == ["L1", "L2", "memory"]
    for level in found["machine"]["levels"].values():
        assert set(level) == {"working_set_bytes", "read_bytes_per_s", "update_bytes_per_s"}
    for layer in found["layers"]:
        assert set(layer) == {
            "threads", "synapses_bytes", "active_inputs_mean", "written_neurons_mean", "rows_read_bytes_per_s",
            "rows_of_a_sample_update_bytes_per_s", "random_rows_read_bytes_per_s", "random_rows_update_bytes_per_s",
            "timer_s", "stages",
        }  # fmt: skip
        assert list(layer["stages"]) == ["gather", "integrate", "compete", "transmit", "learn"]
        for stage in layer["stages"].values():
            assert set(stage) == {
                "synapse_bytes", "vector_bytes", "operations", "floor_s", "bound_by", "measured_s",
                "measured_over_floor", "random_rows_floor_s", "random_rows_measured_over_floor",
            }  # fmt: skip
    shown = bench(*options).stdout
    for words in ("assumed: the system does not tell", "layer 2", "integrate", "bound by", "neurons written"):
        assert words in shown
    assert summary("digits", "--samples", "2")["roofline"] is None


@pytest.mark.slow
def test_the_floor_of_a_chip_of_images_is_shown_and_has_stable_keys(monkeypatch, tmp_path):
    monkeypatch.setattr("neurosim.latency.roofline.bandwidth.caches", lambda: ({1: 4096, 2: 16384}, True))
    monkeypatch.setattr("neurosim.latency.roofline.bandwidth.MOVED", 1 << 16)
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((5, 1, 28, 28), np.float32))
    options = ["images.npy", "--root", tmp_path, "--preset", "softhebb-mnist-3layer", "--warm-up", "1", "--roofline"]
    for layer in summary(*options)["roofline"]["layers"]:
        assert set(layer) == {
            "threads", "positions", "patch", "neurons", "window", "synapses_bytes", "learned_windows", "written_by",
            "events_mean", "written_neurons_mean", "synapses_read_bytes_per_s", "synapses_update_bytes_per_s",
            "call_s", "beside_stages_s", "timer_s", "stages",
        }  # fmt: skip
        assert list(layer["stages"])[:6] == ["normalise", "patches", "integrate", "compete", "transmit", "propose"]
        for stage in layer["stages"].values():
            assert set(stage) == {
                "synapse_bytes", "vector_bytes", "operations", "floor_s", "bound_by", "measured_s",
                "measured_over_floor", "random_rows_floor_s", "random_rows_measured_over_floor", "samples",
                "vector_bytes_per_s", "operations_per_s",
            }  # fmt: skip
    shown = bench(*options).stdout
    for words in ("layer 2", "positions x", "integrate", "BLAS's G/s", "waking threads"):
        assert words in shown


@pytest.mark.slow
def test_presets_and_recipes_are_measured(tmp_path):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((5, 3, 32, 32), np.float32))
    options = ["--preset", "softhebb-cifar10-3layer", "--root", tmp_path, "--warm-up", "1", "--stages"]
    assert len(summary("images.npy", *options)["layers"]) == 3
    assert summary("digits", "--samples", "3", "--recipe", "krotov_hopfield", "--neurons", "9")["samples"] == 3


def test_a_pipe_is_read_before_it_is_timed():
    assert summary("-", "--inputs", "2", "--warm-up", "1", stdin="1,2\n" * 12)["samples"] == 10


def test_a_record_has_every_sample(tmp_path):
    options = ["digits", "--samples", "25", "--arrivals", "period", "--rate", "20000"]
    found = summary(*options, "--stages", "--record", tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        due, start, done = (file[f"{name}_ns"][...] for name in ("due", "start", "done"))
        assert json.loads(file.attrs["summary"]) == found
        assert (file.attrs["format"], file.attrs["version"]) == ("neurosim latency record", 2)
        assert file["layer_ns"].shape == (25, 1)
        assert (file["loop_ns"][...] > 0).all()
        assert (file["loop_ns"][...] < done - start).all()
    assert due.tolist() == [50_000 * i for i in range(25)]
    assert ((due <= start) & (start < done)).all()
    assert (done - due).max() / 1e9 == found["response"]["max_s"]
    found = summary(*options, "--record", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        assert json.loads(file.readline().removeprefix("# ")) == found
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["due_ns", "start_ns", "done_ns"]
    assert max(int(row["done_ns"]) - int(row["due_ns"]) for row in rows) / 1e9 == found["response"]["max_s"]


def test_a_record_may_be_hdrhistograms_table(tmp_path, make_chip):
    pytest.importorskip("hdrh", reason="the extra bench is not installed")
    report = ns.bench(make_chip(9), ns.open_stream("digits"), samples=1000)
    report.save(tmp_path / "a.hgrm")
    lines = (tmp_path / "a.hgrm").read_text().splitlines()
    rows = [[float(part) for part in line.split()[:3]] for line in lines[2:] if not line.startswith("#")]
    assert rows[-1][1:] == [1.0, 1000]
    for micro, share, count in rows:
        assert (report.record.response <= round(micro * 1000)).sum() == count  # 4.087 * 1000 is less than 4087
        assert count >= share * 1000 - 1e-6


@pytest.mark.parametrize("options", [[], ["--arrivals", "poisson", "--rate", "9000", "--deadline", "1ms"]])
def test_a_figure_is_drawn(tmp_path, options):
    pytest.importorskip("matplotlib", reason="the extra views is not installed")
    bench("digits", "--samples", "200", *options, "--figure", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("missing", "option", "words"), [
    ("matplotlib", ["--figure", "a.png"], "pip install 'neurosim-chip[views]'"),
    ("hdrh", ["--record", "a.hgrm"], "pip install 'neurosim-chip[bench]'"),
])  # fmt: skip
def test_what_is_not_installed_is_said_before_it_measures(tmp_path, monkeypatch, missing, option, words):
    find = importlib.util.find_spec
    for module in ("reporting.figures", "latency.files"):
        where = f"neurosim.{module}.find_spec"
        monkeypatch.setattr(where, lambda name, *rest: None if name == missing else find(name, *rest))
    monkeypatch.chdir(tmp_path)
    assert words in bench("digits", *option, code=2).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Make files of which each is wrong in one way, and go where they are."""
    monkeypatch.chdir(tmp_path)
    np.save("back.npy", [0, 5, 4] * 700)
    np.save("few.npy", np.arange(1700))
    np.save("halves.npy", np.arange(2000) / 2)
    np.save("nan.npy", np.full((300, 64), np.nan))
    np.save("empty.npy", np.empty((0, 64)))
    np.save("images.npy", np.zeros((200, 3, 32, 32), np.uint8))
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "text.h5").write_text("no state")
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


@pytest.mark.parametrize(("arguments", "words"), [
    (["digits", "--deadline", "0"], "deadline must be positive, in seconds, got 0.0"),
    (["digits", "--deadline", "-2ms"], "deadline must be positive, in seconds, got -0.002"),
    (["digits", "--deadline", "nan"], "deadline must be positive"),
    (["digits", "--deadline", "5 minutes"], "must be seconds, or a number with s, ms, us or ns, such as 200us"),
    (["digits", "--deadline", "1.2.3"], "must be seconds"),
    (["digits", "--arrivals", "period", "--rate", "0"], "rate must be positive, in samples a second, got 0.0"),
    (["digits", "--arrivals", "poisson", "--rate", "-1"], "rate must be positive"),
    (["digits", "--arrivals", "bursts", "--rate", "9", "--burst", "0"], "burst must be a whole number of at least 1"),
    (["digits", "--arrivals", "period"], "rate must be given with --arrivals period (--rate), got none"),
    (["digits", "--rate", "9"], "rate must be left out with --arrivals closed, got 9.0"),
    (["digits", "--arrivals", "period", "--rate", "9", "--burst", "2"], "burst must be left out with --arrivals p"),
    (["digits", "--timestamps", "few.npy"], "timestamps must be left out with --arrivals closed"),
    (["digits", "--arrivals", "stream"], "timestamps must be given with --arrivals stream"),
    (["digits", "--arrivals", "stream", "--timestamps", "back.npy"], "timestamp 2 must be at least the one before, 5"),
    (["digits", "--arrivals", "stream", "--timestamps", "few.npy"], "timestamps must be at least 1797"),
    (["digits", "--arrivals", "stream", "--timestamps", "halves.npy"], "whole numbers of microseconds"),
    (["digits", "--arrivals", "stream", "--timestamps", "text.npy"], "timestamps must be an array in a .npy file"),
    (["digits", "--arrivals", "stream", "--timestamps", "none.npy"], "timestamps must be an array in a .npy file"),
    (["digits", "--arrivals", "sometimes"], "'sometimes' is not one of"),
    (["digits", "--samples", "9999"], "digits must hold at least 10100 samples"),
    (["digits", "--samples", "0"], "samples must be a whole number of at least 1"),
    (["digits", "--warm-up", "-1"], "warm_up must be a whole number of at least 0"),
    (["digits", "--seed", "-1"], "seed must be a whole number of at least 0"),
    (["digits", "--epochs", "0"], "epochs must be a whole number of at least 1"),
    (["-", "--inputs", "2"], "- must hold at least 102 samples"),
    (["-"], "with inputs (--inputs)"),
    (["empty.npy"], "must hold at least one sample"),
    (["nan.npy"], "nan.npy, sample 0, taken by itself: sample 0, input 0 of layer 1 must be finite, got nan"),
    (["nonsense"], "source must be one of digits"),
    (["digits", "--state", "text.h5"], "text.h5"),
    (["digits", "--state", "none.h5"], "none.h5"),
    (["digits", "--state", "x.h5", "--neurons", "3"], "neurons must be left out with --state"),
    (["digits", "--rules", "x.py"], "rules must be left out without --state"),
    (["digits", "--preset", "softhebb-cifar10-3layer", "--neurons", "3"], "neurons must be left out with --preset"),
    (["digits", "--record", "a.txt"], "record must be a file that ends in .h5 or .hdf5 or .csv or .hgrm, got 'a.txt'"),
    (["digits", "--record", "none/a.h5"], "record must be a file in a folder that exists"),
    (["digits", "--record", "folder.csv"], "record must be a file in a folder that exists"),
    (["digits", "--figure", "a.xyz"], "figure must be a file that ends in"),
    (["digits", "--figure", "none/a.png"], "figure must be a file in a folder that exists"),
    ([], "Missing argument 'STREAM'"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(files, arguments, words):
    before = sorted(files.iterdir())
    result = bench(*arguments, code=2, stdin="")
    assert words in result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert sorted(files.iterdir()) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_said_and_what_was_measured_is_shown(tmp_path):
    (tmp_path / "a.csv").symlink_to("/dev/full")
    result = bench("digits", "--samples", "5", "--record", tmp_path / "a.csv", code=2)
    assert "record must be a file that can be written, but" in result.stderr
    assert "learning from 5 samples" in result.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_shows_what_was_measured(monkeypatch, number, code):
    learn = ns.Chip.learn_one

    def interrupted(chip, *sample):
        if chip.samples == 150:
            os.kill(os.getpid(), number)
        return learn(chip, *sample)

    monkeypatch.setattr(ns.Chip, "learn_one", interrupted)
    found = summary("digits", code=code)
    assert (found["samples"], found["interrupted"]) == (50, True)  # 151 learned, 101 of them before


def test_a_signal_before_the_first_measured_sample_shows_nothing(monkeypatch):
    learn = ns.Chip.learn_one
    monkeypatch.setattr(ns.Chip, "learn_one", lambda *call: (os.kill(os.getpid(), signal.SIGINT), learn(*call))[1])
    result = bench("digits", code=130)
    assert (result.stdout, result.stderr) == ("", "")


def test_weights_that_diverge_have_their_own_exit_code(tmp_path):
    layer = ns.recipes.softhebb(100, normalise="none", rate=3e38, temperature=3e38)
    ns.Chip([layer], inputs=64).save(tmp_path / "chip.h5")
    result = bench("digits", "--state", tmp_path / "chip.h5", code=3)
    assert "digits, sample" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.slow
def test_snapshots_are_written_while_it_measures(tmp_path, make_chip):
    kept = tmp_path / "kept.h5"
    options = ["digits", "--neurons", "300", "--samples", "1500", "--snapshots", kept, "--snapshot-seconds", "1e-6"]
    options += ["--warm-up", "0"]  # so that one is due before the first that is measured
    found = summary(*options)
    assert set(found["snapshots"]) == {
        "file", "interval_s", "written", "late", "pause_s", "pause_max_s", "write_s",
    }  # fmt: skip
    shown = found["snapshots"]
    assert (shown["file"], shown["interval_s"]) == (str(kept), 1e-6)
    assert shown["written"] > 0 < shown["write_s"]
    assert shown["written"] >= shown["late"]
    assert 0 < shown["pause_max_s"] <= found["service"]["max_s"]  # pauses are within what is measured
    assert shown["pause_s"] <= found["service"]["mean_s"] * 1500
    chip, learned = ns.Chip.load(kept), make_chip(300).learn(next(ns.open_stream("digits").blocks(size=1501)).samples)
    assert chip.state_sha256 == learned.state_sha256
    stream = [*options[:3], "--state", kept, "--json"]
    gone_on = json.loads(CliRunner().invoke(main, ["stream", *map(str, stream)]).stdout)
    assert (gone_on["samples"], gone_on["stream_position"]) == (1797 - 1501, 1797)
    assert "snapshots must be a new file, and this one exists" in bench(*options, code=2).stderr
    options[6] = tmp_path / "other.h5"
    assert "written in" in bench(*options).stdout
    assert summary("digits", "--samples", "2")["snapshots"] is None


def test_a_snapshot_that_fails_while_it_measures_is_a_warning_and_at_the_end_an_error(tmp_path, monkeypatch):
    from neurosim.online.snapshots import Snapshots

    real, turns = Snapshots.take, []

    def take(self, samples, position):
        real(self, samples, position)
        turns.append(samples)
        if len(turns) == 1:  # the file is there: what is found beside it from now on is somebody else's
            self.settle()
            (tmp_path / "kept.h5.previous").write_text("mine")
        while len(turns) == 2 and self.busy():  # so that what came of it is known while samples are measured
            time.sleep(0.001)

    monkeypatch.setattr(Snapshots, "take", take)
    options = ["--samples", "1500", "--snapshots", tmp_path / "kept.h5", "--snapshot-seconds", "1e-6"]
    result = bench("digits", *options, code=2)
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["Warning", "Error"]
    assert result.stderr.count("is another: it is left alone") == 2
    assert ns.Chip.load(tmp_path / "kept.h5").samples == 1


@pytest.mark.parametrize(("options", "words"), [
    (["--snapshot-seconds", "1"], "snapshot_seconds must be left out without --snapshots, got 1.0"),
    (["--snapshots", "new.h5", "--snapshot-seconds", "0"], "snapshot_seconds must be positive, got 0.0"),
    (["--snapshots", "new.h5", "--snapshot-seconds", "nan"], "snapshot_seconds must be"),
    (["--snapshots", "new.h5", "--respond"], "snapshots must be None for a chip that only responds"),
    (["--snapshots", "none/new.h5"], "must be in a folder that can be written"),
])  # fmt: skip
def test_snapshots_that_cannot_be_are_refused(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    result = bench("digits", "--samples", "5", *options, code=2)
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "whose"),
    [
        (("digits", "--state", "kept.h5", "--record", "kept.h5"), "--state"),
        (("digits", "--state", "kept.h5", "--record", "./x/../kept.h5"), "--state"),
        (("digits", "--snapshots", "new.h5", "--record", "new.h5"), "--snapshots"),
        (("digits", "--record", "new.png", "--figure", "new.png"), "--record"),
        (("kept.h5:samples", "--record", "kept.h5"), "STREAM"),
        (("kept.h5:samples", "--root", ".", "--snapshots", "kept.h5"), "STREAM"),
    ],
)
def test_no_file_is_written_over_another(tmp_path, monkeypatch, options, whose):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "kept.h5").write_bytes(b"as it was")
    said = bench(*options, "--samples", 10, code=2).stderr
    assert f"must be a file of its own, not that of {whose}" in said
    assert (tmp_path / "kept.h5").read_bytes() == b"as it was"
    assert not list(tmp_path.glob("new*"))
