"""Settings of studies: labels, arrivals, numbers of one value in several forms, and how many points there may be."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim import hardware
from neurosim.cli import main
from neurosim.errors import ConfigError
from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data, Renumbered
from neurosim.streams import ArrayStream
from neurosim.sweeps import study
from neurosim.sweeps.arrivals import DEFAULTS, arrivals_of, arrivals_settings
from neurosim.sweeps.pareto import front
from neurosim.sweeps.point import MEASURE_OF_A_POINT as MEASURE
from neurosim.sweeps.point import Learned
from neurosim.sweeps.run import Engine
from neurosim.sweeps.run import _best as best_of
from neurosim.sweeps.search import objectives, rounds

ROOT = Path(__file__).parents[2]
STUDY = {
    "name": "small",
    "data": {"train": "digits:train", "test": "digits:test", "train_samples": 200},
    "chip": {"recipe": "softhebb", "neurons": 5, "weight_bits": 8},
    "measure": {"readout": "winner", "price_samples": 20},
    "hardware": {"chip": "cmos45-int8"},
    "search": {"method": "grid"},
    "objectives": {"accuracy": "max", "energy_J": "min"},
}
POISSON = {"kind": "poisson", "rate_hz": 100.0, "seed": 0}


def points(**sections):
    sweep = study.of(STUDY | sections, MEASURE.sections, MEASURE.measures)
    return next(rounds(sweep, MEASURE.complete, MEASURE.version))


def settings(**given):
    return arrivals_settings(DEFAULTS | given)


# Arrivals


@pytest.mark.parametrize(("given", "complete"), [
    ({}, {"kind": "closed"}),
    ({"period_s": 0.01}, {"kind": "period", "rate_hz": 100.0}),
    ({"kind": "period", "rate_hz": 100}, {"kind": "period", "rate_hz": 100.0}),
    ({"kind": "poisson", "rate_hz": 100}, POISSON),
    ({"kind": "bursts", "rate_hz": 100, "burst": 4}, {"kind": "bursts", "rate_hz": 100.0, "burst": 4}),
    ({"kind": "bursts", "rate_hz": 100}, {"kind": "bursts", "rate_hz": 100.0, "burst": 8}),
])  # fmt: skip
def test_arrivals_are_those_of_the_command_line(given, complete):
    assert settings(**given) == complete
    assert arrivals_of(complete).describe() == complete


@pytest.mark.parametrize(("given", "words"), [
    ({"kind": "sometimes"}, "arrivals.kind must be one of closed, period, poisson, bursts, stream, got 'sometimes'"),
    ({"kind": "poisson"}, "arrivals.rate_hz must be given with kind = 'poisson'"),
    ({"rate_hz": 100}, "arrivals.rate_hz must be left out with kind = 'closed', got 100"),
    ({"kind": "poisson", "rate_hz": -1}, "arrivals.rate_hz must be positive"),
    ({"kind": "poisson", "rate_hz": "x"}, "arrivals.rate_hz must be positive"),
    ({"kind": "poisson", "rate_hz": 1, "seed": -1}, "arrivals.seed must be a whole number of at least 0, got -1"),
    ({"kind": "period", "rate_hz": 1, "burst": 3}, "arrivals.burst must be left out with kind = 'period', got 3"),
    ({"kind": "poisson", "period_s": 1}, "arrivals.period_s must be left out"),
    ({"period_s": 1, "rate_hz": 1, "kind": "period"}, "arrivals.period_s must be left out"),
    ({"period_s": 0}, "arrivals.period_s must be positive, got 0"),
    ({"period_s": 5e-324}, "arrivals.period_s must be positive"),
    ({"deadline_s": 0}, "arrivals.deadline_s must be positive, in seconds, got 0"),
    ({"deadline_s": "1ms"}, "arrivals.deadline_s must be positive, in seconds, got '1ms'"),
    ({"kind": "stream"}, "arrivals.timestamps must be given with kind = 'stream'"),
    ({"kind": "stream", "timestamps": "x.csv"}, "arrivals.timestamps must be a file that ends in .npy"),
    ({"kind": "stream", "timestamps": "none.npy"}, "arrivals.timestamps must be an array in a .npy file"),
])  # fmt: skip
def test_arrivals_that_cannot_be_are_refused(given, words):
    with pytest.raises(ns.ConfigError) as refused:
        settings(**given)
    assert words in str(refused.value)


def test_timestamps_are_a_regular_file_and_as_many_as_are_priced(tmp_path):
    os.mkfifo(tmp_path / "fifo.npy")
    with pytest.raises(ns.ConfigError, match="must be a regular file, got a pipe"):
        settings(kind="stream", timestamps=str(tmp_path / "fifo.npy"))
    np.save(tmp_path / "few.npy", np.arange(10))
    (point,) = points(arrivals={"kind": "stream", "timestamps": str(tmp_path / "few.npy")})
    with pytest.raises(ns.ConfigError, match="timestamps must be at least 20"):
        MEASURE.check(point.cell.settings, tmp_path)


@pytest.mark.parametrize(("options", "given"), [
    (["closed"], {"kind": "closed"}),
    (["period", "--rate", "20000"], {"kind": "period", "rate_hz": 20_000}),
    (["poisson", "--rate", "20000", "--seed", "3"], {"kind": "poisson", "rate_hz": 20_000, "seed": 3}),
    (["bursts", "--rate", "20000"], {"kind": "bursts", "rate_hz": 20_000}),
    (["bursts", "--rate", "20000", "--burst", "3"], {"kind": "bursts", "rate_hz": 20_000, "burst": 3}),
    (["stream", "--timestamps", "times.npy"], {"kind": "stream", "timestamps": "times.npy"}),
])  # fmt: skip
def test_a_sweep_prices_any_arrivals_and_deadlines_as_the_cost_command_does(tmp_path, monkeypatch, options, given):
    monkeypatch.chdir(tmp_path)
    np.save("times.npy", np.cumsum([3, 90, 1, 200] * 6).astype(np.int64))
    words = ["cost", "softhebb", "--neurons", "5", "--weight-bits", "8", "--chip", "cmos45-int8", "--deadline", "2us"]
    words += ["--stream", "digits:train", "--samples", "20", "--json", "--arrivals", *options]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    wanted = json.loads(done.stdout)
    (point,) = points(
        arrivals=given | {"deadline_s": 2e-6}, data=STUDY["data"] | {"train_samples": 20},
        chip=STUDY["chip"] | {"seed": given.get("seed", 0)},
    )  # fmt: skip
    chip = ns.Chip([ns.recipes.softhebb(5, weight_bits=8)], inputs=64, seed=given.get("seed", 0))
    counts = hardware.count(chip, ns.open_stream("digits:train"), samples=20)
    report = hardware.price(counts, "cmos45-int8", arrivals=arrivals_of(point.cell.settings["arrivals"]), deadline=2e-6)
    measures = MEASURE.price(Learned(chip, counts, {"accuracy": 0.5}), point.cell.settings)
    for name in ("latency_s", "latency_max_s", "waiting_s", "energy_J"):
        assert (measures[name], report.summary()[name]) == (wanted[name], wanted[name])
    assert report.summary()["deadline_misses"] == wanted["deadline_misses"]
    assert measures.get("deadline_misses", wanted["deadline_misses"]) == wanted["deadline_misses"]


def test_the_rate_of_arrivals_is_not_the_learning_rate():
    (point,) = points(arrivals={"kind": "period", "rate_hz": 20_000}, chip=STUDY["chip"] | {"rate": 0.05})
    (other,) = points(chip=STUDY["chip"] | {"rate": 0.05})
    assert point.cell.settings["chip"] == other.cell.settings["chip"]
    layers = [one.cell.settings["chip"]["layers"] for one in (*points(), point)]
    assert [layer[0]["rule"]["rate"] != layers[0][0]["rule"]["rate"] for layer in layers] == [False, True]


# Labels and sizes of images


def lines(path, rows):
    path.write_text("a,b,digit\n" + "".join(f"{a},{b},{label}\n" for a, b, label in rows))


@pytest.mark.parametrize(("data", "words"), [
    ({"label": 3}, "data.label must be a column's name or number as text"),
    ({"label": ""}, "data.label must be a column's name or number as text"),
    ({"image_size": 0}, "data.image_size must be a whole number of at least 1, got 0"),
    ({"image_size": "big"}, "data.image_size must be a whole number of at least 1, got 'big'"),
])  # fmt: skip
def test_labels_and_sizes_are_checked(data, words):
    with pytest.raises(ns.ConfigError) as refused:
        points(data=STUDY["data"] | data)
    assert words in str(refused.value)


@pytest.mark.parametrize(("data", "words"), [
    ({"train": "train.csv", "test": "test.csv"}, "test.csv must have labels"),
    ({"train": "train.csv", "test": "test.csv", "label": "colour"}, "the label's column must be"),
    ({"train": "train.csv", "test": "none.csv", "label": "digit"}, "none.csv must be a file"),
    ({"train": "digits:train", "test": "digits:test", "image_size": 8}, "image_size must be left out"),
])  # fmt: skip
def test_data_are_checked_for_every_point_before_the_first_is_measured(tmp_path, data, words):
    for name in ("train.csv", "test.csv"):
        lines(tmp_path / name, [(1, 2, 0), (3, 1, 1)])
    varied = {f"data.{name}": [STUDY["data"].get(name, value), value] for name, value in data.items()}
    sweep = study.of(STUDY | {"vary": varied}, MEASURE.sections, MEASURE.measures)
    engine = Engine(sweep, MEASURE, tmp_path, Folder(tmp_path / "out"))
    with pytest.raises(ns.NeurosimError) as refused:
        engine.run(None)
    assert words in str(refused.value)


def test_a_study_of_lines_learns_their_labels(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("train.csv", "test.csv"):
        rows = [(*(rng.random(2) + (9 * (i % 2), 9 * (1 - i % 2))), i % 2) for i in range(40)]
        lines(tmp_path / name, rows)
    data = {"train": "train.csv", "test": "test.csv", "label": "digit"}
    (point,) = points(data=data)
    MEASURE.check(point.cell.settings, tmp_path)
    learned = MEASURE.learn(point.cell.settings, Data(tmp_path))
    assert MEASURE.price(learned, point.cell.settings)["accuracy"] == 1


def test_classes_that_two_files_number_differently_are_the_same_classes():
    stream = ArrayStream(np.eye(3, dtype=np.float32), [0, 1, 2])
    stream.classes = ("cat", "dog", "eel")
    renumbered = Renumbered(stream, ("dog", "cat"))
    assert renumbered.take(np.arange(3)).labels.tolist() == [1, 0, 2]
    assert renumbered.classes == ("dog", "cat", "eel")
    assert Renumbered(stream, ()).take(np.arange(3)).labels.tolist() == [0, 1, 2]


# Numbers


@pytest.mark.parametrize("vary", [
    {"chip.rate": [1, 1.0]},
    {"chip.neurons": [5, 5.0, [5], [5.0]]},
    {"chip.temperature": [1, 1.0], "chip.competition.signed": [False]},
    {"chip.leak": [0, 0.0, -0.0]},
    {"chip.seed": [3, 3.0]},
    {"data.epochs": [2, 2.0]},
    {"data.mean": [0, 0.0, -0.0]},
    {"measure.price_samples": [30, 30.0]},
    {"hardware.structure.cores": [16, 16.0]},
    {"hardware.structure.clock_Hz": [500_000_000, 5e8]},
    {"hardware.energy.weight_update.value": [1, 1.0]},
    {"arrivals.period_s": [1, 1.0]},
    {"chip.temperature": [-1, -1.0]},
], ids=lambda vary: " ".join(vary))  # fmt: skip
def test_a_number_in_two_forms_is_one_point(vary):
    assert len(points(vary=vary)) == 1


def test_numbers_and_truths_that_differ_are_points_of_their_own():
    assert len(points(vary={"chip.rate": [1, 1.5], "chip.competition.signed": [True, False]})) == 4


# How many points


@pytest.mark.parametrize(("method", "most"), [("random", 20_000), ("optuna", 2_000)])
def test_a_search_of_too_many_points_is_refused_with_a_sentence(method, most):
    search = {"method": method, "points": most + 1}
    with pytest.raises(ns.ConfigError, match=f"search.points must be at most {most:,} .*listed within a minute"):
        points(search=search, vary={"chip.rate": {"low": 0, "high": 1}})


def test_a_chip_of_a_large_grid_is_described_once(monkeypatch):
    from neurosim import hardware
    from neurosim.sweeps import settings as made

    loads, load = [], hardware.load
    monkeypatch.setattr(hardware, "load", lambda *words: loads.append(words) or load(*words))
    made._digest.cache_clear()
    grid = {"chip.rate": [0.01 * n for n in range(1, 51)], "hardware.structure.lanes": [1, 2]}
    assert len(points(vary=grid)) == 100
    assert len(loads) == 2


def test_the_front_of_many_points_is_found():
    values = np.random.default_rng(0).random((50_000, 2))
    best = front(values, np.array([True, False]))
    slow = [not ((values[:, 0] >= a) & (values[:, 1] <= b) & ((values[:, 0] > a) | (values[:, 1] < b))).any()
            for a, b in values[best]]  # fmt: skip
    assert all(slow)
    assert best.sum() < 100


# Misspelt keys, long names, folders


def test_a_misspelt_key_is_named_as_the_file_has_it():
    with pytest.raises(ns.ConfigError, match=r"^vary.chip.rtae must be one of rate"):
        points(vary={"chip.rtae": [1]})
    with pytest.raises(ns.ConfigError, match=r"^chip.rtae must be one of rate"):
        points(chip=STUDY["chip"] | {"rtae": 1})
    with pytest.raises(ns.ConfigError, match=r"^vary.hardware.structure.core must be one of"):
        points(vary={"hardware.structure.core": [1]})
    with pytest.raises(ns.ConfigError, match=r"did you mean chip.rate\?"):
        points(vary={"chp.rate": [1]})


@pytest.mark.parametrize(("out", "words"), [
    ("x" * 240 + ".h5", "out must be a name of at most"),
    ("x" * 300 + ".h5", "out must be a name of at most"),
    ("no/such/folder.h5", "out must be a file in a folder that exists"),
    ("fifo.h5", "there is no regular file of this name"),
])  # fmt: skip
def test_files_that_cannot_be_written_are_refused_before(tmp_path, out, words):
    os.mkfifo(tmp_path / "fifo.h5")
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "s"\ndata = {train = "digits:train", test = "digits:test"}\nchip = {recipe = "softhebb", neurons = 5}\n'
        'hardware = {chip = "cmos45-int8"}\nsearch = {method = "grid"}\n'
        'objectives = {accuracy = "max", energy_J = "min"}\n'
    )
    done = CliRunner().invoke(main, ["sweep", str(path), "--out", str(tmp_path / out), "--list"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr
    assert not (tmp_path / "no").exists()


# Events that are lost


def test_a_design_that_loses_events_has_no_accuracy_and_cannot_win_by_losing(tmp_path):
    slow = STUDY["hardware"] | {"structure.lanes": 1}  # events come in more quickly than they are served
    (kept,) = points(hardware=slow)
    (lossy,) = points(hardware=slow | {"structure.queue": 0, "structure.when_full": "drop"})
    data = Data(tmp_path)
    learned = MEASURE.learn(kept.cell.settings, data)
    whole, lost = (MEASURE.price(learned, point.cell.settings) for point in (kept, lossy))
    assert (whole["lost_share"], whole["accuracy"] > 0, "no_accuracy" in whole) == (0, True, False)
    assert 0 < lost["lost_share"] <= 1
    assert lost["accuracy"] is None
    told = lost["no_accuracy"]
    assert told.startswith("structure.queue of cmos45-int8 must be so long that no event is lost")
    assert f"{lost['lost_share']:.3%} of the events found no room; give it more places" in told
    assert lost["latency_s"] < whole["latency_s"]  # by what it does not do
    records = [{"status": "done", "measures": one} for one in (whole, lost)]
    for wishes, best in (
        ({"accuracy": "max"}, [True, False]),
        ({"energy_J": "min", "latency_s": "min"}, [True, False]),
        ({"latency_s": "min"}, [True, False]),
        ({"latency_s": "min", "lost_share": "min"}, [True, True]),  # who declares it sees both
        ({"accuracy": "max", "lost_share": "min"}, [True, False]),
    ):
        sweep = study.of(STUDY | {"objectives": wishes}, MEASURE.sections, MEASURE.measures)
        assert best_of(sweep, records) == best
    with pytest.raises(ConfigError, match=r"objectives\.lost_share must be one of min, got 'max'"):
        study.of(STUDY | {"objectives": {"lost_share": "max"}}, MEASURE.sections, MEASURE.measures)


def test_overload_deadlines_and_bands_are_measures(tmp_path):
    fast = {"kind": "period", "rate_hz": 1e7, "deadline_s": 1e-6}
    (closed,), (clocked,) = points(), points(arrivals=fast)
    learned = MEASURE.learn(closed.cell.settings, Data(tmp_path))
    alone, by_the_clock = (MEASURE.price(learned, point.cell.settings) for point in (closed, clocked))
    assert (alone["overload"], alone["load"], alone["deadline_misses"]) == (False, None, None)
    assert by_the_clock["overload"] == 1
    assert by_the_clock["load"] == pytest.approx(1e7 / by_the_clock["samples_per_s_limit"], rel=1e-2)
    assert 0 < by_the_clock["deadline_misses"] == 20 * by_the_clock["deadline_miss_share"]
    for kind in ("", "p99_", "max_"):
        low, high = (alone[f"latency_{kind}{end}_s"] for end in ("low", "high"))
        assert low < alone[f"latency_{kind}s"] < high
    assert alone["samples_per_s_limit_low"] < alone["samples_per_s_limit"] < alone["samples_per_s_limit_high"]
    wishes = {"overload": "min", "deadline_misses": "min", "latency_high_s": "min"}
    sweep = study.of(STUDY | {"objectives": wishes}, MEASURE.sections, MEASURE.measures)
    assert objectives({"measures": by_the_clock}, sweep)[:2] == [1, by_the_clock["deadline_misses"]]
    with pytest.raises(ConfigError, match=r"arrivals\.deadline_s must be positive, in seconds, got 0"):
        points(arrivals={"deadline_s": 0})


def test_states_and_ports_can_be_varied(tmp_path):
    sleepy = {"chip": str(ROOT / "examples/sleepy.toml"), "structure.lanes": 1, "structure.queue": 0}
    slow = {"kind": "period", "rate_hz": 10}
    spent = []
    for changes in ({}, {"power_states.sleep_after_s": 0}, {"power_states.gated": "core"}):
        (one,) = points(hardware=sleepy | changes, arrivals=slow)
        spent.append(MEASURE.price(MEASURE.learn(one.cell.settings, Data(tmp_path)), one.cell.settings))
    static = [one["energy_static_J"] for one in spent]
    first_ms = 1e-3 * (2e-3 - 40e-6)  # of each gap: idle at 2 mW in place of asleep at 40 uW
    assert static[0] - static[1] == pytest.approx(first_ms, rel=1e-6)
    assert static[2] < static[0]


# Placement


def test_placements_vary_and_share_a_learning_run(tmp_path):
    found = points(vary={"placement": {"strategy": ["rows", "spread"]}})
    rows, spread = (point.cell.settings for point in found)
    assert [settings["placement"]["strategy"] for settings in (rows, spread)] == ["rows", "spread"]
    learned = MEASURE.learn(rows, Data(tmp_path))
    few, many = (MEASURE.price(learned, settings) for settings in (rows, spread))
    assert (few["cores_used"], many["cores_used"]) == (1, 5)  # a neuron each
    assert many["latency_s"] > few["latency_s"]  # five cores agree on a sum for little work
    with pytest.raises(ConfigError, match=r"placement\.order must be one of strategy"):
        points(placement={"order": 1})
