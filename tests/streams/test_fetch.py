"""Fetching data sets: right files under their names, all else one line and nothing left; from a server of our own."""

import builtins
import errno
import gc
import gzip
import hashlib
import http.server
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cifar_files import NAMES, batch, packed
from click.testing import CliRunner
from idx_files import idx_bytes
from thinned import few_of

import neurosim as ns
from neurosim.cli import main
from neurosim.streams import fetch

pytest.importorskip("pooch")
# After an error pooch leaves the connection to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
WORDS = b"neurosim " * 30_000


class Server(http.server.ThreadingHTTPServer):
    """Gives what `files` says; `asked` are the paths that were asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked, self.released = {}, [], threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.rpartition("/")[2])
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.path.startswith("/cut/"):
            content = content[: len(content) // 2]
        self.wfile.write(content[:1000])
        if self.path.startswith("/slow/"):
            self.server.released.wait(600)
        self.wfile.write(content[1000:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.released.set()
    made.shutdown()
    made.server_close()
    thread.join()
    gc.collect()


def sums(files):
    return {name: hashlib.md5(content).hexdigest() for name, content in files.items()}


@pytest.fixture
def tiny(server, monkeypatch):
    """A data set of two small files, in place of MNIST's."""
    server.files = {"a.gz": gzip.compress(WORDS), "b.gz": os.urandom(3000)}
    tiny = fetch.Dataset(f"{server.address}/", "mnist", sums(server.files))
    monkeypatch.setitem(fetch.DATASETS, "mnist", tiny)
    return server


