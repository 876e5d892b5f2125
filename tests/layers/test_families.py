"""A class of a layer's part is all that others need to know of it: whatever works for one member works for all."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from numba import config, njit
from whole_grid import whole_grid

import neurosim as ns
from neurosim.engine.dense.codes import codes
from neurosim.hardware.placement.demand import demand
from neurosim.kernels.dense.competition import compete
from neurosim.kernels.shared import competitions as competition_cells
from neurosim.kernels.shared import rules as rule_cells
from neurosim.kernels.shared.numbers import LANES
from neurosim.latency.roofline.work import SOFTMAX, work
from neurosim.layers import activations, biases, competition, rules, schedules
from neurosim.sweeps.chips import constant_names

FAMILIES = {
    competition.Competition: competition, rules.Rule: rules, biases.Bias: biases, schedules.Schedule: schedules,
    activations.Transmit: activations,
}  # fmt: skip
MEMBERS = [(family, name) for family in FAMILIES for name in family.members]
DEFAULTS = {
    "rate": 0.1, "temperature": 0.5, "samples": 5.0, "last": 0.01, "winners": 2, "threshold": 1.0,
}  # fmt: skip
LEFT_OUT = {("KWTA", "temperature")}  # which not every device has


@ns.rule
def plainly(response, rate=0.1):
    """Do what `Hebb` does."""
    return 1, rate * response


@ns.competition
def doubled(drive, responses, factor=2.0):
    """Respond with the drive, and more of it."""
    for k in range(drive.size):
        responses[k] = factor * drive[k]


OWN = {"OwnRule": plainly, "OwnCompetition": doubled}  # what makes those that have no public name


def example(family, name):
    """Return a member with its defaults, or with numbers in place of those that have none."""
    kind = family.members[name]
    if name in OWN:
        return OWN[name]()
    needed = [entry.name for entry in fields(kind) if entry.name in DEFAULTS and (name, entry.name) not in LEFT_OUT]
    return kind(**{name: DEFAULTS[name] for name in needed})


def layer_with(family, name, neurons=5):
    """Return a layer that has a member of a family."""
    part = example(family, name)
    constants = {"competition": ns.SoftWTA(temperature=0.5), "rule": ns.SoftHebb(rate=0.1), "leak": 0.1, "cutoff": 0.0,
                 "radius": 2.0}  # fmt: skip
    if family is schedules.Schedule:
        constants["rule"] = ns.Hebb(rate=part)
    else:
        field = {
            competition.Competition: "competition", rules.Rule: "rule", biases.Bias: "bias",
            activations.Transmit: "activation",
        }[family]  # fmt: skip
        constants[field] = part
    if family is rules.Rule and part.mixes:
        constants |= {"competition": ns.NoInhibition(), "leak": 0.0}
    return ns.DenseWTA(neurons, **constants)


def digits(chip, samples, count=8):
    """Let a chip learn from a few samples, with labels in case it asks."""
    chip.learn(samples[:count, :6] + 0.1, labels=np.arange(count) % 5)
    return chip


@pytest.mark.parametrize(("family", "module"), FAMILIES.items(), ids=lambda value: value.__name__)
def test_a_family_is_what_its_module_makes_public(family, module):
    public = [name for name in family.members if name not in OWN]
    assert sorted(public) == sorted(module.__all__)
    for name in public:
        assert getattr(ns, name) is family.members[name]
        assert name in ns.__all__


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_a_member_has_a_row_in_the_documentation(family, name):
    page = Path(__file__).parents[2].joinpath("docs", "rules.md").read_text()
    row = rf"`ns\.{name[3:].lower()}` makes" if name in OWN else rf"^\| `{name}` \| \S"
    assert re.search(row, page, re.MULTILINE)


def test_the_documentation_says_what_layers_of_images_take():
    page = Path(__file__).parents[2].joinpath("docs", "rules.md").read_text()
    page = page[page.index("## What a layer of images takes") :]
    for row, family in (("competition", competition.Competition), ("rule", rules.Rule), ("bias", biases.Bias),
                        ("schedule", schedules.Schedule), ("function", activations.Transmit)):  # fmt: skip
        listed = re.search(rf"^\| {row} \| (.*) \|$", page, re.MULTILINE).group(1)
        members = family.members.values()
        takes = {kind.__name__ for kind in members if getattr(kind, "images", True)} - {"OwnRule", "OwnCompetition"}
        assert set(re.findall("`(.*?)`", listed)) == takes


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_a_member_learns_and_survives_a_state_file(family, name, samples, tmp_path):
    chip = digits(ns.Chip([layer_with(family, name)], inputs=6, seed=1), samples)
    chip.save(tmp_path / "chip.h5")
    other = ns.Chip.load(tmp_path / "chip.h5", rules=[plainly, doubled])
    assert other.layers[0].constants == chip.layers[0].constants
    assert other.state_sha256 == chip.state_sha256 != ns.Chip([layer_with(family, name)], inputs=6, seed=1).state_sha256


@pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="a device has logarithms and powers of its own")
@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_a_member_has_the_same_bits_on_simulated_cuda(family, name, samples):
    layer = layer_with(family, name)
    if layer.rule.mixes or name == "OwnCompetition":
        with pytest.raises(ns.DeviceError, match="one's own" if name == "OwnCompetition" else name):
            ns.Chip([layer], inputs=6, device="cuda")
        return
    with whole_grid(blocks=2):
        ours = digits(ns.Chip([layer], inputs=6, seed=1, device="cuda"), samples)
        assert ours.state_sha256 == digits(ns.Chip([layer], inputs=6, seed=1), samples).state_sha256


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_a_members_constants_may_be_swept(family, name):
    known = constant_names()
    for entry in fields(family.members[name]):
        part = {rules.Rule: "rule", biases.Bias: "bias", schedules.Schedule: "rule.rate"}.get(family, "competition")
        part = "transmit" if family is activations.Transmit else part
        assert f"{part}.{entry.name}" in known


@pytest.mark.parametrize("name", competition.Competition.members)
def test_what_a_competition_costs_follows_from_its_class(name, samples):
    chip = digits(ns.Chip([layer_with(competition.Competition, name)], inputs=6, seed=1), samples)
    soft = chip.layers[0].constants.competition.soft
    assert demand(chip.layers[0]).soft == soft
    stages = work(chip.layers[0], np.arange(6), np.arange(5))
    assert stages[2].operations == 5 * SOFTMAX * soft


@pytest.mark.parametrize(("family", "cells"), [
    (competition.Competition, competition_cells), (rules.Rule, rule_cells),
])  # fmt: skip
def test_every_cell_is_somebodys_and_everybody_has_one(family, cells):
    assert {kind.cell for kind in family.members.values()} == set(cells.CODES)
    assert len(set(cells.CODES.values())) == len(cells.CODES)


def test_a_code_chooses_its_cell():
    neuron, decision = (2, 0.5, 0.25, 1, 2, 0, 3, 0.75), (0.5, 0.25, 2.0, 0.125, 3.0, 0.1, np.arange(1, 9) / 8)
    for cell in competition_cells.CELLS:
        assert competition_cells.respond(competition_cells.CODES[cell.__name__], *neuron) == cell(*neuron)
    for cell in rule_cells.CELLS:
        assert rule_cells.decide(rule_cells.CODES[cell.__name__], None, *decision) == cell(*decision)


DRIVES = [0.5, 2.0, 1.0, 2.0]
COMPETE = njit(compete, error_model="numpy")
SHARES = np.exp(DRIVES) / np.exp(DRIVES).sum()


@pytest.mark.parametrize(("chosen", "label", "responses"), [
    (ns.SoftWTA(temperature=1), -1, SHARES),
    (ns.SoftWTA(temperature=1, signed=True), -1, SHARES * [-1, 1, -1, -1]),
    (ns.SoftWTA(temperature=1, winner_only=True), -1, SHARES * [0, 1, 0, 0]),
    (ns.HardWTA(), -1, [0, 1, 0, 0]),
    (ns.KWTA(3), -1, [0, 1, 1, 1]),
    (ns.KWTA(2, signed=True), -1, [0, 1, 0, -1]),
    (ns.KWTA(3, temperature=1), -1, SHARES * [0, 1, 1, 1] / (1 - SHARES[0])),
    (ns.KWTA(3, temperature=1, signed=True), -1, SHARES * [0, 1, -1, -1] / (1 - SHARES[0])),
    (ns.Ranked(rank=3, opposition=0.5), -1, [0, 1, -0.5, 0]),
    (ns.Ranked(rank=2, opposition=0.5), -1, [0, 1, 0, -0.5]),
    (ns.NoInhibition(), -1, DRIVES),
    (ns.SparseGate(signed=True), -1, DRIVES),
    (ns.Taught(), 2, [0, 0, 1, 0]),
    (ns.Taught(), -1, [0, 1, 0, 0]),
    (ns.Corrected(temperature=1), 2, np.array([0, 0, 1, 0]) - SHARES),
    (ns.Corrected(temperature=1), -1, SHARES),
], ids=str)  # fmt: skip
def test_what_a_competition_responds(chosen, label, responses):
    # By hand, or by the equation in its docstring; ties go to the lowest index.
    constants = codes(ns.DenseWTA(4, competition=chosen, rule=ns.SoftHebb(rate=0.1)))
    y = np.full(4, np.nan, np.float32)
    lanes, order = np.empty(LANES, np.float32), np.empty(4, np.int64)
    # Compiled: vectors are the processor's, and Python has none.
    winner = COMPETE(np.array(DRIVES, np.float32), label, constants, constants.sharpness, lanes, order, y)
    assert winner == 1
    np.testing.assert_allclose(y, responses, rtol=1e-6)
