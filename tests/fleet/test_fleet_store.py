"""A fleet on disk: bit for bit, whole or not at all, and nothing else is taken for one."""

import json
import os
import resource
import shutil

import h5py
import numpy as np
import pytest
import sensors
from sealing import reseal

import neurosim as ns
from neurosim.errors import SampleError, StateError
from neurosim.fleet import store as fleets
from neurosim.state import store
from neurosim.state.arrays import hash_of
from neurosim.state.checksum import FLEET


def learned(count=200, *neurons, keys=None, capacity=None, **constants):
    fleet = ns.Fleet(sensors.layers(*neurons, **constants), inputs=sensors.INPUTS, seed=3, capacity=capacity)
    names, samples = sensors.rows(count)
    return fleet.learn(names if keys is None else [keys[name] for name in names], samples)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fleet.h5"


@pytest.mark.parametrize(
    ("neurons", "constants"),
    [((5,), {}), ((5, 3), {"window": 4}), ((4,), {"weight_bits": 4}), ((4,), {"normalise": "stream"})],
)
def test_what_is_loaded_goes_on_to_the_same_bits(path, neurons, constants):
    keys, samples = sensors.rows(300)
    fleet = ns.Fleet(sensors.layers(*neurons, **constants), inputs=sensors.INPUTS).learn(keys[:171], samples[:171])
    fleet.save(path, position=171, stream={"name": "rows"}, beside={"stream": {"offset": np.array([9])}})
    loaded = ns.Fleet.load(path)
    assert loaded.keys == fleet.keys
    assert (loaded.shape, loaded.seed, loaded.capacity, loaded.layers) == (fleet.shape, 0, None, fleet.layers)
    loaded.learn(keys[171:], samples[171:])
    assert sensors.hashes_of(loaded) == sensors.alone(keys, samples, *neurons, **constants)
    contents = fleets.read(path)
    assert (contents.position, contents.stream) == (171, {"name": "rows"})
    assert contents.beside["stream"]["offset"].tolist() == [9]


def test_instruments_are_kept(path):
    fleet = learned(2000)
    fleet.save(path)
    loaded = ns.Fleet.load(path)
    for key in fleet.keys:
        one, other = fleet.chip(key).layers[0], loaded.chip(key).layers[0]
        assert one.records.tobytes() == other.records.tobytes()
        assert np.array_equal(one.steps, other.steps)
        assert len(one.records) > 0


@pytest.mark.parametrize("kind", ["text", "whole"])
def test_keys_of_both_kinds(path, kind):
    names = [f"s{number}" for number in range(7)]
    odd = ["a,b", "ü" * 200, "ключ", '"', "0", "x y", "/"]
    numbers = [0, -1, 2**63 - 1, -(2**63), 7, 8, 9]
    fleet = learned(keys=dict(zip(names, odd if kind == "text" else numbers, strict=True)), capacity=9)
    fleet.save(path)
    loaded = ns.Fleet.load(path)
    assert loaded.keys == fleet.keys
    assert loaded.capacity == 9
    assert sensors.hashes_of(loaded) == sensors.hashes_of(fleet)


def test_a_fleet_without_keys(path):
    ns.Fleet(sensors.layers(), inputs=4).save(path)
    assert ns.Fleet.load(path).keys == ()


def test_a_chip_of_a_fleet_is_saved_as_any_chip(path, tmp_path):
    fleet = learned()
    fleet.chip("s3").save(tmp_path / "chip.h5")
    assert ns.Chip.load(tmp_path / "chip.h5").state_sha256 == fleet.state_sha256("s3")


def test_another_chip_of_a_fleet_keeps_its_own_seed(path):
    fleet = learned()
    chip = ns.Chip(sensors.layers(), inputs=4, seed=99).learn(np.eye(4))
    fleet.put("other", chip)
    fleet.save(path)
    loaded = ns.Fleet.load(path)
    assert loaded.seed_of("other") == 99
    assert loaded.state_sha256("other") == chip.state_sha256


