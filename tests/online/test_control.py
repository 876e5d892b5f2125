"""A run that is held, stepped and changed between chunks: what was asked for is made, recorded, and replayed."""

import threading

import pytest
from controls import Scripted
from processes import wait_until

import neurosim as ns
from neurosim.chip.changing import change_in_place
from neurosim.online.control import Edit
from neurosim.online.request import Request
from neurosim.online.stop import Stop
from neurosim.state import store
from neurosim.streams import ArrayStream


@pytest.fixture
def state(tmp_path):
    return tmp_path / "chip.h5"


@pytest.mark.parametrize("chunk", [1, 7, 256, "auto"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_control_is_asked_at_its_samples_and_its_edits_are_those_of_with_constants(
    make_chip, samples, chunk, threads
):
    chip = make_chip(30, 20, 10)

    def look(number):
        assert {layer.samples for layer in chip.layers} == {number}  # all layers, also of a pipeline
        return [Edit("temperature", 0.05, layer=1)]

    control = Scripted({50: [Edit("rate", 0.25)], 133: look}, every=100)
    report = ns.run(chip, ArrayStream(samples), control=control, chunk=chunk, threads=threads)
    assert control.asked == [0, 50, 100, 133, 200, 300]
    other = make_chip(30, 20, 10).learn(samples[:50]).with_constants(rate=0.25).learn(samples[50:133])
    other = other.with_constants(layer=1, temperature=0.05).learn(samples[133:])
    assert (chip.state_sha256, chip.changes) == (other.state_sha256, other.changes)
    assert report.held_seconds > 0
    assert control.refusals == []
    again = make_chip(30, 20, 10)
    ns.run(again, ArrayStream(samples), edits=chip.changes)
    assert again.state_sha256 == chip.state_sha256


def test_a_control_that_is_never_due_is_asked_once_and_chunks_are_its_own(make_chip, samples):
    class Asked(Scripted):
        pushed = 0

        def samples_left(self, samples):
            self.pushed = max(self.pushed, samples)
            return float("inf")

    control, chip = Asked({}), make_chip(9)
    seen = []
    ns.run(chip, ArrayStream(samples), control=control, chunk=128, watch=lambda report: seen.append(report.samples))
    assert (control.asked, control.pushed) == ([0], 300)
    assert seen == [128, 256, 300]
    assert chip.state_sha256 == make_chip(9).learn(samples).state_sha256


def test_a_control_by_the_clock_is_asked_after_the_chunk_in_which_it_is_due(make_chip, samples):
    class Clock(Scripted):
        due = False

        def samples_left(self, samples):
            return 0 if self.due else float("inf")

        def between(self, samples):
            self.due = False
            return super().between(samples)

    control = Clock({20: [Edit("rate", 0.5)]})

    def watch(report):
        control.due = report.samples in (20, 40)

    chip = make_chip(9)
    ns.run(chip, ArrayStream(samples), control=control, chunk=10, watch=watch)
    assert control.asked == [0, 20, 40]
    assert [change["sample"] for change in chip.changes] == [20]


def test_a_refused_edit_is_told_and_the_run_goes_on(make_chip, samples):
    edits = [
        Edit("rate", -1.0), Edit("speed", 1.0), Edit("rate", 0.5, layer=7), Edit(5, 1.0), Edit("neurons", 3),
        Edit("window", 3), Edit("rate", float("nan")), Edit("rate", "fast"), Edit("cap", 0.125),
    ]  # fmt: skip
    chip, control = make_chip(9, window=4), Scripted({50: edits})
    ns.run(chip, ArrayStream(samples), control=control)
    assert [edit for edit, _ in control.refusals] == edits[:-1]
    words = ("at least 0", "constants of DenseWTA", "at most 0", "name of a constant", "left as it is",
             "2 samples wait", "rate must be", "a number or a schedule")  # fmt: skip
    for (_, why), word in zip(control.refusals, words, strict=True):
        assert isinstance(why, ns.ConfigError)
        assert word in str(why)
    other = make_chip(9, window=4).learn(samples[:50]).with_constants(cap=0.125)
    assert (other.learn(samples[50:]).state_sha256, other.changes) == (chip.state_sha256, chip.changes)


def test_edits_before_the_first_sample_are_recorded_and_replayed(make_chip, samples, state):
    chip = make_chip(9)
    ns.run(chip, ArrayStream(samples), control=Scripted({0: [Edit("rate", 0.5)]}), state=state)
    assert chip.state_sha256 == make_chip(9, rate=0.5).learn(samples).state_sha256
    assert chip.changes == ({"sample": 0, "layer": 0, "name": "rule.rate", "old": 1.5, "new": 0.5},)
    again = make_chip(9)
    ns.run(again, ArrayStream(samples), edits=ns.Chip.load(state).changes)
    assert (again.state_sha256, again.changes) == (chip.state_sha256, chip.changes)


def test_a_slider_that_is_moved_while_the_run_is_held_leaves_one_change(make_chip, samples):
    chip = make_chip(9, 5)
    seen = []

    def moves(_number):
        for name, value in (("rate", 0.5), ("cap", 0.125), ("rate", 0.25), ("rate", 1.0), ("cap", 0.25)):
            yield Edit(name, value)
            seen.append([layer.constants.rule.rate for layer in chip.layers])  # made as it was given
        yield Edit("temperature", 0.5, layer=0)
        yield Edit("gain", 20.0, layer=0)  # takes the temperature's place
        yield Edit("temperature", 0.25, layer=0)

    ns.run(chip, ArrayStream(samples), control=Scripted({50: moves, 60: [Edit("rate", 0.75)]}))
    assert seen == [[0.5] * 2, [0.5] * 2, [0.25] * 2, [1.0] * 2, [1.0] * 2]
    names = [(change["sample"], change["layer"], change["name"]) for change in chip.changes]
    assert names[:2] == [(50, 0, "rule.rate"), (50, 1, "rule.rate")]
    assert [(change["old"], change["new"]) for change in chip.changes[:2]] == [(1.5, 1.0)] * 2
    assert {name for sample, _, name in names if sample == 50} == {"rule.rate", "competition"}
    assert names[-2:] == [(60, 0, "rule.rate"), (60, 1, "rule.rate")]  # of another hold
    again = make_chip(9, 5)
    ns.run(again, ArrayStream(samples), edits=chip.changes)
    assert again.state_sha256 == chip.state_sha256
    assert [layer.constants for layer in again.layers] == [layer.constants for layer in chip.layers]


@pytest.mark.parametrize("threads", [1, 2])
def test_snapshots_are_taken_while_the_run_is_held(make_chip, samples, state, threads):
    request = Request()

    def hold(number):
        wait_until(lambda: state.exists() and store.read(state).position == number)  # by the clock
        yield Edit("rate", 0.5)
        wait_until(lambda: ns.Chip.load(state).changes != ())
        first = state.stat().st_ino
        request.ask()
        wait_until(lambda: state.stat().st_ino != first)

    chip = make_chip(9, 5)
    report = ns.run(
        chip, ArrayStream(samples), control=Scripted({50: hold}), state=state, snapshot_seconds=1e-3, request=request,
        threads=threads,
    )  # fmt: skip
    other = make_chip(9, 5).learn(samples[:50]).with_constants(rate=0.5).learn(samples[50:])
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256 == other.state_sha256
    assert report.held_seconds > report.seconds


@pytest.mark.parametrize("how", ["raised", "returned"])
def test_a_run_that_is_held_may_be_stopped_and_goes_on_from_there(make_chip, samples, state, how):
    chip, stopped = make_chip(9), threading.Event()

    def hold(_number):
        yield Edit("rate", 0.5)
        stopped.set()
        if how == "raised":
            raise Stop

    control = Scripted({50: hold})
    report = ns.run(chip, ArrayStream(samples), control=control, state=state, stop=stopped.is_set)
    assert (report.interrupted, report.samples) == (True, 50)
    chip = ns.Chip.load(state)
    assert [change["sample"] for change in chip.changes] == [50]
    again = Scripted({})
    ns.run(chip, ArrayStream(samples), control=again, state=state, start=50)
    assert (control.asked, again.asked) == ([0, 50], [50])
    other = make_chip(9).learn(samples[:50]).with_constants(rate=0.5).learn(samples[50:])
    assert ns.Chip.load(state).state_sha256 == other.state_sha256


def test_an_error_of_the_control_keeps_what_was_learned(make_chip, samples, state):
    def fail(_number):
        yield Edit("rate", 0.5)
        raise ValueError("a bug of the caller's")

    with pytest.raises(ValueError, match="a bug"):
        ns.run(make_chip(9), ArrayStream(samples), control=Scripted({50: fail}), state=state)
    chip = ns.Chip.load(state)
    assert (chip.samples, chip.layers[0].constants.rule.rate) == (50, 0.5)


def test_scheduled_edits_come_before_what_a_control_asks_for(make_chip, samples):
    edits = [{"sample": 50, "layer": 0, "name": "rule.rate", "old": 1.5, "new": 0.5}]
    chip = make_chip(9)
    ns.run(chip, ArrayStream(samples), edits=edits, control=Scripted({50: [Edit("rate", 0.25)]}))
    assert [(change["old"], change["new"]) for change in chip.changes] == [(1.5, 0.5), (0.5, 0.25)]


def test_a_record_that_is_full_refuses_an_edit(make_chip, samples):
    chip = make_chip(3).learn(samples[:1])
    change = {"sample": 1, "layer": 0, "name": "rule.rate", "old": 1.5, "new": 1.5}
    change_in_place(chip, [chip.layers[0].constants], [change] * 1000)
    control = Scripted({20: [Edit("cap", 0.125)]})
    before = chip.changes
    ns.run(chip, ArrayStream(samples), start=1, control=control)
    assert "changes of a chip must be at most 1000" in str(control.refusals[0][1])
    assert (len(before), chip.changes) == (1000, before)


def test_a_chip_may_be_used_before_and_after_it_is_edited(make_chip, samples):
    chip, other = make_chip(9, 5), make_chip(9, 5)
    for one in (chip, other):
        one.learn_one(samples[0])  # binds memory to the constants
    seen = []

    def look(_number):
        yield Edit("temperature", 1.0)
        seen.append(chip.respond_one(samples[9]).responses)

    ns.run(chip, ArrayStream(samples[1:]), control=Scripted({50: look}))
    other = other.learn(samples[1:50]).with_constants(temperature=1.0)
    assert (seen[0] == other.respond_one(samples[9]).responses).all()
    other.learn(samples[50:])
    for one in (chip, other):
        one.learn_one(samples[0])
    assert chip.state_sha256 == other.state_sha256
