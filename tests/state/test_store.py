"""P8, P9 and the store's promises: whole or not at all, exact, and never trusted unread."""

import errno
import fcntl
import json
import os
import resource
import shutil
import subprocess
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealing import reseal

import neurosim as ns
from neurosim.state import store

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def chip(samples, make_chip):
    return make_chip(12, 5, window=3, normalise="stream").learn(samples[:50])


@pytest.fixture
def path(chip, tmp_path):
    chip.save(tmp_path / "chip.h5", position=50, stream={"name": "digits"})
    return tmp_path / "chip.h5"


def test_a_chip_comes_back_bit_for_bit_and_goes_on_bit_for_bit(chip, path, samples):
    back = ns.Chip.load(path)
    assert back.state_sha256 == chip.state_sha256
    assert [layer.constants for layer in back.layers] == [layer.constants for layer in chip.layers]
    assert back.learn(samples[50:]).state_sha256 == chip.learn(samples[50:]).state_sha256


def test_the_file_holds_plain_weights_and_the_account(chip, path):
    with h5py.File(path) as file:
        assert np.array_equal(file["layer_0/weights"], chip.layers[0].weights)
        assert file["layer_0/weights"].fletcher32
        assert file.attrs["stream_position"] == 50
        assert json.loads(file.attrs["stream"]) == {"name": "digits"}
        assert file.attrs["state_sha256"] == chip.state_sha256
        assert json.loads(file["layer_0"].attrs["constants"])["neurons"] == 12


def test_many_long_names_of_labels_are_kept(chip, tmp_path):
    chip.classes = tuple(f"{number:0256}" for number in range(10_000))
    chip.save(tmp_path / "names.h5")
    assert ns.Chip.load(tmp_path / "names.h5").classes == chip.classes


def test_two_generations_are_kept(chip, path, samples):
    first = chip.state_sha256
    chip.learn(samples[50:60]).save(path)
    assert ns.Chip.load(store.previous(path)).state_sha256 == first
    chip.learn(samples[60:70]).save(path)
    assert ns.Chip.load(path).state_sha256 == chip.state_sha256
    assert sorted(p.name for p in path.parent.iterdir()) == ["chip.h5", "chip.h5.previous"]


def test_an_older_reader_of_hdf5_can_read_it(path):
    tool = shutil.which("h5dump")
    if tool is None:
        pytest.skip("h5dump is not installed (Debian: hdf5-tools)")
    done = subprocess.run([tool, "-d", "/layer_0/weights", str(path)], capture_output=True, text=True, check=True)
    assert "H5T_IEEE_F32LE" in done.stdout


@given(place=st.integers(0, 10**9), bits=st.integers(1, 255))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_is_found(path, place, bits):
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[place % len(whole)] ^= bits
    path.write_bytes(broken)
    with pytest.raises(ns.StateError, match=r"chip\.h5 must be"):
        ns.Chip.load(path)
    path.write_bytes(whole)


def test_a_flip_among_the_first_bytes_is_found(path):
    whole = path.read_bytes()
    for place in range(110):
        broken = bytearray(whole)
        broken[place] ^= 1  # of the version, too: 3 becomes 2, which is read
        path.write_bytes(broken)
        with pytest.raises(ns.StateError, match=r"chip\.h5 must be"):
            ns.Chip.load(path)


@pytest.mark.parametrize("keep", [0, 1, 14, 15, 100, 511, 512, 513, 4096, -1])
def test_any_truncation_is_found(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ns.StateError, match=r"chip\.h5 must be"):
        ns.Chip.load(path)


def test_a_damaged_file_offers_the_generation_before(chip, path, samples):
    before = chip.state_sha256
    chip.learn(samples[50:]).save(path, position=300)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ns.StateError) as caught:
        ns.Chip.load(path)
    assert f"the generation before it, {store.previous(path)}, is whole, at sample 50: move it here" in str(
        caught.value
    )
    os.replace(store.previous(path), path)
    assert ns.Chip.load(path).state_sha256 == before


