"""`neurosim cost` as a user meets it."""

import csv
import json

import described
import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim.cli import main

ROOMY = ("--set", "structure.neurons_per_core=64", "--set", "structure.synapse_bits_per_core=65536")


@pytest.fixture
def plain(tmp_path):
    return described.written(tmp_path)


def invoke(*words, code=0):
    done = CliRunner().invoke(main, ["cost", *map(str, words)])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def refused(*words):
    done = invoke(*words, code=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_described_chips_are_listed():
    lines = invoke("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ns.hardware.names()


def test_a_recipe_is_priced_on_a_stream(plain):
    done = invoke(
        "softhebb",
        "--neurons",
        20,
        "--chip",
        plain,
        *ROOMY,
        "--stream",
        "digits",
        "--samples",
        50,
        "--warm-up",
        10,
        "--json",
    )
    summary = json.loads(done.stdout)
    assert summary["samples"] == 50
    assert summary["learning"]
    assert 0 < summary["energy_low_J"] < summary["energy_J"] < summary["energy_high_J"]
    assert summary["energy_J"] == pytest.approx(sum(summary["energy_split_J"].values()))
    assert summary["latency_s"] > 0
    assert summary["hardware"]["energy"]["event_in"]["source"] == "made up"
    assert summary["mapping"]["cores_used"] == 1
    operations = summary["operations"]
    assert operations["neuron_update"]["count"] == operations["exponential"]["count"] == 20
    assert summary["counts"]["SynapticOperations"]["Dense"] == 64 * 20


def test_people_read_sources_and_what_is_missing(plain):
    text = invoke("softhebb", "--neurons", 5, "--chip", plain, "--stream", "digits", "--samples", 20).stdout
    for words in (
        "A chip of round numbers",
        "energy",
        "learning",
        "static",
        "latency",
        "the package",
        "made up",
        "float32",
    ):
        assert words in text


def test_a_state_file_is_read_and_not_written(plain, tmp_path):
    path = tmp_path / "chip.h5"
    chip = ns.Chip([ns.recipes.softhebb(6)], inputs=64, seed=3)
    chip.learn(ns.open_stream("digits"))
    chip.save(path)
    before = path.read_bytes()
    summary = json.loads(
        invoke(path, "--chip", plain, "--stream", "digits", "--samples", 30, "--respond", "--json").stdout
    )
    assert path.read_bytes() == before
    assert not summary["learning"]
    assert summary["energy_split_J"]["learning"] == 0
    assert summary["counts"]["WeightUpdates"] == 0


def test_samples_may_come_by_the_clock(plain):
    words = ("softhebb", "--neurons", 5, "--chip", plain, "--stream", "digits", "--samples", 40, "--json")
    slow = json.loads(invoke(*words, "--arrivals", "period", "--rate", 100, "--deadline", "1ms").stdout)
    fast = json.loads(invoke(*words, "--arrivals", "poisson", "--rate", 1e9, "--deadline", "1us").stdout)
    assert slow["deadline_misses"] == 0
    assert slow["backlog_max"] == 1
    assert fast["deadline_misses"] > 30
    assert fast["backlog_max"] > 10
    assert fast["latency_s"] > slow["latency_s"]
    assert fast["samples_per_s_limit"] == slow["samples_per_s_limit"]


def test_the_rate_of_samples_is_not_the_learning_rate(plain):
    words = ("--chip", plain, "--stream", "digits", "--samples", 40, "--json")
    by_the_clock = ("--arrivals", "period", "--rate", 100)
    closed, clocked = (
        json.loads(invoke("softhebb", "--neurons", 5, *words, *arrivals).stdout) for arrivals in ((), by_the_clock)
    )
    assert clocked["counts"] == closed["counts"]
    said = refused("softhebb-mnist-3layer", *words, *by_the_clock)  # a preset has a learning rate of its own
    assert "--preset" not in said


def test_every_sample_is_on_record(plain, tmp_path):
    record, figure = tmp_path / "samples.csv", tmp_path / "cost.png"
    words = ("softhebb", "--neurons", 5, "--chip", plain, "--stream", "digits", "--samples", 15, "--json")
    summary = json.loads(invoke(*words, "--record", record, "--figure", figure).stdout)
    with record.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    assert np.mean([float(row["energy_J"]) for row in rows]) == pytest.approx(summary["energy_J"])
    assert np.mean([float(row["latency_s"]) for row in rows]) == pytest.approx(summary["latency_s"])
    assert figure.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "STATE, PRESET or RECIPE must be given"),
        (("softhebb",), "--chip must be given"),
        (("softhebb", "--chip", "loihi"), "--stream must be given"),
        (("softhebb", "--chip", "loihy", "--stream", "digits"), "chip must be a .toml file, or one of loihi"),
        (("nothing", "--chip", "PLAIN", "--stream", "digits"), "recipe must be one of"),
        (("none.h5", "--chip", "PLAIN", "--stream", "digits"), "none.h5"),
        (("softhebb", "--chip", "PLAIN", "--stream", "nowhere.npy"), "nowhere.npy"),
        (
            ("softhebb", "--chip", "PLAIN", "--stream", "digits", "--neurons", "100"),
            "network must be small enough for the 4 cores",
        ),
        (("softhebb", "--chip", "PLAIN", "--stream", "digits", "--neurons", "5", "--samples", "0"), "samples must be"),
        (("softhebb", "--chip", "PLAIN", "--stream", "digits", "--neurons", "5", "--warm-up", "-1"), "warm_up must be"),
        (
            ("softhebb", "--chip", "PLAIN", "--stream", "digits", "--neurons", "5", "--warm-up", "9999"),
            "more than the 9999",
        ),
        (
            ("softhebb", "--chip", "PLAIN", "--stream", "digits", "--neurons", "5", "--rate", "3"),
            "rate must be left out",
        ),
        (
            ("softhebb", "--chip", "PLAIN", "--stream", "digits", "--neurons", "5", "--deadline", "-1s"),
            "deadline must be",
        ),
        (("softhebb", "--chip", "PLAIN", "--stream", "digits", "--set", "cores"), "set must be KEY=VALUE"),
        (
            ("softhebb", "--chip", "PLAIN", "--stream", "digits", "--set", "structure.cores=-3"),
            "structure.cores must be",
        ),
        (
            ("softhebb", "--chip", "truenorth", "--stream", "digits", "--neurons", "5"),
            "energy.weight_update of truenorth",
        ),
        (
            ("softhebb", "--chip", "PLAIN", "--stream", "digits", "--record", "x.txt"),
            "record must be a file that ends in .csv",
        ),
    ],
)
def test_bad_input_is_one_line(plain, words, said):
    line = refused(*(str(plain) if word == "PLAIN" else word for word in words))
    assert line.startswith("Error: ")
    assert said in line