def test_files_of_chips_and_of_fleets_are_not_taken_for_one_another(path, tmp_path):
    chip, fleet = tmp_path / "chip.h5", learned()
    ns.Chip(sensors.layers(), inputs=4).save(chip)
    fleet.save(path)
    with pytest.raises(StateError, match=r"must be a neurosim state file, and is not one: it is that of a fleet"):
        ns.Chip.load(path)
    with pytest.raises(StateError, match=r"must be a neurosim fleet file, and is not one: it is that of one chip"):
        ns.Fleet.load(chip)
    before = path.read_bytes(), chip.read_bytes()
    with pytest.raises(StateError, match=r"that of a fleet.*left alone"):
        ns.Chip(sensors.layers(), inputs=4).save(path)
    with pytest.raises(StateError, match=r"that of one chip.*left alone"):
        fleet.save(chip)
    with pytest.raises(StateError, match=r"that of one chip.*left alone"), store.claim(chip, FLEET):
        pass
    assert (path.read_bytes(), chip.read_bytes()) == before


def test_two_generations(path):
    fleet = learned()
    fleet.save(path, position=200)
    first = path.read_bytes()
    fleet.learn(*sensors.rows(10, seed=5))
    fleet.save(path, position=210)
    previous = path.with_name("fleet.h5.previous")
    assert previous.read_bytes() == first
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StateError, match=r"damaged.*fleet.h5.previous, is whole, at sample 200: move it here"):
        ns.Fleet.load(path)
    os.replace(previous, path)
    assert ns.Fleet.load(path).samples.sum() == 200


