"""`neurosim sweep` as a user meets it, on real digits and a described chip."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import described
import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim import hardware
from neurosim.cli import main
from neurosim.hardware.counting.wear import synapse_writes
from neurosim.readouts.judge import judge
from neurosim.streams.order import repeat
from neurosim.sweeps import point, study, table
from neurosim.sweeps.chips import chip_settings
from neurosim.sweeps.search import rounds

EXAMPLES = Path(__file__).parents[2] / "examples"
STUDY = """
name = "digits"
data = {{train = "digits:train", test = "digits:test", train_samples = 300}}
chip = {{recipe = "softhebb", neurons = 12}}
measure = {{readout = "winner", price_samples = 50}}
hardware = {{chip = "{chip}"}}
search = {{method = "grid"}}

[vary]
chip.neurons = [12, 20]
hardware.structure.cores = [4, 9]

[objectives]
accuracy = "max"
energy_J = "min"
latency_s = "min"
"""
HEAD = described.PLAIN.replace("neurons_per_core = 8", "neurons_per_core = 4").replace("4096", "65536").replace(
    "mesh = [2, 2]\n", "")  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """A study file and a described chip."""
    chip = described.written(tmp_path, head=HEAD)
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(chip=chip))
    return path, tmp_path / "out.h5"


def invoke(*words, code=0):
    done = CliRunner().invoke(main, ["sweep", *map(str, words)])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def test_a_point_is_what_one_gets_by_hand(files):
    sweep = study.read(files[0], point.SECTIONS, point.MEASURES)
    settings = point.complete(sweep.sections)
    measures = point.price(point.learn(settings, point.Data(".")), settings)
    train, test = point.Data(".").stream("digits:train", count=300), ns.open_stream("digits:test")
    chip = ns.Chip([ns.recipes.softhebb(12)], inputs=64, seed=0).learn(repeat(train, 1, 0))
    assert measures["accuracy"] == judge(chip, train, test).winner_accuracy
    again = ns.Chip([ns.recipes.softhebb(12)], inputs=64, seed=0)
    ordered = np.concatenate([block.samples for block in repeat(train, 1, 0).blocks()])
    report = hardware.price(
        hardware.count(again.learn(ordered[:250]), ordered[250:]), hardware.load(files[0].with_name("plain.toml"))
    )
    assert measures["energy_J"] == report.summary()["energy_J"]
    assert measures["latency_s"] == report.summary()["latency_s"]
    assert again.state_sha256 == chip.state_sha256
    assert set(measures) <= {*point.TOLD, *point.MEASURES}


@pytest.mark.slow
def test_the_command_measures_what_fits_and_a_row_gives_its_point_back(files):
    path, out = files
    done = invoke(path, "--out", out, "--jobs", 2, code=2)
    name = "chip.neurons=20 hardware.structure.cores=4"
    assert done.stderr.startswith(f"Error: 1 of 4 points failed, {name} by ConfigError: ")
    assert done.stderr.count("\n") == 1
    assert "3 done, 1 failed, 0 open" in done.stdout
    rows = table.read(out)
    assert [row["status"] for row in rows] == ["done", "done", "failed", "done"]
    assert rows[0]["accuracy"] == rows[1]["accuracy"]
    probable = [row["front_probability"] for row in rows]
    assert probable[2] is None  # failed
    assert max(row["front_probability"] for row in rows if row["front"]) > 0.5
    assert "P(on the front)" in done.stdout
    report = json.loads(invoke("--out", out, "--point", rows[1]["key"], "--json").stdout)
    assert report["equal"]
    assert report["after"]["latency_s"] == rows[1]["latency_s"]
    assert "equal to the row" in invoke("--out", out, "--point", rows[0]["key"]).stdout
    listed = json.loads(invoke(path, "--out", out, "--list", "--json", "--only", "cores=9").stdout)
    assert [row["key"] for row in listed] == [rows[1]["key"], rows[3]["key"]]
    assert {row["status"] for row in listed} == {"done"}
    path.with_name("plain.toml").write_text(described.text(head=HEAD, static=30))
    assert "must still have the description" in invoke("--out", out, "--point", rows[0]["key"], code=2).stderr
    invoke(path, "--out", out, "--only", "neurons=12", code=0)
    assert [row["status"] for row in table.read(out)] == ["done", "done", "open", "open"]  # of another description
    path.write_text(path.read_text().replace('name = "digits"', 'name = "others"'))
    assert "must be the table of the sweep 'others'" in invoke(path, "--out", out, code=2).stderr


@pytest.mark.slow
def test_restart_forgets(files):
    path, out = files
    invoke(path, "--out", out, "--only", "neurons=12")
    before = {file: file.stat().st_mtime_ns for file in out.with_suffix(".points").glob("cells/*")}
    invoke(path, "--out", out, "--only", "neurons=12")
    assert before == {file: file.stat().st_mtime_ns for file in before}
    shown = json.loads(invoke(path, "--out", out, "--only", "neurons=12", "--restart", "--json").stdout)
    assert (shown["done"], shown["failed"], shown["open"]) == (2, 0, 2)
    assert shown["warnings"] == []
    assert all(file.stat().st_mtime_ns > time_ns for file, time_ns in before.items())


@pytest.mark.parametrize(("old", "new", "words"), [
    ("recipe = ", "recipes = ", "chip.recipe or chip.preset must be given, exactly one of the two, got None"),
    ('"softhebb"', '"softheb"', "chip.recipe must be one of softhebb, "),
    ("neurons = 12", "neuron = 12", "chip.neuron must be one of neurons"),
    ("neurons = 12", "neurons = 12, competition.temper = 1", "temper must be one of competition.temper"),
    ("chip.neurons = [12, 20]", "chip.cutof = [1]", "chip.cutof must be one of cutoff"),
    ('train = "digits:train", ', "", "data.train must be given, got None"),
    ('"digits:train"', '"mnist:train"', "mnist:train must be at . or its folder mnist"),
    ("train_samples", "samples", "data.samples must be one of"),
    ('"winner"', '"best"', "measure.readout must be one of linear, winner, got 'best'"),
    ("cores = [4", "cors = [4", "structure.cors"),
    ("plain.toml", "none.toml", "must be a TOML file that can be read"),
    ("accuracy", "acuracy", "objectives.acuracy must be one of accuracy, energy_J, latency_s, "),
    ("accuracy", "accurracy", "..., got 'accurracy'; did you mean accuracy?"),
    ("chip.neurons = [12, 20]", "chip.neurons = [4611686018427387904]",
     "vary.chip.neurons must be a whole number of at most 2147483647, got 4611686018427387904"),
    ("chip.neurons = [12, 20]", "chip.neurons = [[12, 0]]", "vary.chip.neurons must be a whole number of at least 1, "),
])  # fmt: skip
def test_bad_studies_are_one_line(files, old, new, words):
    path, out = files
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = invoke(path, "--out", out, code=2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(("options", "words"), [
    ([], "STUDY.toml must be given"), (["--only", "nothing"], "--only must be part of a point's name or key"),
    (["--jobs", "2", "--dask", "tcp://127.0.0.1:1"], "jobs must be left out with --dask"),
    (["--point", "0"], "study must be left out with --point"), (["--jobs", "0"], "Invalid value for '--jobs'"),
])  # fmt: skip
def test_bad_options_are_one_line(files, options, words):
    given = [files[0]] if options else []
    done = invoke(*given, "--out", files[1], *options, code=2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_constants_of_a_layer_and_its_parts_by_name():
    settings = chip_settings({"recipe": "softhebb", "neurons": [30, 10], "cutoff": 0.1, "competition.signed": True,
                              "rule.rate": 0.7})  # fmt: skip
    wide, narrow = settings["layers"]
    assert (wide["neurons"], narrow["neurons"], wide["cutoff"]) == (30, 10, 0.1)
    assert wide["competition"]["signed"] is narrow["competition"]["signed"] is True
    assert wide["rule"] == {"kind": "SoftHebb", "rate": 0.7}
    whole = chip_settings({"preset": "softhebb-mnist-3layer", "cutoff": 0.02, "rule.rate.power": 0.3})
    assert [(layer["cutoff"], layer["rule"]["rate"]["power"]) for layer in whole["layers"]] == [(0.02, 0.3)] * 3
    floored = chip_settings({"recipe": "softhebb", "neurons": 5, "floor": 0.02})
    assert floored == chip_settings({"recipe": "softhebb", "neurons": 5, "rule.rate.floor": 0.02})
    assert floored["layers"][0]["rule"]["rate"]["floor"] == 0.02
    odd = chip_settings({"recipe": "hard_wta", "neurons": 5, "competition.temperature": 1.0})
    assert odd["layers"] is None  # refused when it is made, and then on record
    with pytest.raises(ns.ConfigError, match="temperature must be a constant of HardWTA"):
        chip_settings(odd["asked"], refuse=True)
    wrong = chip_settings({"recipe": "softhebb", "neurons": 5, "cutoff": -1.0})
    with pytest.raises(ns.ConfigError, match=r"^chip\.cutoff must be "):
        chip_settings(wrong["asked"], refuse=True)


@pytest.mark.parametrize(("name", "objectives", "many"), [
    ("mnist_designs", ["accuracy", "energy_J", "latency_s"], 540),
    ("mnist_parts", ["accuracy", "energy_J", "area_mm2"], 216),
])  # fmt: skip
def test_the_examples_are_studies(name, objectives, many):
    read = study.read(EXAMPLES / f"{name}.toml", point.SECTIONS, point.MEASURES)
    assert list(read.objectives) == objectives
    assert {"chip.neurons", "chip.weight_bits", "chip.seed"} <= set(read.vary)
    (points,) = [next(rounds(read, point.complete, point.VERSION))]
    assert len(points) == many
    assert all(one.cell.settings["chip"]["layers"] for one in points)
    assert all("deadline_s" in one.cell.settings["arrivals"] for one in points)


@pytest.mark.slow
def test_ctrl_c_ends_quietly_and_says_how_to_go_on(files):
    path, out = files
    path.write_text(path.read_text().replace("[12, 20]", f"{list(range(5, 405))}").replace("[4, 9]", "[400]"))
    words = [sys.executable, "-m", "neurosim", "sweep", path, "--out", out, "--jobs", "2"]
    process = subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 300
    while not list(out.with_suffix(".points").glob("cells/point-*.json")) and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()
    assert process.returncode == 130, said
    assert said[1].startswith("Error: interrupted with ")
    assert said[1].count("\n") == 1
    statuses = [row["status"] for row in table.read(out)]
    assert len(statuses) == 400
    assert statuses.count("done") == len(list(out.with_suffix(".points").glob("cells/point-*.json"))) >= 1


@pytest.mark.slow
def test_what_is_not_the_sweep_s_own_stays(files):
    path, out = files
    other = out.with_suffix(".csv")
    other.write_text("mine")
    line = invoke(path, "--out", out, code=2).stderr
    assert f"out must be a name for which {other.name} does not exist yet" in line
    assert other.read_text() == "mine"
    other.unlink()
    CliRunner().invoke(main, ["sweep", str(path), "--out", str(out)])
    records = sorted(out.with_suffix(".points").glob("cells/*.json"))
    assert records
    invoke(path, "--out", out, "--restart", "--only", "nothing", code=2)
    assert sorted(out.with_suffix(".points").glob("cells/*.json")) == records  # refused before anything is forgotten


def test_how_long_synapses_last_may_be_an_objective(files):
    path, _ = files
    chip = path.with_name("plain.toml")
    chip.write_text(chip.read_text() + "\n[endurance]\nwrites = 1e6\nsource = 'made up'\n")
    path.write_text(path.read_text().replace('latency_s = "min"', 'lifetime_s = "max"\nwrites_per_synapse_max = "min"'))
    sweep = study.read(path, point.SECTIONS, point.MEASURES)
    settings = point.complete(sweep.sections)
    learned = point.learn(settings, point.Data("."))
    measures = point.price(learned, settings)
    report = hardware.price(learned.counts, hardware.load(chip))
    most = synapse_writes(learned.counts.layers[0]).max()
    assert measures["writes_per_synapse_max"] == most
    assert measures["lifetime_s"] == pytest.approx(1e6 * report.schedule.held_s.sum() / most)