def test_nothing_that_is_read_is_written_over(plain, tmp_path):
    state = tmp_path / "state.csv"
    ns.Chip([ns.recipes.softhebb(5)], inputs=64).save(state)
    (tmp_path / "link.png").symlink_to(state)
    before = state.read_bytes()
    words = (state, "--chip", plain, "--stream", "digits", "--samples", 5)
    for option in ("--record", state), ("--figure", tmp_path / "link.png"):
        assert "must be a file of its own, not that of STATE" in refused(*words, *option)
        told = refused("softhebb", "--chip", plain, "--stream", "digits", option[0], plain)
        assert "must be a file of its own, not that of --chip" in told
    samples = tmp_path / "samples.csv"
    samples.write_text("1,2,3,4\n" * 9)
    line = refused("softhebb", "--neurons", 5, "--chip", plain, "--stream", samples, "--inputs", 4, "--record", samples)
    assert "must be a file of its own, not that of STREAM" in line
    assert state.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("time.neuron_update.value=4.9e8", "so short that no service of a core takes"),
        ("time.hop.value=1e-9", "time.hop must be 0 or at least a picosecond"),
        ("=3", "set must be KEY=VALUE"),
    ],
)
def test_times_that_cannot_be_counted_are_refused(plain, change, said):
    large = ("--set", "structure.neurons_per_core=20000", "--set", "structure.synapse_bits_per_core=100000000")
    words = ("softhebb", "--neurons", 20000, "--chip", plain, *large, "--stream", "digits", "--samples", 3)
    assert said in refused(*words, "--set", change)


