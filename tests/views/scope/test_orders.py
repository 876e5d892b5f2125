"""What a page asks for, done by a run: without a browser, by lines in a pipe as the page's process writes them."""

import json
import os
import threading

import pytest
from processes import wait_until

import neurosim as ns
from neurosim.views.scope import scope as module
from neurosim.views.scope.commands import Lines
from neurosim.views.scope.memory import PictureMemory, words_of
from neurosim.views.scope.scope import Scope

pytest.importorskip("bokeh")


class Page:
    """Stands for the page's process: tests write to its pipe, and read the memory."""

    number = 0

    def __init__(self, here, memory, about):
        here.close()
        ours, self._theirs = os.pipe()
        self.lines, self._file = Lines(ours), ours
        self._memory = PictureMemory(about["sizes"], os.dup(memory.file))

    def ask(self, *commands):
        os.write(self._theirs, b"".join(json.dumps(command).encode() + b"\n" for command in commands))

    def picture(self):
        found = []
        wait_until(lambda: found.append(self._memory.read()) or found[-1] is not None)  # where the run is amid one, too
        return found[-1]

    def row(self):
        return self.picture()[0]

    def words(self):
        return words_of(self.picture())

    def shows(self, status, samples):
        wait_until(lambda: self.words()["status"] == status and self.row()["samples"] == samples)

    def close(self):
        os.close(self._theirs)

    def ended(self):
        return "exit code 0"

    def end(self):
        os.close(self._file)
        self._memory.close()


class Run:
    """A chip that learns from digits in a thread with a scope whose page is a `Page`."""

    def __init__(self, chip, epochs=1, **options):
        self.chip, self.said, self.stopped = chip, [], False
        self.scope = Scope(chip, "digits", say=self.said.append, stop=lambda: self.stopped, **options)
        self.page, self._epochs = self.scope._page, epochs
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        stream = ns.open_stream("digits", epochs=self._epochs)
        self.report = ns.run(self.chip, stream, control=self.scope, watch=self.scope.watch, stop=lambda: self.stopped)
        self.scope.ended()

    def join(self):
        self._thread.join()


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setattr(module, "PageProcess", Page)
    runs = []

    def start(*neurons, **options):
        chip = ns.Chip([ns.recipes.softhebb(n) for n in neurons], inputs=64)
        runs.append(Run(chip, **options))
        return runs[-1]

    yield start
    for run in runs:
        run.stopped = True
        run.join()
        run.scope.end()


def again(run):
    """Return a chip that began as a run's did, and was changed as the run's was."""
    chip = ns.Chip([ns.recipes.softhebb(layer.constants.neurons) for layer in run.chip.layers], inputs=64)
    ns.run(chip, ns.open_stream("digits"), edits=run.chip.changes)
    return chip


def test_steps_are_added_up_and_edits_make_the_same_state_again(start):
    run = start(20, 10, held=True)
    page = run.page
    page.shows("held", 0)
    page.ask({"do": "step", "samples": 2}, {"do": "step", "samples": 3})
    page.shows("held", 5)
    page.ask({"do": "set", "name": "rate", "value": 0.25, "layer": 1}, {"do": "set", "name": "gain", "value": 9})
    wait_until(lambda: page.words()["changes_made"] == 3)
    assert {change["sample"] for change in page.words()["changes"]} == {5}
    page.ask({"do": "step", "samples": 1})
    page.shows("held", 6)
    page.ask({"do": "set", "name": "rate", "value": 0.5, "layer": None}, {"do": "resume"})
    page.shows("ended", 1797)
    run.join()
    assert [change["sample"] for change in run.chip.changes] == [5, 5, 5, 6, 6]
    assert [layer.constants.rule.rate for layer in run.chip.layers] == [0.5, 0.5]
    assert again(run).state_sha256 == run.chip.state_sha256
    assert page.row()["latencies"].sum() == 1797
    assert (page.row()["wins"] == run.chip.layers[0].wins).all()


def test_a_run_is_held_where_it_is_and_goes_on(start):
    run = start(20, epochs=100_000)
    page = run.page
    wait_until(lambda: page.words()["status"] == "running" and page.row()["samples"] > 0)
    page.ask({"do": "pause"})
    wait_until(lambda: page.words()["status"] == "held")
    samples = run.chip.samples
    page.ask({"do": "pause"}, {"do": "step", "samples": 7})
    page.shows("held", samples + 7)
    page.ask({"do": "resume"})
    wait_until(lambda: page.words()["status"] == "running" and page.row()["samples"] > samples + 7)


def test_what_is_refused_changes_nothing_and_is_told(start):
    run = start(20, held=True)
    page = run.page
    page.shows("held", 0)
    page.ask(
        {"do": "set", "name": "rate", "value": -1}, {"do": "set", "name": "rate", "value": 1, "layer": 7},
        {"do": "set", "name": "neurons", "value": 3}, {"do": "exec", "code": "1"},
    )  # fmt: skip
    wait_until(lambda: len(page.words()["refusals"]) == 4)
    words = ("must be at least 0", "layer", "name must be one of", "do must be pause")
    assert all(any(word in why for why in page.words()["refusals"]) for word in words)
    assert (run.chip.samples, run.chip.changes, page.words()["status"]) == (0, (), "held")
    page.ask({"do": "resume"})
    run.join()
    assert again(run).state_sha256 == run.chip.state_sha256


def test_a_page_that_is_gone_lets_a_run_that_is_held_go_on(start):
    run = start(20, held=True)
    run.page.shows("held", 0)
    run.page.close()
    run.join()
    assert run.chip.samples == 1797
    assert run.said == ["The page's process has ended (exit code 0); the run goes on without it."]
    assert run.scope.pictures == 3  # held, let go on, ended: nobody looks


def test_pictures_that_take_long_are_rare_and_the_page_is_still_answered(start, monkeypatch):
    monkeypatch.setattr(module, "SHARE", 1e-9)
    run = start(20, epochs=100_000)
    page = run.page
    wait_until(lambda: page.words()["status"] == "running")
    assert page.row()["pause"] == pytest.approx(module.SHORTEST)
    page.ask({"do": "pause"})
    wait_until(lambda: page.words()["status"] == "held")
    assert page.row()["pause"] > 3600
    assert run.scope.pictures == 2
