"""A chip that diverges amid a run that passes over bad samples: the others go on, and the file says which it was."""

import h5py
import numpy as np
import pytest
import sensors
from sealing import reseal

import neurosim as ns
from neurosim.errors import DivergedError, StateError
from neurosim.fleet import store as fleets
from neurosim.state.arrays import hash_of
from neurosim.state.checksum import FLEET

LAYERS = [ns.recipes.softhebb(6, normalise="none", transmit=ns.Triangle(power=60)), ns.recipes.softhebb(3)]
AT = 57  # the sample with which a chip diverges in its second layer


@pytest.fixture
def rows(tmp_path):
    """Write a file, and return what opens it, its keys and its samples."""
    keys, samples = sensors.rows(200)
    samples = (samples * 1e-3).round(7)
    samples[AT] = 1e3
    sensors.write(tmp_path / "rows.csv", keys, samples)
    return lambda: ns.open_stream(tmp_path / "rows.csv", key="sensor"), keys, samples


@pytest.fixture
def state(tmp_path):
    return tmp_path / "fleet.h5"


def fleet_of(**options):
    return ns.Fleet(LAYERS, inputs=4, **options)


def alone(key, keys, samples):
    chip = ns.Chip(LAYERS, inputs=4, seed=sensors.seed_of(key))
    for n in range(len(keys)):
        if keys[n] == key:
            chip.learn_one(samples[n])
    return chip.state_sha256


class Told:
    wants = ns.FleetPrequential.wants

    def __init__(self):
        self.numbers = []

    def take(self, batch):
        self.numbers += batch.numbers.tolist()


@pytest.mark.parametrize("chunk", [1, 13, 200])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_others_go_on_and_its_further_samples_are_passed_over(rows, state, chunk, threads):
    opened, keys, samples = rows
    chips, told = fleet_of(threads=threads), Told()
    report = ns.run_fleet(chips, opened(), state=state, skip_bad=True, chunk=chunk, listener=told, snapshot_samples=30)
    lost = [n for n in range(AT, 200) if keys[n] == keys[AT]]
    assert (report.samples, report.refused, report.beyond) == (200 - len(lost), len(lost), 0)
    assert told.numbers == [n for n in range(200) if n not in lost]
    assert chips.diverged == (keys[AT],)
    assert report.summary(chips)["diverged_keys"] == 1
    left = ns.Fleet.load(state)
    assert left.diverged == (keys[AT],)
    for key in set(keys) - {keys[AT]}:
        assert left.state_sha256(key) == chips.state_sha256(key) == alone(key, keys, samples)


def test_the_file_does_not_depend_on_chunks_and_interruptions(rows, state):
    opened, keys, _ = rows
    hashes = set()
    for chunk in (1, 7, 200):
        ns.run_fleet(fleet_of(), opened(), state=state, skip_bad=True, chunk=chunk)
        hashes.add(fleets.read(state).state_sha256)
    for end in (AT, AT + 1, 150):
        stop_at = iter(range(end - 1, -1, -1))
        ns.run_fleet(
            fleet_of(), opened(), state=state, skip_bad=True, chunk=1, stop=lambda left=stop_at: next(left) == 0
        )
        chips, kept = ns.Fleet.load(state), fleets.read(state)
        assert kept.position == end
        assert chips.diverged == ((keys[AT],) if end > AT else ())
        report = ns.run_fleet(chips, opened(), state=state, skip_bad=True, start=end)
        assert report.refused == sum(key == keys[AT] for key in keys[max(end, AT) :])
        hashes.add(fleets.read(state).state_sha256)
    assert len(hashes) == 1


def test_a_fleet_that_was_loaded_keeps_it_until_it_begins_anew(rows, state):
    opened, keys, samples = rows
    ns.run_fleet(fleet_of(), opened(), state=state, skip_bad=True)
    chips, key = ns.Fleet.load(state), keys[AT]
    said = f"key '{key}': its chip has diverged, and learns no more"
    for call in (chips.learn_one, chips.respond_one):
        with pytest.raises(DivergedError, match=said):
            call(key, samples[0])
    for call in (chips.learn, chips.respond, chips.take):
        with pytest.raises(DivergedError, match=said):
            call([key], samples[:1])
    with pytest.raises(DivergedError, match=said) as caught:
        ns.run_fleet(chips, opened(), start=AT + 1)
    assert any("--skip-bad" in note for note in caught.value.__notes__)
    passed = chips.take([key, keys[0]], samples[:2], skip_bad=True)
    assert passed.winner[0] == -1
    chips.save(state)
    again = ns.Fleet.load(state)
    assert again.diverged == (key,)
    again.reset(key)
    again.save(state)
    assert ns.Fleet.load(state).diverged == ()
    again.learn_one(key, samples[0])


@pytest.mark.parametrize("threads", [1, 2])
def test_learning_in_python_passes_over_it_too(rows, threads):
    _, keys, samples = rows
    chips = fleet_of(threads=threads).learn(keys, samples, skip_bad=True, chunk=50)
    lost = [n for n in range(AT, 200) if keys[n] == keys[AT]]
    assert chips.refused == len(lost)
    response = fleet_of(threads=threads).take(keys, samples, skip_bad=True)
    assert np.flatnonzero(response.winner < 0).tolist() == lost
    assert not response.potentials[lost].any()


FORGED = {"of no chip": [7], "before the first": [-1], "twice": [1, 1], "falling": [2, 1]}


@pytest.mark.parametrize("numbers", FORGED.values(), ids=FORGED)
def test_a_file_that_names_no_such_chips_is_refused(rows, state, numbers):
    opened, _, _ = rows
    ns.run_fleet(fleet_of(), opened(), state=state, skip_bad=True)
    with h5py.File(state, "r+") as file:
        del file["beside/fleet/diverged"]
        file["beside/fleet"].create_dataset("diverged", data=np.array(numbers, np.int64))
        kept = {name: item[...] for name, item in file["beside/fleet"].items()}
        kept = {name: item for name, item in kept.items() if not name.endswith(("_steps", "records", "_counts"))}
        file.attrs["state_sha256"] = hash_of([kept])
    reseal(state, kind=FLEET)
    with pytest.raises(StateError, match="diverged must increase, from 0 to below the 7 chips"):
        ns.Fleet.load(state)