def test_a_deadline_is_finite(plain):
    words = ("softhebb", "--neurons", 5, "--chip", plain, "--stream", "digits", "--samples", 3)
    assert "deadline must be positive and finite" in refused(*words, "--deadline", "1e400s")


@pytest.mark.parametrize(("change", "words"), [
    ("structure.cores=" + "[" * 5000, "structure.cores must be a value that TOML can hold"),
    ("structure.cores=" + "1" * 5000, "structure.cores must be a value that TOML can hold"),
    ("structure.cores=0x" + "f" * 6000, "structure.cores must be a value that TOML can hold"),
    ("structure.cores=2024-01-01", "is a date or a time"),
    ("structure.cores=4\nx = 3", "structure.cores must be one value"),
    ("energy.event_in.value=1e300", "energy.event_in.value must be at most"),
    ("structure." + "a." * 3000 + "b=1", "structure.a must be one of"),
])  # fmt: skip
def test_values_that_no_chip_has_are_refused_in_one_line(plain, change, words):
    told = refused("softhebb", "--chip", plain, "--stream", "digits", "--set", change)
    assert words in told
    assert len(told) < 3000


def test_a_chip_of_very_many_cores_is_priced_and_its_plan_not_drawn(plain, tmp_path):
    pytest.importorskip("matplotlib")
    many = ("--set", "structure.cores=2000000000", "--set", "structure.mesh=[50000, 50000]")
    words = ("softhebb", "--neurons", 5, "--chip", plain, *ROOMY, *many, "--stream", "digits", "--samples", 5)
    invoke(*words, "--figure", tmp_path / "x.png")
    assert (tmp_path / "x.png").is_file()


def test_events_that_are_lost_are_told(plain):
    drop = ("--set", "structure.queue=0", "--set", "structure.when_full=drop")
    words = ("softhebb", "--neurons", 20, "--chip", plain, *ROOMY, *drop, "--stream", "digits", "--samples", 5)
    summary = json.loads(invoke(*words, "--json").stdout)
    assert 0 < summary["lost_share"] <= 1
    assert f"{summary['lost_events']:,} events, {summary['lost_share']:.2%}, found no room" in invoke(*words).stdout


def test_gaps_have_a_seed_of_their_own(plain):
    words = ("softhebb", "--neurons", 5, "--chip", plain, *ROOMY, "--stream", "digits", "--samples", 20)
    random = (*words, "--arrivals", "poisson", "--rate", 1e6, "--json")

    def latency(*options):
        return json.loads(invoke(*random, *options).stdout)["latency_max_s"]

    assert latency("--seed", 3) == latency("--seed", 3, "--arrivals-seed", 3)
    assert latency("--seed", 3) != latency("--seed", 3, "--arrivals-seed", 4)
    told = refused(*words[:-2], "--arrivals", "period", "--rate", 5, "--arrivals-seed", 4)
    assert "arrivals_seed must be left out with --arrivals period, got 4" in told


def test_a_rate_beyond_the_limit_is_told(plain):
    words = ("softhebb", "--neurons", 5, "--chip", plain, *ROOMY, "--stream", "digits", "--samples", 20)
    for rate, overload in ((1e3, False), (1e9, True)):
        options = (*words, "--arrivals", "period", "--rate", rate)
        assert ("overload  the rate is more than the chip can do" in invoke(*options).stdout) == overload
        assert json.loads(invoke(*options, "--json").stdout)["overload"] is overload