def get(*arguments, code=0):
    result = CliRunner().invoke(main, ["data", "get", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    if code:
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr
    assert result.stderr == ""
    return result.stdout


def left(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_files_land_under_their_names_once(tmp_path, tiny):
    shown = get("mnist", "--root", tmp_path)
    assert shown.count(": fetched, ") == 2
    assert f"Open it as mnist:train or mnist:test, with --root {tmp_path}" in shown
    assert left(tmp_path) == ["mnist/a.gz", "mnist/b.gz"]
    for name, content in tiny.files.items():
        assert (tmp_path / "mnist" / name).read_bytes() == content
        assert (tmp_path / "mnist" / name).stat().st_mode & 0o777 == 0o644
    (tmp_path / "mnist" / "b.gz").write_bytes(b"damaged")
    tiny.asked.clear()
    shown = get("mnist", "--root", tmp_path)
    assert "a.gz: was there, " in shown
    assert "b.gz: fetched, " in shown
    assert tiny.asked == ["/b.gz"]
    assert (tmp_path / "mnist" / "b.gz").read_bytes() == tiny.files["b.gz"]


def test_another_mirror_may_be_named_with_or_without_a_slash(tmp_path, tiny):
    for turn, ending in enumerate(("", "/")):
        get("mnist", "--root", tmp_path / str(turn), "--from", f"{tiny.address}/some/where{ending}")
    assert tiny.asked == ["/some/where/a.gz", "/some/where/b.gz"] * 2


def test_what_was_fetched_opens_by_its_name(tmp_path, server, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {"images-idx3": rng.integers(0, 256, (4, 28, 28), np.uint8), "labels-idx1": np.arange(4, dtype=np.uint8)}
    batches = {name: pickle.dumps(batch(number), 2) for number, name in enumerate(NAMES)}
    server.files = {
        f"{part}-{name}-ubyte.gz": gzip.compress(idx_bytes(array))
        for part in ("train", "t10k")
        for name, array in arrays.items()
    } | {"cifar-10-python.tar.gz": packed(batches, gzip.compress)}
    for name in ("mnist", "cifar10"):
        known = fetch.DATASETS[name]
        changed = known._replace(files={file: sums(server.files)[file] for file in known.files})
        monkeypatch.setitem(fetch.DATASETS, name, changed)
        get(name, "--root", tmp_path, "--from", server.address)
        for source in known.sources:
            assert ns.open_stream(source, root=tmp_path).length > 0
    assert ns.open_stream("mnist:test", root=tmp_path).shape == (1, 28, 28)


def test_every_published_file_lands_where_its_source_is_looked_for(tmp_path):
    # An empty file under the name is found, and refused for what it holds, by the source of the same data set.
    for name, dataset in fetch.DATASETS.items():
        root = tmp_path / name
        for file, md5 in dataset.files.items():
            assert len(md5) == 32
            (root / dataset.source).mkdir(parents=True, exist_ok=True)
            (root / dataset.source / file).write_bytes(b"")
        for source in dataset.sources:
            with pytest.raises(
                ns.StreamError, match=r"must be a whole tar archive|must be a whole IDX file|must begin as"
            ):
                ns.open_stream(source, root=root)


def test_a_file_of_another_checksum_is_refused_and_the_one_before_stays(tmp_path, tiny):
    tiny.files["a.gz"] += b"more"
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "a.gz").write_bytes(b"mine")
    words = get("mnist", "--root", tmp_path, code=2)
    assert "/a.gz must have the md5 " in words
    assert "nothing of it was kept" in words
    assert left(tmp_path) == ["mnist/a.gz"]
    assert (tmp_path / "mnist" / "a.gz").read_bytes() == b"mine"


def test_an_interrupted_download_leaves_nothing(tmp_path, tiny):
    words = get("mnist", "--root", tmp_path, "--from", f"{tiny.address}/cut", code=2)
    assert "/cut/a.gz must be there to fetch, but: " in words
    assert left(tmp_path) == []


def test_no_such_file_and_no_server_are_said(tmp_path, tiny):
    del tiny.files["b.gz"]
    assert "404" in get("mnist", "--root", tmp_path, code=2)
    assert left(tmp_path) == ["mnist/a.gz"]
    words = get("mnist", "--root", tmp_path / "other", "--from", "http://127.0.0.1:9", code=2)
    assert "http://127.0.0.1:9/a.gz must be there to fetch, but: " in words
    assert "another mirror: --from URL" in words


@pytest.mark.parametrize("address", few_of([
    "ftp://a.b/c", "file:///etc", "a/b", "", "http://", "http://[::1", "http://.a/",
]))  # fmt: skip
def test_what_is_no_address_is_said(tmp_path, tiny, address):
    get("mnist", "--root", tmp_path, "--from", address, code=2)
    assert left(tmp_path) == []


def test_an_unknown_name_shows_those_there_are(tmp_path):
    words = get("emnist", "--root", tmp_path, code=2)
    assert "one of mnist, cifar10, cifar10-binary, cifar100, cifar100-binary, stl10, got 'emnist'" in words


def test_a_folder_that_cannot_be_written_is_said(tmp_path, tiny):
    (tmp_path / "file").write_text("")
    assert "must be writable, but: " in get("mnist", "--root", tmp_path / "file", code=2)
    (tmp_path / "mnist" / "a.gz").mkdir(parents=True)
    assert "a.gz must be writable, but: " in get("mnist", "--root", tmp_path, code=2)
    assert tiny.asked == []


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP])
def test_where_modes_cannot_be_set_the_files_are_there(tmp_path, tiny, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "chmod", refuse)
    result = CliRunner().invoke(main, ["data", "get", "mnist", "--root", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.stderr.count("\n") == 1  # for two files
    assert result.stderr.startswith("Warning: ")
    assert "have the mode that the file system gives them" in result.stderr
    assert left(tmp_path) == ["mnist/a.gz", "mnist/b.gz"]


SCRIPT = """
import sys
from neurosim.streams import fetch
from neurosim.cli import main
fetch.DATASETS["mnist"] = fetch.Dataset("http://a/", "mnist", {"a.gz": sys.argv[1]})
main(["data", "get", "mnist", *sys.argv[2:]])
"""


def started(tmp_path, tiny, folder, **options):
    md5 = hashlib.md5(tiny.files["a.gz"]).hexdigest()
    arguments = [md5, "--root", tmp_path, "--from", f"{tiny.address}/{folder}"]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], **options,
    )  # fmt: skip


def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, tiny):
    tiny.files["a.gz"] = os.urandom(300_000)

    def small():  # a file of more than 100 kB cannot be written: what a full disk is like, without one
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = started(tmp_path, tiny, "", preexec_fn=small)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert f"{tmp_path}/mnist/a.gz must be writable, but: " in said
    assert left(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing(tmp_path, tiny, number, code):
    tiny.files["a.gz"] = os.urandom(300_000)
    process = started(tmp_path, tiny, "slow")
    until = time.monotonic() + 300
    while not (left(tmp_path) and tiny.asked):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.02)
    assert left(tmp_path) != ["mnist/a.gz"]
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert (process.returncode, said) == (code, "")
    assert left(tmp_path) == []


def test_without_pooch_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == "pooch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "got 'no pooch'; pip install 'neurosim-chip[data]'" in get("mnist", "--root", tmp_path, code=2)


def test_a_download_without_end_is_ended(tmp_path, server, monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST", 100_000)
    server.files = dict.fromkeys(fetch.DATASETS["mnist"].files, bytes(3_000_000))
    with pytest.raises(ns.StreamError, match="must be at most 100000 bytes, got more; nothing of it was kept"):
        list(fetch.fetch("mnist", tmp_path, base=server.address))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_pipe_where_a_file_is_to_be_stored_is_refused(tmp_path, server):
    (tmp_path / "cifar10").mkdir()
    os.mkfifo(tmp_path / "cifar10" / "cifar-10-python.tar.gz")
    with pytest.raises(ns.StreamError, match="must be a regular file, got a pipe"):
        list(fetch.fetch("cifar10", tmp_path, base=server.address))
