"""`neurosim stream --set NAME=VALUE`: a constant changes, the weights are kept."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim.cli import main

SMALL = ["digits", "--neurons", "6"]


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / "chip.h5")


@pytest.fixture
def stream(state):
    def run(*arguments, code=0):
        result = CliRunner().invoke(main, ["stream", *arguments, "--state", state])
        assert result.exit_code == code, result.stderr
        return result.stderr if code else result.stdout

    return run


def test_a_constant_is_changed_and_the_same_command_may_be_repeated(stream, state):
    small = (*SMALL, "--temperature", "0.01")
    stream(*small, "--rate", "0.5")
    before = ns.Chip.load(state)
    error = stream(*small, "--rate", "0.1", "--epochs", "2", code=2)
    assert "rate is 0.5 there, 0.1 here; or give --restart (--set NAME=VALUE changes a constant" in error
    for epochs in ("2", "3"):  # --rate is that of the beginning
        stream(*small, "--rate", "0.5", "--epochs", epochs, "--set", "rate=0.1", "--set", "temperature=0.02")
    chip = ns.Chip.load(state)
    assert chip.layers[0].constants == ns.recipes.softhebb(6, rate=0.1, temperature=0.02)
    assert [(change["sample"], change["name"]) for change in chip.changes] == [
        (1797, "rule.rate"), (1797, "competition.temperature"),
    ]  # fmt: skip
    digits = ns.open_stream("digits", epochs=2)
    assert before.with_constants(rate=0.1, temperature=0.02).learn(digits).state_sha256 == chip.state_sha256
    shown = CliRunner().invoke(main, ["inspect", state])
    assert "   changed  rule.rate of layer 1 at sample 1,797: 0.5, then 0.1\n" in shown.stdout
    as_json = json.loads(CliRunner().invoke(main, ["inspect", state, "--json"]).stdout)
    assert as_json["changes"] == list(chip.changes)


def test_a_change_is_written_also_if_no_sample_comes(stream, state):
    stream(*SMALL)
    stream(*SMALL, "--set", "floor=0.02")
    chip = ns.Chip.load(state)
    assert chip.layers[0].constants.rule == ns.SoftHebb(rate=ns.NormAdaptiveRate(1.5, floor=0.02))
    assert chip.samples == 1797
    assert ns.Chip.load(state + ".previous").changes == ()


def test_a_new_chip_begins_with_the_constants(stream, state):
    stream(*SMALL, "--set", "rate=0.1")
    chip = ns.Chip.load(state)
    assert (chip.layers[0].constants, chip.changes) == (ns.recipes.softhebb(6, rate=0.1), ())


@pytest.mark.slow
def test_recipes_of_one_s_own_go_on_after_a_change(stream, state, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import neurosim as ns\n@ns.rule\ndef own(response, rate, slope=1.0):\n    return 1, rate * slope * response\n"
        "def layer(neurons, **constants):\n"
        "    return ns.DenseWTA(neurons, competition=ns.HardWTA(), rule=own(rate=0.1), renormalise=True)\n"
    )
    recipe = ["digits", "--neurons", "3", "--recipe", f"{mine}:layer"]
    stream(*recipe)
    stream(*recipe, "--set", "slope=0.5", "--epochs", "2")
    stream(*recipe, "--epochs", "3")  # the recipe and the record make the chip that the state holds
    mine.write_text(mine.read_text().replace("rate=0.1", "rate=0.2"))
    assert "rule of layer 1 is" in stream(*recipe, "--epochs", "4", code=2)


@pytest.mark.parametrize(("given", "words"), [
    ("rate", "set must be NAME=VALUE, such as rate=0.01, once for each constant, got 'rate'"),
    ("=1", "set must be NAME=VALUE"), ("layer=0", "set must be NAME=VALUE"), ("rate=-1", "rate must be at least 0"),
    ("rate=nan", "rate must be"), ("rate=fast", "rate must be a number or a schedule, got 'fast'"),
    ("speed=1", "constants of DenseWTA must be among"), ("neurons=5", "neurons must be left as it is with the weights"),
    ("rate=" + "9" * 5000, "rate must be at least 0 and finite"), ("rate=" + "[" * 5000, "rate must be a number"),
    ("x\n=1", "constants of DenseWTA must be among"),
])  # fmt: skip
def test_what_cannot_be_set_is_said_in_a_line_and_the_state_stays(stream, state, given, words):
    stream(*SMALL)
    before = ns.Chip.load(state)
    error = stream(*SMALL, "--epochs", "2", "--set", given, code=2)
    assert words in error
    assert error.count("\n") == 1
    assert ns.Chip.load(state).layers[0].constants == before.layers[0].constants


@pytest.mark.parametrize("record", [
    '"x"', "[1]", "{}", '[{"sample": 1}]', '[{"sample": 1, "layer": 3, "name": "cap", "old": 1, "new": 2}]',
    '[{"sample": 1, "layer": 0, "name": 5, "old": 1, "new": 2}]', "[[[", "NaN",
])  # fmt: skip
def test_a_forged_record_is_refused(stream, state, record):
    from sealing import reseal

    stream(*SMALL)
    with h5py.File(state, "r+") as file:
        file.attrs["changes"] = record
    reseal(Path(state))
    with pytest.raises(ns.StateError) as said:
        ns.Chip.load(state)
    assert "\n" not in str(said.value)
    with h5py.File(state, "r+") as file:
        file.attrs["changes"] = np.arange(3)
    reseal(Path(state))
    with pytest.raises(ns.StateError):
        ns.Chip.load(state)


def test_two_softnesses_are_refused_in_one_line(stream, state):
    error = stream(*SMALL, "--set", "temperature=0.02", "--set", "relative_temperature=0.02", code=2)
    assert "temperature, gain or relative_temperature must be given, one of the three" in error
    assert error.count("\n") == 1
    assert not Path(state).exists()