def test_damage_is_found(path):
    learned().save(path)
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    assert len(whole) < 1 << 20
    for place in [0, 5, 20, 40, 600, *draw.integers(0, len(whole), 40).tolist()]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(StateError):
            ns.Fleet.load(path)
    for size in [0, 10, 511, 512, 600, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(StateError):
            ns.Fleet.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(StateError):
        ns.Fleet.load(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_another_file_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(StateError, match="must be a neurosim fleet file, and is not one"):
        ns.Fleet.load(path)
    with pytest.raises(StateError, match="left alone"):
        learned(20).save(path)
    assert path.read_bytes() == content


def put(file, name, data):
    del file[f"beside/fleet/{name}"]
    file[f"beside/fleet/{name}"] = data


def array(name, change):
    def edit(file):
        values = file[f"beside/fleet/{name}"][...]
        put(file, name, change(values))

    return edit


def first_of(values, value):
    values.flat[0] = value
    return values


def attribute(name, value):
    def edit(file):
        file.attrs[name] = value

    return edit


def constants(**changes):
    def edit(file):
        layers = json.loads(file.attrs["constants"])
        file.attrs["constants"] = json.dumps([layers[0] | changes])

    return edit


def link(file):
    del file["beside/fleet/seeds"]
    file["beside/fleet/seeds"] = h5py.ExternalLink("other.h5", "seeds")


def compressed(file):
    values = file["beside/fleet/layer1_wins"][...]
    del file["beside/fleet/layer1_wins"]
    file["beside/fleet"].create_dataset("layer1_wins", data=values, compression="gzip")


FORGED = {
    "a weight is not finite": array("layer1_synapses", lambda values: first_of(values, np.nan)),
    "a weight is another": array("layer1_synapses", lambda values: first_of(values, 0.5)),
    "a chip less": array("layer1_synapses", lambda values: values[:-1]),
    "other neurons": array("layer1_synapses", lambda values: values[:, :, :-1]),
    "another type": array("layer1_scales", lambda values: values.astype(np.float64)),
    "counters below zero": array("layer1_counters", lambda values: first_of(values, -1)),
    "a key twice": array("key_bytes", lambda values: np.frombuffer(values.tobytes().replace(b"s1", b"s2"), np.uint8)),
    "keys that are no text": array("key_bytes", lambda values: first_of(values, 255)),
    "ends beyond": array("key_ends", lambda values: values + 1000),
    "ends that fall": array("key_ends", lambda values: values[::-1]),
    "a seed less": array("seeds", lambda values: values[1:]),
    "no array": lambda file: file.__delitem__("beside/fleet/layer1_wins"),
    "no group": lambda file: file.__delitem__("beside/fleet"),
    "nothing": lambda file: file.__delitem__("beside"),
    "something else": lambda file: file.create_group("other"),
    "a link": link,
    "compressed": compressed,
    "huge neurons": constants(neurons=2**31 - 1),
    "other constants": constants(neurons=6),
    "another kind": constants(kind="ConvWTA"),
    "no constants": attribute("constants", "[]"),
    "constants of two layers": lambda file: attribute("constants", json.dumps(2 * json.loads(file.attrs["constants"]))),
    "constants in text": attribute("constants", "{"),
    "huge inputs": attribute("inputs", np.array([2**31 - 1])),
    "another hash": attribute("state_sha256", "0" * 64),
    "a position below zero": attribute("stream_position", -1),
    "a stream that is a list": attribute("stream", "[1]"),
    "a capacity of less": attribute("capacity", 3),
    "a newer format": attribute("format_version", 9),
}


@pytest.mark.parametrize("seal", [False, True], ids=["by hash", "by contents"])
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused(path, name, seal):
    learned(60).save(path)
    with h5py.File(path, "r+") as file:
        edited = FORGED[name](file)
        if callable(edited):
            edited(file)
        if seal and "beside/fleet" in file and name not in ("a link", "another hash", "a weight is another"):
            arrays = {key: item[...] for key, item in file["beside/fleet"].items()}
            file.attrs["state_sha256"] = hash_of_fleet(arrays)
    reseal(path, kind=FLEET)
    with pytest.raises(StateError, match=r"state .*fleet\.h5"):
        ns.Fleet.load(path)


def hash_of_fleet(arrays):
    return hash_of([{key: item for key, item in arrays.items() if not key.endswith(("_steps", "records", "_counts"))}])


def test_what_is_forged_by_the_rules_is_read(path):
    learned(60).save(path)
    with h5py.File(path, "r+") as file:
        array("layer1_synapses", lambda values: first_of(values, 0.5))(file)
        file.attrs["state_sha256"] = hash_of_fleet({key: item[...] for key, item in file["beside/fleet"].items()})
    reseal(path, kind=FLEET)
    assert ns.Fleet.load(path).arrays()["layer1_synapses"].flat[0] == 0.5


def test_a_fleet_that_has_diverged_is_not_saved(path):
    fleet = learned()
    fleet.save(path)
    before, arrays = path.read_bytes(), fleet.arrays()
    arrays["layer1_scales"][2] = np.inf
    with pytest.raises(StateError, match="is not written: layer1_scales must be finite, and is not; a chip has"):
        fleets.write(path, fleet.contents()._replace(arrays=arrays))
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_old_file(path):
    fleet = learned()
    fleet.save(path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(StateError, match=r"writing failed.*File too large.*what stands there is whole"):
            fleet.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["fleet.h5"]


def test_what_a_file_of_rules_is_called(path):
    fleet = learned(20)
    fleet.save(path)
    with h5py.File(path) as file:
        assert file.attrs["format"] == "neurosim fleet"
        assert file.attrs["format_version"] == 1
        assert json.loads(file.attrs["constants"])[0]["kind"] == "DenseWTA"
    assert path.read_bytes().startswith(b"neurosim fleet\nformat 1\nsha256 ")


def test_a_capacity_of_a_file_bounds_its_keys(path):
    learned(capacity=7).save(path)
    with pytest.raises(SampleError, match="keys must be at most 7, the fleet's capacity, and 'more' is one more"):
        ns.Fleet.load(path).learn(["more"], np.ones((1, 4)))


def test_a_missing_file(path):
    with pytest.raises(StateError, match=r"must be a file, and there is none$"):
        ns.Fleet.load(path)
    learned(20).save(path)
    shutil.move(path, path.with_name("fleet.h5.previous"))
    with pytest.raises(StateError, match="there is none; the generation before it"):
        ns.Fleet.load(path)