def test_a_damaged_file_never_replaces_the_whole_generation_before(chip, path, samples):
    before = chip.state_sha256
    chip.learn(samples[50:60]).save(path)
    path.write_bytes(path.read_bytes()[:-1])
    chip.learn(samples[60:70]).save(path)
    assert ns.Chip.load(store.previous(path)).state_sha256 == before
    assert ns.Chip.load(path).state_sha256 == chip.state_sha256


@pytest.mark.parametrize("content", [b"", b"hello, I am a text", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_a_foreign_file_is_neither_read_nor_replaced(chip, tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ns.StateError, match="must be a neurosim state file, and is not one"):
        ns.Chip.load(path)
    with pytest.raises(
        ns.StateError, match="must be a new name or a neurosim state file, and is another: it is left alone"
    ):
        chip.save(path)
    assert path.read_bytes() == content


def test_a_file_of_format_1_is_read_and_goes_on():
    chip = ns.Chip.load(DATA / "state-format-1.h5")
    first, second = chip.layers
    np.testing.assert_allclose(first.weights[0, :3], [7.2731104, 2.675069, 3.1497443], rtol=1e-7)
    np.testing.assert_allclose(second.norms, [1.0835798, 1.2895037, 1.2497189], rtol=1e-7)
    assert first.constants.rule.rate == ns.NormAdaptiveRate(0.2, 0.5, 0.01)
    assert [layer.samples for layer in chip.layers] == [40, 40]
    assert [layer.updates for layer in chip.layers] == [0, 0]
    chip.learn(np.random.default_rng(1).random((280, 6)))
    assert chip.samples == 320
    assert first.updates == 280
    assert first.records["sample"].tolist() == [100, 200, 300]


def test_a_file_of_format_2_is_read_and_goes_on():
    chip = ns.Chip.load(DATA / "state-format-2.h5")
    assert chip.state_sha256.startswith("289b66ccdb657f96")
    chip.learn(np.random.default_rng(1).random((50, 6)))
    assert chip.state_sha256.startswith("8ddcd8b7c03c87fd")  # another where the order of a kernel's sums is another


def test_a_file_of_format_3_from_before_names_and_readouts_is_read_and_goes_on():
    chip = ns.Chip.load(DATA / "state-format-3.h5")
    assert chip.state_sha256.startswith("0b196fd7addd565b")
    assert chip.classes == ()
    chip.learn(np.random.default_rng(0).random((131, 36), np.float32)[:50])
    assert chip.state_sha256.startswith("bb55269118be3319")  # another where the order of a kernel's sums is another


def test_an_unfinished_window_of_format_1_is_refused():
    with pytest.raises(ns.StateError, match="a window of format 1 must be finished to be read here"):
        ns.Chip.load(DATA / "state-format-1-unfinished.h5")


def test_a_newer_format_is_said(path):
    path.write_bytes(path.read_bytes().replace(b"format 3", b"format 4", 1))
    with pytest.raises(ns.StateError, match="must be of format 3 or older, and is of 4: a newer neurosim wrote it"):
        ns.Chip.load(path)


def replace(file, name, array):
    del file[name]
    file[name] = array


@pytest.mark.parametrize(("edit", "words"), [
    (lambda f: f["layer_0/weights"].__setitem__((0, 0), 5), "must hold weights that equal synapses times scales"),
    (lambda f: f["layer_0/wins"].__setitem__(0, 10**6), "must hold the arrays that its state_sha256 names"),
    (lambda f: f.__delitem__("layer_0/wins"), "must hold layer_0/wins, and does not"),
    (lambda f: f.attrs.__delitem__("inputs"), "must hold inputs as sizes from 1"),
    (lambda f: f.attrs.__setitem__("inputs", 63), "layer_0/synapses must be of the shape (63, 12), got (64, 12)"),
    (lambda f: f["layer_0"].attrs.__setitem__("constants", "{"), "must hold constants of layer_0 as JSON"),
    (lambda f: f["layer_0"].attrs.__setitem__("constants", '{"kind": "os.system"}'), "kind must be one of DenseWTA"),
    (lambda f: f["layer_0"].attrs.__setitem__("constants", '{"kind": []}'), "kind must be one of DenseWTA"),
    (lambda f: f.__delitem__("layer_0"), "must hold layer_0, and does not"),
    (lambda f: replace(f, "layer_0/weights", np.zeros(5, "f4")), "layer_0/weights must be of the shape (12, 64)"),
    (lambda f: replace(f, "layer_0/weights", np.zeros((5, 0), "f4")), "layer_0/weights must be of the shape (12, 64)"),
])  # fmt: skip
def test_an_edited_file_is_refused(path, edit, words):
    with h5py.File(path, "r+") as file:
        edit(file)
    reseal(path)
    with pytest.raises(ns.StateError) as caught:
        ns.Chip.load(path)
    assert words in str(caught.value)


def test_a_missing_file_and_a_folder_are_said(tmp_path, chip):
    with pytest.raises(ns.StateError, match="must be a file, and there is none"):
        ns.Chip.load(tmp_path / "none.h5")
    for nameless in ("", ".", "..", tmp_path, "/"):
        for verb in (ns.Chip.load, chip.save):
            with pytest.raises(ns.StateError, match="state must name a file, got"):
                verb(nameless)
    with pytest.raises(ns.StateError, match="must be writable, but writing failed"):
        chip.save(tmp_path / "no" / "such" / "folder.h5")


def test_a_full_disk_leaves_the_old_file(chip, path, samples, capfd):
    whole = path.read_bytes()
    chip.learn(samples[50:])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(ns.StateError, match=r"writing failed.*File too large.*what stands there is whole"):
            chip.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == whole
    assert [p.name for p in path.parent.iterdir()] == ["chip.h5"]
    assert capfd.readouterr().err == ""
    chip.save(path)


@pytest.mark.slow
def test_a_reader_beside_a_writer_always_finds_a_whole_file(chip, path):
    done = threading.Event()

    def save():
        while not done.is_set():
            chip.save(path)

    writer = threading.Thread(target=save)
    writer.start()
    try:
        digests = {ns.Chip.load(path).state_sha256 for _ in range(100)}
    finally:
        done.set()
        writer.join()
    assert digests == {chip.state_sha256}


@pytest.mark.parametrize("call", ["fsync", "replace", "link"])
def test_a_failing_call_leaves_the_old_file(chip, path, samples, monkeypatch, call):
    whole = path.read_bytes()
    chip.learn(samples[50:])

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(ns.StateError, match="No space left on device"):
            chip.save(path)
    assert path.read_bytes() == whole
    assert not list(path.parent.glob("*.draft-*"))


def test_a_folder_that_cannot_be_written_is_said(chip, path):
    path.parent.chmod(0o555)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # root may write anywhere
        with pytest.raises(ns.StateError, match="Permission denied"):
            chip.save(path)
    finally:
        os.seteuid(user)
        path.parent.chmod(0o755)


def test_a_run_has_its_state_file_alone(path):
    taken = pytest.raises(ns.StateError, match="must be used by one run at a time, and another one has it")
    with store.claim(path), taken, store.claim(path):
        pass
    with store.claim(path):
        pass
    assert [p.name for p in path.parent.iterdir()] == ["chip.h5"]


def test_a_claim_on_a_name_that_was_removed_meanwhile_is_no_claim(path, monkeypatch):
    # Between opening and locking, the last holder removes the file: the one that is locked then is nobody's.
    lock, real, turns = path.with_name("chip.h5.lock"), fcntl.flock, []

    def flock(file, how):
        if not turns:
            lock.unlink()
        turns.append(how)
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with store.claim(path):
        assert len(turns) == 2
        with pytest.raises(ns.StateError, match="by one run at a time"), store.claim(path):
            pass


@pytest.mark.parametrize("name", ["chip.h5", "chip.h5.previous", "chip.h5.lock"])
@pytest.mark.parametrize("kind", ["file", "folder", "fifo"])
def test_what_is_not_ours_is_left_alone_and_said_before_the_run(chip, tmp_path, name, kind):
    other = tmp_path / name
    {"file": lambda: other.write_text("mine"), "folder": other.mkdir, "fifo": lambda: os.mkfifo(other)}[kind]()
    with pytest.raises(ns.StateError, match=r"(left alone|state must name a file)"), store.claim(tmp_path / "chip.h5"):
        pass
    if name != "chip.h5.lock":
        with pytest.raises(ns.StateError, match=r"(left alone|state must name a file)"):
            chip.save(tmp_path / "chip.h5")
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert kind != "file" or other.read_text() == "mine"


def test_a_name_too_long_for_its_draft_is_said_before_the_run(tmp_path):
    with (
        pytest.raises(ns.StateError, match="a name of at most 200 bytes, got 249"),
        store.claim(tmp_path / ("a" * 249)),
    ):
        pass


def test_a_folder_that_is_not_there_is_found_out_before_the_run(tmp_path):
    with (
        pytest.raises(ns.StateError, match="must be in a folder that can be written"),
        store.claim(tmp_path / "none" / "a.h5"),
    ):
        pass


def test_behind_a_link_its_target_is_replaced(chip, path, samples):
    link = path.with_name("link.h5")
    link.symlink_to("chip.h5")
    chip.learn(samples[50:60]).save(link)
    assert link.is_symlink()
    assert ns.Chip.load(path).state_sha256 == ns.Chip.load(link).state_sha256 == chip.state_sha256
    assert store.previous(path).exists()


def test_where_links_cannot_be_made_the_generation_before_is_copied(chip, path, samples, monkeypatch):
    before = chip.state_sha256

    def fail(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", fail)
    chip.learn(samples[50:60]).save(path)
    assert ns.Chip.load(store.previous(path)).state_sha256 == before


def test_a_state_file_keeps_its_mode(chip, path):
    path.chmod(0o600)
    chip.save(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_chip_that_diverged_is_not_saved(chip, path):
    whole = path.read_bytes()
    chip.layers[0].state.norms[0] = np.nan
    with pytest.raises(ns.StateError, match="norms must be finite, and is not; the chip has diverged"):
        chip.save(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("name", "value", "words"), [
    ("pending_active", 2**30, "pending_active must be from 0 to 63"),
    ("pending_active", -1, "pending_active must be from 0 to 63"),
    ("pending_sizes", 10**8, "pending_sizes must be from 0 to 64"),
    ("counters", 10**6, "counters must tell the 2 samples of the unfinished window"),
    ("norms", np.nan, "norms must be finite"),
    ("norms", -1, "norms must be from 0"),
    ("synapses", np.inf, "synapses must be finite"),
])  # fmt: skip
def test_a_forged_file_cannot_reach_past_the_arrays(chip, path, name, value, words):
    contents = store.read(path)
    contents.layers[0][name][...] = value
    store.write(path, contents)
    with pytest.raises(ns.StateError) as caught:
        ns.Chip.load(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["chip.h5", "k[a]*.h5"])
def test_drafts_of_the_dead_are_swept_and_those_of_the_living_are_not(chip, tmp_path, name):
    path = tmp_path / name
    dead = subprocess.Popen(["true"])
    dead.wait()
    for owner in (dead.pid, os.getppid()):
        path.with_name(f"{name}.draft-{owner}").write_bytes(b"x")
    chip.save(path)
    assert not path.with_name(f"{name}.draft-{dead.pid}").exists()
    assert path.with_name(f"{name}.draft-{os.getppid()}").exists()


def test_a_draft_of_one_that_ended_and_was_not_asked_how_is_swept(chip, path):
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it stays in the system's table, as under some containers
    draft = path.with_name(f"{path.name}.draft-{ended.pid}")
    draft.write_bytes(b"x")
    chip.save(path)
    ended.wait()
    assert not draft.exists()


def test_a_claim_sweeps_when_it_begins_and_when_it_ends(path):
    dead, living = subprocess.Popen(["true"]), subprocess.Popen(["sleep", "60"])
    drafts = [path.with_name(f"{path.name}.draft-{process.pid}") for process in (dead, living)]
    dead.wait()
    for draft in drafts:
        draft.write_bytes(b"x")
    with store.claim(path):
        assert [draft.exists() for draft in drafts] == [False, True]
        living.kill()
        living.wait()
        assert drafts[1].exists()
    assert not drafts[1].exists()
