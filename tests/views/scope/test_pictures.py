"""What a picture takes from a chip."""

import json

import numpy as np
import pytest

import neurosim as ns
from neurosim.chip.changing import change_in_place
from neurosim.online.report import Report
from neurosim.views.scope.memory import WORDS
from neurosim.views.scope.pictures import MOST_CHANGES, Pictures, constants_of, most_used


@pytest.fixture
def chip(samples):
    return ns.Chip([ns.recipes.softhebb(150)], inputs=64, seed=1).learn(samples)


def test_numbers_are_those_of_the_chip(chip):
    pictures, report = Pictures(chip, 0, (8, 8)), Report()
    report.add_one(1000)
    values = pictures.values(report)
    layer = chip.layers[0]
    assert values["samples"] == 300
    assert (values["wins"] == layer.wins).all()
    assert values["steps"] == pytest.approx(300 * layer.steps.sum())
    assert values["latencies"].sum() == 1
    assert values["fields"].shape == (100, 1, 8, 8)
    chosen = pictures._chosen
    assert (values["fields"].reshape(100, 64) == layer.weights[chosen]).all()
    assert (np.delete(layer.wins, chosen) <= layer.wins[chosen].min()).all()


def test_inputs_that_are_no_images_have_no_fields(chip):
    for shape in (None, ()):
        pictures = Pictures(chip, 0, shape)
        assert pictures.sizes.fields == 0
        assert "fields" not in pictures.values(None)


def test_neurons_stay_where_they_are_shown():
    wins, shown = np.array([9, 0, 5, 1, 7, 3]), np.array([0, 1, 2])
    assert most_used(wins, shown).tolist() == [0, 4, 2]
    assert most_used(np.array([9, 0, 5, 1, 7, 6]), np.array([0, 4, 2])).tolist() == [0, 4, 5]
    assert most_used(np.zeros(6), np.array([5, 1, 2])).tolist() == [5, 1, 2]


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (ns.recipes.softhebb(5, temperature=0.5, rate=0.25), ("temperature", 0.5, np.exp(2), 0.25)),
        (ns.recipes.softhebb(5, gain=np.e, rate=0.25), ("gain", 1, np.e, 0.25)),
        (ns.recipes.softhebb(5, temperature=1e-6, rate=0.25), ("temperature", 1e-6, None, 0.25)),
        (ns.recipes.hard_wta(5, rate=0.5), (None, None, None, 0.5)),
    ],
)
def test_constants_that_can_be_changed(layer, told):
    constants = constants_of(layer)
    found = [constants[name] for name in ("softness", "temperature", "gain", "rate")]
    assert found[0] == told[0]
    assert found[1:] == pytest.approx(told[1:])
    json.dumps(constants, allow_nan=False)


def test_texts_are_cut_to_the_memory(chip):
    record = tuple({"sample": n, "layer": 0, "name": "x" * 3000, "old": 1, "new": 2} for n in range(64))
    change_in_place(chip, [chip.layers[0].constants], record)
    encoded = Pictures(chip, 0, None).words("running", ["why"])
    assert len(encoded) <= WORDS
    words = json.loads(encoded)
    assert words["changes"][-1]["sample"] == 63
    assert words["changes_made"] == 64
    assert words["refusals"] == ["why"]


def test_texts_are_written_where_they_are_new(chip):
    pictures, constants = Pictures(chip, 0, None), [chip.layers[0].constants]
    assert json.loads(pictures.words("running", []))["status"] == "running"
    assert pictures.words("running", []) is None
    assert json.loads(pictures.words("held", []))["status"] == "held"
    assert json.loads(pictures.words("held", ["why"]))["refusals"] == ["why"]
    assert pictures.words("held", ["why"]) is None
    record = tuple({"sample": n, "layer": 0, "name": "cap", "old": 1, "new": 2} for n in range(1000))
    change_in_place(chip, constants, record)
    words = json.loads(pictures.words("held", ["why"]))
    assert words["changes"] == list(record[-MOST_CHANGES:])
    assert words["changes_made"] == 1000
