"""`neurosim view` writes figures of what a state file holds."""

import threading

import numpy as np
import pytest
from commands import invoke

import neurosim as ns
from neurosim.state import store

pytest.importorskip("matplotlib")

ALWAYS = {"layer-1-fields", "layer-1-neurons", "layer-1-records", "layer-1-norms"}
OF_A_STREAM = {"layer-1-winners", "layer-1-patches", "confusion", "latency"}


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    path = tmp_path_factory.mktemp("view") / "chip.h5"
    ns.Chip([ns.recipes.softhebb(20)], inputs=(1, 8, 8)).learn(ns.open_stream("digits")).save(path)
    return path


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    path = tmp_path_factory.mktemp("view") / "flat.h5"
    ns.Chip([ns.recipes.softhebb(20), ns.recipes.softhebb(9)], inputs=64).learn(ns.open_stream("digits")).save(path)
    return path


def view(path, out, *words, code=0):
    """View a state; return the names of the figures that were written, and what stands on standard error."""
    result = invoke("view", path, "--out", out, *words, code=code)
    written = [line.removeprefix(f"{out}/") for line in result.stdout.splitlines()]
    assert all(line.endswith(".png") for line in written)
    for name in written:
        assert (out / name).read_bytes()[:4] == b"\x89PNG"
    return {name.removesuffix(".png") for name in written}, result.stderr


def refused(path, out, *words):
    """Return the one line of an error, after which nothing was written."""
    names, said = view(path, out, *words, code=2)
    assert not names
    assert said.count("\n") == 1
    assert not list(out.glob("*.png")) or "overwrite" in said
    return said


def test_a_state_of_images_needs_no_more(state, tmp_path):
    before = state.read_bytes()
    assert view(state, tmp_path / "new" / "folder") == (ALWAYS, "")
    assert state.read_bytes() == before


@pytest.mark.slow
def test_a_stream_adds_figures(state, tmp_path):
    names, said = view(state, tmp_path, "--stream", "digits:train", "--test", "digits:test", "--first", 200)
    assert (names, said) == (ALWAYS | OF_A_STREAM, "")


@pytest.mark.slow
def test_a_described_chip_adds_its_floor_plan_and_with_a_stream_the_energy(state, tmp_path):
    names, said = view(state, tmp_path / "one", "--chip", "loihi")
    assert names == ALWAYS | {"floor-plan"}
    assert said == "Left out: energy: it depends on the samples: give some (--stream)\n"
    names, _ = view(state, tmp_path / "two", "--chip", "truenorth", "--stream", "digits", "--first", 50)
    assert names == ALWAYS | OF_A_STREAM | {"floor-plan", "energy"}


@pytest.mark.slow
def test_a_state_that_is_no_image_asks_for_the_shape(flat, tmp_path):
    names, said = view(flat, tmp_path / "unsaid")
    assert names == {name for one in ALWAYS for name in (one, one.replace("1", "2"))} - {
        "layer-1-fields", "layer-2-fields"
    }  # fmt: skip
    asked = "the state does not say that samples are images: give their --shape H,W"
    assert f"Left out: layer-1-fields: {asked}\n" in said
    names, said = view(flat, tmp_path / "image", "--shape", "8,8")
    assert names == ALWAYS | {name.replace("1", "2") for name in ALWAYS} - {"layer-2-fields"}
    assert "Left out: layer-2-fields: inputs of a deeper layer are no image" in said
    names, said = view(flat, tmp_path / "none", "--shape", "none", "--stream", "digits", "--first", 100)
    assert not {name for name in names if "fields" in name or "patches" in name}
    assert "Left out: layer-1-fields: samples are no images" in said
    assert "Left out: layer-1-patches: samples are no images" in said


@pytest.mark.slow
def test_a_stream_of_images_says_the_shape(flat, tmp_path):
    names, _ = view(flat, tmp_path, "--stream", "digits", "--first", 100)
    assert {"layer-1-fields", "layer-1-patches", "layer-2-patches"} <= names


@pytest.mark.slow
def test_a_single_layer_may_have_a_shape_of_its_own(flat, tmp_path):
    own = {name.replace("1", "2") for name in ALWAYS | OF_A_STREAM}
    assert view(flat, tmp_path, "--layer", 2, "--shape", "4,5", "--stream", "digits", "--first", 100) == (own, "")
    names, said = view(flat, tmp_path / "none", "--layer", 2, "--stream", "digits", "--first", 100)
    assert names == own - {"layer-2-fields"}
    assert said.startswith("Left out: layer-2-fields: inputs of a deeper layer are no image")


@pytest.mark.parametrize("shape", ["8", "8,x", "1,1,8,8", "0,64", "-8,-8", "8,8,", ""])
def test_a_shape_that_is_none_is_refused(flat, tmp_path, shape):
    assert "must be H,W or C,H,W" in refused(flat, tmp_path, "--shape", shape)


def test_files_are_replaced_only_on_demand(state, tmp_path):
    (tmp_path / "layer-1-norms.png").write_text("mine")
    said = refused(state, tmp_path)
    assert "layer-1-norms.png" in said
    assert "--overwrite" in said
    assert (tmp_path / "layer-1-norms.png").read_text() == "mine"
    assert view(state, tmp_path, "--overwrite")[0] == ALWAYS


def test_an_empty_run_is_shown(tmp_path):
    path = tmp_path / "new.h5"
    ns.Chip([ns.recipes.softhebb(5)], inputs=(1, 4, 4)).save(path)
    names, said = view(path, tmp_path / "out")
    assert names == ALWAYS - {"layer-1-records"}
    why = "none after 0 samples: the first is taken after 100 samples, with instruments=True"
    assert said == f"Left out: layer-1-records: {why}\n"


