"""A run writes over no state of another chip: a file that is there must keep a state of the same one."""

import json

import h5py
import numpy as np
import pytest
from sealing import reseal

import neurosim as ns
from neurosim.state import store
from neurosim.state.same_chip import Described, differences

ROWS = np.random.default_rng(3).random((20, 4), dtype=np.float32)
RUNS = {
    "run": lambda chip, state: ns.run(chip, ns.streams.ArrayStream(ROWS), state=state),
    "watch": lambda chip, state: list(ns.watch(chip, ns.streams.ArrayStream(ROWS), state=state)),
}
CHIPS = {
    "neurons": (lambda: ns.Chip([ns.recipes.softhebb(6)], inputs=4), "neurons of layer 1 is 5 there, 6 here"),
    "layers": (lambda: ns.Chip([ns.recipes.softhebb(5)] * 2, inputs=4), "number of layers is 1 there, 2 here"),
    "inputs": (lambda: ns.Chip([ns.recipes.softhebb(5)], inputs=(2, 2)), "inputs is (4,) there, (2, 2) here"),
    "seed": (lambda: ns.Chip([ns.recipes.softhebb(5)], inputs=4, seed=1), "seed is 0 there, 1 here"),
    "a constant": (lambda: ns.Chip([ns.recipes.softhebb(5, rate=0.25)], inputs=4), "rule.rate of layer 1 is"),
    "a kind": (
        lambda: ns.Chip([ns.DenseWTA(5, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=0.1))], inputs=4),
        "competition.kind of layer 1 is SoftWTA there, HardWTA here",
    ),
}  # fmt: skip


def made():
    return ns.Chip([ns.recipes.softhebb(5)], inputs=4)


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "chip.h5"
    ns.run(made(), ns.streams.ArrayStream(ROWS), state=path)
    return path


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(("other", "words"), CHIPS.values(), ids=CHIPS)
def test_another_chip_is_refused_before_it_learns(state, run, other, words):
    before, chip = state.read_bytes(), other()
    with pytest.raises(ns.StateError, match=r"keeps another chip: .* it is left alone: give another name") as refused:
        run(chip, state)
    assert words in str(refused.value)
    assert "neurosim.Chip.load" in str(refused.value)
    assert state.read_bytes() == before
    assert not store.previous(state).exists()
    assert chip.samples == 0


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_same_chip_is_written_over_whatever_it_has_learned(state, run):
    chip = ns.Chip.load(state)
    run(chip, state)
    assert ns.Chip.load(state).samples == 40
    run(made(), state)  # as a script that is run again does: the one before is kept
    assert ns.Chip.load(state).samples == 20
    assert ns.Chip.load(store.previous(state)).samples == 40


def test_a_chip_whose_constants_were_changed_is_the_same(state):
    changed = ns.Chip.load(state).with_constants(rate=0.25, temperature=2.0)
    ns.run(changed, ns.streams.ArrayStream(ROWS), state=state)
    assert ns.Chip.load(state).samples == 40
    ns.run(made(), ns.streams.ArrayStream(ROWS), state=state)
    assert ns.Chip.load(state).samples == 20


def test_a_damaged_file_is_left_alone(state):
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(ns.StateError, match="it is damaged"):
        RUNS["run"](made(), state)


def test_constants_of_another_version_make_no_other_chip():
    here = Described((4,), 0, [{"kind": "DenseWTA", "neurons": 5, "rule": {"kind": "Oja", "rate": 0.5}, "new": 1}])
    there = Described((4,), 0, [{"kind": "DenseWTA", "neurons": 5, "rule": {"kind": "Oja"}, "old": 1}])
    assert differences(there, here) == []
    assert [name for name, *_ in differences(there, here._replace(seed=2))] == ["seed"]


def test_an_old_file_is_compared_by_what_it_calls_alike(state):
    """Format 1 had other names for some constants: only kinds, numbers of neurons, inputs and seed are compared."""

    with h5py.File(state, "r+") as file:
        file.attrs["format_version"] = 1
        constants = json.loads(file["layer_0"].attrs["constants"])
        file["layer_0"].attrs["constants"] = json.dumps(constants | {"cap": 77.0})
    reseal(state, version=1)
    with pytest.raises(ns.StateError, match="neurons of layer 1 is 5 there, 6 here"):
        RUNS["run"](CHIPS["neurons"][0](), state)
    RUNS["run"](made(), state)
    assert ns.Chip.load(state).samples == 20


def test_another_fleet_is_refused(tmp_path):
    lines, state = tmp_path / "pumps.csv", tmp_path / "pumps.h5"
    lines.write_text("a,0.2,0.7\nb,0.9,0.1\n")

    def run(**options):
        fleet = ns.Fleet([ns.recipes.softhebb(options.pop("neurons", 3))], **({"inputs": 2} | options))
        ns.run_fleet(fleet, ns.open_stream(str(lines), key="0"), state=state)

    run()
    before = state.read_bytes()
    with pytest.raises(ns.StateError, match=r"another fleet: neurons of layer 1 is 3 there, 4 here; .*Fleet\.load"):
        run(neurons=4)
    with pytest.raises(ns.StateError, match="seed is 0 there, 7 here"):
        run(seed=7)
    assert state.read_bytes() == before
    run(capacity=9)
    ns.run_fleet(ns.Fleet.load(state), ns.open_stream(str(lines), key="0"), state=state)
    assert ns.Fleet.load(state).samples.tolist() == [2, 2]