def test_layers_go_where_the_user_says(plain, tmp_path):
    words = ("softhebb", "--neurons", "20,5", "--chip", plain, *ROOMY, "--stream", "digits", "--samples", 5, "--json")
    file = tmp_path / "mine.toml"
    file.write_text("cores = [[3, 2], [1]]\n")
    found = {}
    for placement in ("rows", "spread", "optimised", file):
        summary = json.loads(invoke(*words, "--placement", placement).stdout)
        found[placement] = [(part["layer"], part["core"], part["neurons"]) for part in summary["mapping"]["parts"]]
    assert found["rows"] == [(0, 0, 20), (1, 1, 5)]
    assert found["spread"] == [(0, 0, 7), (0, 1, 7), (0, 2, 6), (1, 3, 5)]
    assert found[file] == [(0, 3, 10), (0, 2, 10), (1, 1, 5)]
    file.write_text("cores = [[3, 2]]\n")
    told = refused(*words, "--placement", file)
    assert "placement.cores must be given for each of the 2 layers, got 1" in told
    assert "placement must be one of rows, spread, optimised, or a .toml file" in refused(*words, "--placement", "near")
    assert "near.toml" in refused(*words, "--placement", "near.toml")


def test_layers_in_turns_say_what_that_costs(plain):
    words = ("softhebb", "--neurons", 30, "--weight-bits", 8, "--chip", plain, "--stream", "digits", "--samples", 5)
    small = ("--set", "structure.neurons_per_core=4", "--set", "structure.synapse_bits_per_core=8192")
    assert "network must be small enough for the 4 cores" in refused(*words, *small)
    turns = (*small, "--set", "structure.time_multiplexed=true")
    text = invoke(*words, *turns).stdout
    assert "turns  2 by layer; all synapses stay on the cores" in text
    summary = json.loads(invoke(*words, *turns, "--json").stdout)
    assert summary["energy_split_J"]["reloading"] > 0
    assert summary["energy_J"] == pytest.approx(sum(summary["energy_split_J"].values()))
    short = (*turns, "--set", "structure.synapse_bits_per_core=4096")
    assert "waiting states of layer 1 on core 0 must be at most 4096" in refused(*words, *short)


def test_a_limit_is_not_known_where_no_time_passes(tmp_path):
    path = described.written(tmp_path, times={"synaptic_operation": 0}, static=0)
    words = (
        "softhebb",
        "--neurons",
        8,
        "--weight-bits",
        8,
        "--chip",
        path,
        *ROOMY,
        "--stream",
        "digits",
        "--samples",
        5,
    )
    summary = json.loads(invoke(*words, "--json").stdout)
    ends = ("", "_low", "_high")
    assert [summary[f"samples_per_s_limit{end}"] for end in ends] == [None] * 3
    assert (summary["power_W"], summary["load"]) == (None, None)
    assert "not known: all times are zero" in invoke(*words).stdout
    by_the_clock = json.loads(invoke(*words, "--arrivals", "period", "--rate", 10, "--json").stdout)
    assert (by_the_clock["samples_per_s_offered"], by_the_clock["load"]) == (10, None)


def test_what_is_advised_for_inputs_below_zero_is_an_option_of_the_command_that_is_named(tmp_path, plain):
    np.save(tmp_path / "below.npy", np.full((9, 8), -1, np.float32))
    told = refused("softhebb", "--neurons", 8, "--chip", plain, "--stream", tmp_path / "below.npy")
    assert "neurosim stream --initial samples" in told
    assert "--initial" in CliRunner().invoke(main, ["stream", "--help"]).output


def test_layers_that_cannot_fit_are_refused_before_their_weights_are_made(plain, monkeypatch):
    monkeypatch.setattr("neurosim.cli.resume._new", None)  # weights that are made would be an error
    for placement in ("rows", "spread", "optimised"):
        words = ("--chip", plain, *ROOMY, "--stream", "digits", "--placement", placement)
        told = refused("softhebb", "--neurons", 1000, *words)
        assert "network must be small enough for the 4 cores" in told