@pytest.mark.slow
def test_what_cannot_be_drawn_is_left_out_alone(tmp_path):
    layers = [ns.recipes.softhebb(2000), ns.recipes.delta_readout(10)]  # too many for xylo
    ns.Chip(layers, inputs=(1, 8, 8)).save(tmp_path / "new.h5")
    chip = ("--chip", "xylo")
    names, said = view(tmp_path / "new.h5", tmp_path / "out", "--stream", "digits", "--first", 50, *chip)
    assert {"layer-1-fields", "layer-1-winners", "layer-2-norms"} <= names
    assert not names & {"floor-plan", "energy"}
    for name in ("floor-plan", "energy", "confusion"):
        assert f"Left out: {name}: " in said


@pytest.mark.slow
def test_a_stream_without_labels_has_no_classes(state, tmp_path):
    np.save(tmp_path / "plain.npy", next(ns.open_stream("digits").blocks(size=50)).samples)
    names, said = view(state, tmp_path / "out", "--stream", "plain.npy", "--root", tmp_path)
    assert names == ALWAYS | OF_A_STREAM - {"confusion"}
    assert "Left out: confusion: plain.npy has no labels" in said


@pytest.mark.slow
def test_images_of_any_channels_are_shown(tmp_path):
    layers = [
        ns.ConvWTA(n, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1)) for n in (4, 6)
    ]
    ns.Chip(layers, inputs=(3, 9, 9)).save(tmp_path / "colour.h5")
    np.save(tmp_path / "colour.npy", np.random.default_rng(0).random((9, 3, 9, 9), np.float32))
    names, said = view(tmp_path / "colour.h5", tmp_path / "out", "--stream", "colour.npy", "--root", tmp_path)
    assert {"layer-1-fields", "layer-1-patches", "layer-2-patches", "latency"} <= names
    assert "Left out: layer-2-fields: weights of 4 channels are no picture" in said
    ns.Chip(layers, inputs=(2, 9, 9)).save(tmp_path / "two.h5")
    np.save(tmp_path / "two.npy", np.random.default_rng(0).random((9, 2, 9, 9), np.float32))
    names, said = view(tmp_path / "two.h5", tmp_path / "other", "--stream", "two.npy", "--root", tmp_path)
    assert not {name for name in names if "fields" in name or "patches" in name}
    assert "Left out: layer-1-patches: samples are no images of 1 or 3 channels" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layer", 2), "layer must be"),
        (("--layer", 0), "layer must be"),
        (("--first", 1), "first must be"),
        (("--first", "x"), "--first"),
        (("--shape", "9,9"), "shape must be H,W or C,H,W, of 1 or 3 channels, that make the 64 inputs"),
        (("--stream", "nowhere.npy"), "nowhere.npy"),
        (("--test", "digits"), "test must be left out without --stream"),
        (("--chip", "loihy"), "chip must be a .toml file, or one of loihi"),
        (("--stream", "wide.npy"), "64"),
        (("--stream", "empty.csv", "--inputs", "64"), "at least one sample"),
        (("--rules", "nowhere.py"), "nowhere.py"),
    ],
)
def test_bad_input_is_one_line(state, tmp_path, words, said):
    np.save(tmp_path / "wide.npy", np.ones((5, 65), np.float32))
    (tmp_path / "empty.csv").write_text("")
    assert said in refused(state, tmp_path / "out", *words, "--root", tmp_path)


def test_a_folder_that_is_a_file_is_refused(state, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "out must be a folder" in refused(state, tmp_path / "file")
    assert "out must be a folder" in refused(state, tmp_path / "file" / "below")


@pytest.mark.parametrize("content", [b"", b"something else", None])
def test_what_is_no_state_is_refused(tmp_path, content):
    path = tmp_path / "chip.h5"
    if content is not None:
        path.write_bytes(content)
    assert "chip.h5" in refused(path, tmp_path / "out")


@pytest.mark.slow
def test_a_state_may_be_written_while_it_is_viewed(tmp_path):
    path, done = tmp_path / "chip.h5", threading.Event()
    stream = ns.open_stream("digits")
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=(1, 8, 8)).learn(stream)
    chip.save(path)
    hashes = {store.read(path).state_sha256}

    def write():
        while not done.is_set():
            chip.learn(next(stream.blocks(size=50)).samples)
            hashes.add(chip.state_sha256)
            chip.save(path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(2):
            assert view(path, tmp_path / f"out{n}")[0] == ALWAYS
    finally:
        done.set()
        writer.join()
    assert len(hashes) > 2
    assert store.read(path).state_sha256 in hashes


def test_without_matplotlib_it_says_what_to_install(state, tmp_path, monkeypatch):
    monkeypatch.setattr("neurosim.reporting.figures.find_spec", lambda _: None)
    assert "pip install 'neurosim-chip[views]'" in refused(state, tmp_path / "out")


@pytest.mark.slow
def test_a_stream_may_be_a_pipe(state, tmp_path):
    samples = next(ns.open_stream("digits").blocks(size=80)).samples
    words = ("--stream", "-", "--inputs", 64, "--format", "f32")
    result = invoke("view", state, "--out", tmp_path, *words, stdin=samples.astype("<f4").tobytes())
    assert {path.stem for path in tmp_path.iterdir()} == ALWAYS | OF_A_STREAM - {"confusion"}
    assert "Left out: confusion" in result.stderr
