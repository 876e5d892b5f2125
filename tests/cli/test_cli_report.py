"""`neurosim report` writes one page, or refuses in one line before anything is measured."""

import os
import re
import runpy
import shutil
import threading

import pytest
from commands import invoke
from html_pages import texts

import neurosim as ns


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of a state, a record, and files that are neither."""
    folder = tmp_path_factory.mktemp("made")
    chip = ns.Chip([ns.recipes.softhebb(12)], inputs=64).learn(ns.open_stream("digits"))
    chip.save(folder / "chip.h5", position=1797, stream=ns.open_stream("digits").identity())
    ns.bench(chip, ns.open_stream("digits"), samples=100, warm_up=5).save(folder / "run.h5")
    (folder / "text.h5").write_text("no state")
    (folder / "run.csv").write_text("# {}\n")
    os.mkfifo(folder / "pipe.h5")
    return folder


@pytest.fixture
def files(made, tmp_path, monkeypatch):
    for path in made.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page(*arguments):
    result = invoke("report", *arguments, "--out", "run.html")
    assert result.stdout == "run.html\n"
    with open("run.html", encoding="utf-8") as file:
        return file.read()


def test_a_state_gets_a_page_and_is_not_changed(files):
    before = {path: path.read_bytes() for path in files.iterdir()}
    shown = texts(page("chip.h5", "--stream", "digits", "--first", "200", "--chip", "loihi", "--test", "digits:test"))
    assert "responding to 99 samples" in shown
    assert "Intel Loihi" in shown
    command = "neurosim report chip.h5 --stream digits --first 200 --chip loihi --test digits:test --out run.html"
    assert command in shown
    assert before == {path: path.read_bytes() for path in files.iterdir() if path.name != "run.html"}


@pytest.mark.slow
def test_what_is_no_image_asks_for_its_shape(files):
    said = invoke("report", "chip.h5", "--out", "run.html").stderr
    assert said == "Left out: layer 1 fields: the state does not say that samples are images: give their --shape H,W\n"
    assert invoke("report", "chip.h5", "--out", "run.html", "--overwrite", "--shape", "8,8").stderr == ""


def test_a_record_gets_a_page(files):
    shown = texts(page("run.h5"))
    assert "Latencies of Chip(64 -> 12, seed=0, 1797 samples learned) on digits" in shown
    assert "learning from 100 samples" in shown


@pytest.mark.slow
def test_a_state_may_be_shown_with_a_record(files):
    assert "learning from 100 samples" in texts(page("chip.h5", "--record", "run.h5", "--shape", "8,8"))


@pytest.mark.slow
def test_a_stream_may_come_from_a_pipe(files):
    digits = next(ns.open_stream("digits").blocks(size=40)).samples
    rows = "\n".join(",".join(f"{value:g}" for value in row) for row in digits)
    result = invoke("report", "chip.h5", "--stream", "-", "--inputs", "64", "--out", "run.html", stdin=rows)
    assert result.stdout == "run.html\n"
    assert "responding to 19 samples" in texts((files / "run.html").read_text())


OWN = """
import neurosim as ns

@ns.rule
def leaky(response, rate=0.1):
    return 1 - rate, rate * response

def layer(neurons):
    return ns.DenseWTA(neurons, competition=ns.HardWTA(), rule=leaky())
