"""State files of a forger, who can make every checksum right: each is refused, before what it speaks of is read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from commands import invoke
from forging import BAD, forge

import neurosim as ns

# Loads files one after another with little more memory than the program itself takes; prints what came of each.
LOAD = """
import json, resource, sys
import neurosim as ns
ns.Chip.load(sys.argv[1])
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (256 << 20),) * 2)
for path in sys.argv[2:]:
    try:
        ns.Chip.load(path)
        said = "loaded"
    except ns.StateError as error:
        said = "StateError: " + str(error)
    except BaseException as error:
        said = repr(error)[:500]
    print(json.dumps([path, said]), flush=True)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "chip.h5"
    train = ns.open_stream("digits:train")
    chip = ns.Chip([ns.recipes.softhebb(12, window=3), ns.recipes.softhebb(5)], inputs=64)
    chip.learn(next(train.blocks(size=50)).samples)
    chip.save(path, position=50, stream={"name": "digits"})
    ns.Readouts.fit(chip, train).keep(path)
    return path


@pytest.fixture(scope="module")
def said(whole, tmp_path_factory):
    """What loading each of the forged files says, by name."""
    paths = []
    for name, (edit, _) in BAD.items():
        paths.append(tmp_path_factory.mktemp(name) / "chip.h5")
        paths[-1].write_bytes(whole.read_bytes())
        forge(paths[-1], edit)
    command = [sys.executable, "-c", LOAD, str(whole), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = dict(json.loads(line) for line in done.stdout.splitlines())
    return {name: lines.get(str(path), f"no answer: {done.returncode}") for name, path in zip(BAD, paths, strict=True)}


@pytest.mark.parametrize("name", BAD)
def test_a_forged_file_is_refused_without_harm(said, name):
    _, words = BAD[name]
    assert said[name].startswith("StateError: state ")
    assert words in said[name]
    assert "\n" not in said[name]


@pytest.mark.parametrize("name", ["virtual_of_itself", "external_pipe", "constants_900_deep", "a_billion_records"])
def test_a_forged_file_is_one_line_of_the_command(whole, tmp_path, name):
    path = tmp_path / "chip.h5"
    path.write_bytes(whole.read_bytes())
    forge(path, BAD[name][0])
    assert len(invoke("inspect", path, code=2).stderr.splitlines()) == 1


def test_a_file_that_hdf5_wrote_anew_is_read(whole, tmp_path):
    # Plain datasets need not be in chunks, and attributes that nobody knows do no harm.
    path = tmp_path / "chip.h5"
    path.write_bytes(whole.read_bytes())

    def edit(file, _):
        for name, item in list(file["layer_0"].items()):
            values = item[...]
            del file["layer_0"][name]
            file["layer_0"][name] = values
        file.attrs["comment"] = "mine"

    forge(path, edit)
    assert ns.Chip.load(path).state_sha256 == ns.Chip.load(whole).state_sha256


@pytest.mark.parametrize("inputs", [(1, 8, 8), (2, 9, 7)])
def test_all_kinds_of_layers_are_read_with_and_without_a_window(tmp_path, inputs):
    conv = {"competition": ns.SoftWTA(temperature=1.0), "rule": ns.SoftHebb(rate=0.1)}
    layers = [
        ns.ConvWTA(4, kernel=3, window=3, pool=ns.MaxPool(size=2, stride=2), **conv),
        ns.ConvWTA(5, kernel=2, window=2, **conv),
        ns.recipes.softhebb(6, window=4, initial="normal"),
        ns.recipes.softhebb(6, initial="normal", eligibility=0.5),
        ns.recipes.softhebb(3, initial="normal", weight_bits=4),
    ]
    chip = ns.Chip(layers, inputs=inputs)
    samples = np.random.default_rng(0).random((23, chip.inputs), np.float32)
    chip.learn(samples[:17]).save(tmp_path / "chip.h5")
    back = ns.Chip.load(tmp_path / "chip.h5")
    assert back.state_sha256 == chip.state_sha256
    assert back.learn(samples[17:]).state_sha256 == chip.learn(samples[17:]).state_sha256


def test_images_larger_than_the_file_speaks_of_are_refused(tmp_path):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    ns.Chip([layer], inputs=(1, 8, 8)).save(tmp_path / "chip.h5")
    forge(tmp_path / "chip.h5", lambda file, _: file.attrs.__setitem__("inputs", np.array([1, 40_000, 40_000])))
    with pytest.raises(ns.StateError, match="pending_inputs must be of the shape"):
        ns.Chip.load(tmp_path / "chip.h5")


@pytest.mark.parametrize("name", ["state-format-1.h5", "state-format-2.h5"])
def test_older_formats_are_checked_alike(tmp_path, name):
    path = tmp_path / name
    path.write_bytes((Path(__file__).parents[1] / "data" / name).read_bytes())
    with h5py.File(path, "r+") as file:
        del file["layer_0/scales"]
        file["layer_0/scales"] = h5py.SoftLink("/layer_0/norms")
    from sealing import reseal

    reseal(path, int(name[13]))
    with pytest.raises(ns.StateError, match="layer_0/scales' under a hard link"):
        ns.Chip.load(path)


@pytest.mark.parametrize("suffix", ["", ".previous"])
def test_a_pipe_in_the_place_of_a_state_is_refused_at_once(tmp_path, suffix):
    os.mkfifo(tmp_path / f"chip.h5{suffix}")
    for command in (["inspect", tmp_path / "chip.h5"], ["predict", tmp_path / "chip.h5", "digits", "--out", "-"]):
        assert "must" in invoke(*command, code=2).stderr


def test_a_device_in_the_place_of_a_state_is_refused_at_once():
    assert "state must name a file" in invoke("inspect", "/dev/zero", code=2).stderr