"""


@pytest.mark.slow
def test_a_rule_of_ones_own_needs_its_file(files):
    (files / "mine.py").write_text(OWN)
    invoke("stream", "digits", "--recipe", "mine.py:layer", "--neurons", "5", "--state", "own.h5")
    assert "must be given with 'leaky' among them" in invoke("report", "own.h5", "--out", "a.html", code=2).stderr
    shown = texts(page("own.h5", "--rules", "mine.py"))
    assert "ns.DenseWTA(5, competition=ns.HardWTA(), rule=leaky(rate=0.1))" in shown
    assert ns.Chip.load("own.h5", rules=rules()).layers[0].constants.rule.digest in shown


def rules():
    return [value for value in runpy.run_path("mine.py").values() if hasattr(value, "digest")]


@pytest.mark.parametrize(("arguments", "words"), [
    (["chip.h5"], "Missing option '--out'"),
    (["none.h5", "--out", "a.html"], "state .*none.h5 must be a file, and there is none"),
    (["text.h5", "--out", "a.html"], "state .*text.h5 must be a neurosim state file, and is not one"),
    (["run.csv", "--out", "a.html"], "state .*run.csv must be a neurosim state file"),
    (["chip.h5", "--out", "a.pdf"], "out must be a file that ends in .html or .htm, got 'a.pdf'"),
    (["chip.h5", "--out", "none/a.html"], "out must be a file in a folder that exists"),
    (["chip.h5", "--out", "old.html"], "out must be a file that does not exist yet, got 'old.html'; --overwrite"),
    (["run.h5", "--out", "a.html", "--stream", "digits"], "stream must be left out with a record of latencies"),
    (["run.h5", "--out", "a.html", "--shape", "8,8"], "shape must be left out with a record of latencies"),
    (["run.h5", "--out", "a.html", "--unverified"], "unverified must be left out with a record of latencies"),
    (["chip.h5", "--out", "a.html", "--learn"], "learn must be left out without --stream"),
    (["chip.h5", "--out", "a.html", "--record", "chip.h5"], "record chip.h5 must be what bench --record FILE.h5 wrote"),
    (["chip.h5", "--out", "a.html", "--record", "none.h5"], "record none.h5 must be a file, and there is none"),
    (["chip.h5", "--out", "a.html", "--chip", "loihi"], "chip must be left out without --stream"),
    (["chip.h5", "--out", "a.html", "--test", "digits"], "test must be left out without --stream"),
    (["chip.h5", "--out", "a.html", "--stream", "digits", "--chip", "none"], "chip must be a .toml file, or one of"),
    (["chip.h5", "--out", "a.html", "--stream", "digits", "--first", "1"], "first must be a whole number of at"),
    (["chip.h5", "--out", "a.html", "--stream", "digits", "--inputs", "9"], "must have the 9 inputs asked for, got 64"),
    (["chip.h5", "--out", "a.html", "--shape", "3,3"], "shape must be H,W or C,H,W, .* that make the 64"),
    (["chip.h5", "--out", "a.html", "--shape", "x"], "must be H,W or C,H,W"),
    (["chip.h5", "--out", "chip.h5", "--overwrite"], "out must be a file that ends in .html"),
])  # fmt: skip
def test_bad_input_is_one_line(files, arguments, words):
    (files / "old.html").write_text("mine")
    said = invoke("report", *arguments, code=2).stderr
    assert said.count("\n") == 1
    assert re.search(words, said)
    assert not (files / "a.html").exists()
    assert (files / "old.html").read_text() == "mine"


def test_a_page_is_replaced_whole_where_it_may_be(files):
    (files / "run.html").write_text("mine")
    (files / "run.html").chmod(0o600)
    assert "What it learned" in page("chip.h5", "--overwrite")
    assert (files / "run.html").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in files.iterdir() if "draft" in path.name] == []


@pytest.mark.slow
def test_a_state_may_be_written_meanwhile(files):
    chip, done = ns.Chip.load("chip.h5"), threading.Event()

    def write():
        while not done.is_set():
            chip.learn_one(digit)
            chip.save("chip.h5")

    digit = next(ns.open_stream("digits").blocks(size=1)).samples[0]
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            assert "What it learned" in page("chip.h5", "--shape", "none", "--overwrite")
    finally:
        done.set()
        writer.join()


def test_a_folder_that_cannot_be_written_is_told(files):
    os.mkdir("run.html")
    assert "out must be" in invoke("report", "chip.h5", "--out", "run.html", code=2).stderr
