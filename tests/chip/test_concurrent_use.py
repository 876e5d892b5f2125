"""A chip is used by one thread at a time: the second one is told so, and nothing it does is silently wrong."""

import copy
import gc
import pickle
import signal
import sys
import threading

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams.arrays import ArrayStream


class Watched(ArrayStream):
    """A stream that calls a function between blocks."""

    def __init__(self, samples, call):
        super().__init__(samples)
        self.call = call

    def blocks(self, start=0, size=256):
        for block in super().blocks(start, size):
            self.call()
            yield block


def elsewhere(call):
    """Call in another thread; return what it returned, or the error that it raised."""
    found = []

    def run():
        try:
            found.append(call())
        except Exception as error:
            found.append(error)

    other = threading.Thread(target=run)
    other.start()
    other.join()
    return found[0]


def namer(chip):
    """Return soft labels by which all neurons say the same."""
    readout = ns.SoftLabels(smoothing=1.0)
    responses = np.ones((1, chip.layers[-1].constants.neurons), np.float32)
    readout.add(ns.Response(responses, responses, np.array([0]), responses), np.array([1]))
    return readout.finish()


def uses(chip, x, tmp_path):
    """Return everything that one may do with a chip: what learns, and what only reads."""
    learning = {
        "learn_one": lambda: chip.learn_one(x), "modulated": lambda: chip.learn_one(x, modulator=0.5),
        "labelled": lambda: chip.learn_one(x, 1), "respond_one": lambda: chip.respond_one(x),
        "learn": lambda: chip.learn(x[None]), "run": lambda: ns.run(chip, ArrayStream(x[None])),
        "compile": chip.compile,
    }  # fmt: skip
    reading = {
        "respond": lambda: chip.respond(x[None]), "respond_blocks": lambda: next(chip.respond_blocks(x[None])),
        "output_blocks": lambda: next(chip.output_blocks(x[None])), "save": lambda: chip.save(tmp_path / "chip.h5"),
        "state_sha256": lambda: chip.state_sha256, "pickle": lambda: pickle.dumps(chip),
        "deepcopy": lambda: copy.deepcopy(chip), "posterior": lambda: chip.posterior(x[None]),
        "mixture": lambda: ns.bayes.Mixture.of(chip),
        "gradient": lambda: chip.gradient(x, namer(chip), 0),
    }  # fmt: skip
    return learning, reading


def test_while_one_thread_learns_all_that_others_do_is_refused(make_chip, samples, tmp_path):
    chip, refused = make_chip(12, 5), []
    learning, reading = uses(chip, samples[0], tmp_path)

    def others():
        refused.extend(elsewhere(call) for call in (learning | reading).values())

    def once():
        others()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # the chip is free again whatever ends the call
        chip.learn(Watched(samples[:4], once), chunk=2)
    chip.learn(Watched(samples[:4], others), chunk=2)
    ns.run(chip, ArrayStream(samples[:4]), chunk=2, watch=lambda _: others())
    assert len(refused) == 5 * len(learning | reading)
    assert [error for error in refused if not isinstance(error, ns.ConcurrentUseError)] == []
    assert isinstance(refused[0], RuntimeError)
    assert "one thread at a time" in str(refused[0])
    assert chip.state_sha256 == make_chip(12, 5).learn(samples[:4]).learn(samples[:4]).state_sha256
    assert elsewhere(lambda: chip.learn_one(samples[0])).winner >= 0


def test_a_single_call_keeps_others_out_and_what_only_reads_may_be_done_at_once(make_chip, samples, tmp_path):
    chip = make_chip(12, 5, temperature=0.01)
    learning, reading = uses(chip, samples[0], tmp_path)
    with chip.use.alone():  # as a thread that is within learn_one or respond_one
        for call in (learning | reading).values():
            assert isinstance(elsewhere(call), ns.ConcurrentUseError)
            with pytest.raises(ns.ConcurrentUseError):  # such as from a signal's handler
                call()
    with chip.use.reading():
        for call in reading.values():
            assert not isinstance(elsewhere(call), Exception)
            call()
        for call in learning.values():
            assert isinstance(elsewhere(call), ns.ConcurrentUseError)
    for call in (learning | reading).values():
        call()
    assert chip.use.users == {}


def test_threads_in_one_chip_get_right_responses_or_the_error(make_chip, samples):
    chip = make_chip(100).learn(samples)
    expected = [chip.respond_one(x).winner for x in samples]
    wrong, interval = [], sys.getswitchinterval()

    def respond():
        for x, winner in zip(samples, expected, strict=True):
            try:
                if chip.respond_one(x).winner != winner:
                    wrong.append(winner)
            except ns.ConcurrentUseError:
                pass

    others = [threading.Thread(target=respond) for _ in range(3)]
    sys.setswitchinterval(1e-6)
    try:
        for other in others:
            other.start()
        for other in others:
            other.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert chip.use.users == {}


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_of_the_chip_itself_are_no_second_user(make_chip, samples, threads):
    chip = make_chip(12, 9, 5)
    chip.learn(samples, threads=threads, chunk=16)
    ns.run(chip, ArrayStream(samples), threads=threads, chunk=16)
    assert chip.state_sha256 == make_chip(12, 9, 5).learn(samples).learn(samples).state_sha256


def test_a_stream_may_use_the_chip_between_chunks(make_chip, samples):
    chip, twin, seen = make_chip(12, 5), make_chip(12, 5), []
    chip.learn(Watched(samples[:30], lambda: seen.append(chip.respond_one(samples[40]).potentials)), chunk=10)
    for i in range(3):
        assert np.array_equal(seen[i], twin.respond_one(samples[40]).potentials)
        twin.learn(samples[10 * i : 10 * i + 10])
    chip.learn(Watched(samples[:20], lambda: chip.learn(samples[50:53]).learn_one(samples[60])), chunk=10)
    for i in range(2):
        twin.learn(samples[50:53]).learn_one(samples[60])
        twin.learn(samples[10 * i : 10 * i + 10])
    assert chip.state_sha256 == twin.state_sha256
    ns.run(chip, ArrayStream(samples[:5]), watch=lambda _: seen.append(chip.respond(samples[:3])))
    assert chip.state_sha256 == twin.learn(samples[:5]).state_sha256


def test_a_stream_may_not_use_a_chip_whose_layers_are_at_different_samples(make_chip, samples):
    chip = make_chip(12, 5)
    with pytest.raises(ns.ConcurrentUseError, match=r"its layers are at different samples until then.*threads=1"):
        chip.learn(Watched(samples[:30], lambda: chip.respond_one(samples[0])), chunk=10, threads=2)
    assert chip.samples == chip.layers[1].samples == 10  # all samples before the error
    chip.learn_one(samples[0])


def test_responses_that_are_taken_one_after_another_hold_nobody_up(make_chip, samples):
    chip = make_chip(12, 5)
    blocks = chip.respond_blocks(samples[:30], chunk=10)
    next(blocks)
    assert elsewhere(lambda: chip.learn_one(samples[0])).winner >= 0
    next(blocks)
    with chip.use.alone(), pytest.raises(ns.ConcurrentUseError):
        next(blocks)


def test_errors_leave_the_chip_free(make_chip, samples):
    chip = make_chip(12)
    for call in (
        lambda: chip.learn_one([np.nan] * 64), lambda: chip.respond_one("text"), lambda: chip.learn_one(samples[0], -5),
        lambda: chip.learn(np.full((2, 64), np.nan)), lambda: chip.respond(np.full((2, 64), np.nan)),
        lambda: chip.learn(samples, chunk=0), lambda: chip.save("/"), lambda: ns.run(chip, ArrayStream(-samples)),
    ):  # fmt: skip
        with pytest.raises(ns.NeurosimError):
            call()
        assert elsewhere(lambda: chip.learn_one(samples[0])).winner >= 0


def test_copies_are_free_whatever_the_original_does(make_chip, samples):
    chip = make_chip(12, 5)
    copies = []
    chip.learn(Watched(samples[:1], lambda: copies.extend((copy.deepcopy(chip), pickle.loads(pickle.dumps(chip))))))
    for other in (*copies, copy.copy(chip)):
        assert other.use is not chip.use
        before = chip.state_sha256
        assert elsewhere(lambda other=other: other.learn(samples)) is other
        assert chip.state_sha256 == before != other.state_sha256


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_interrupts_at_any_moment_leave_the_chip_free(make_chip, samples):
    chip, x, generator = make_chip(5), samples[0], np.random.default_rng(0)

    def interrupt(*_):
        raise KeyboardInterrupt

    calls = [
        lambda: chip.respond_one(x), lambda: chip.learn_one(x, modulator=0.5), lambda: chip.respond(samples[:2]),
        lambda: chip.learn(samples[:2]), lambda: chip.state_sha256,
    ]  # fmt: skip
    for call in calls:
        call()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for n in range(400):
            try:
                signal.setitimer(signal.ITIMER_REAL, float(generator.uniform(1e-5, 2e-4)))
                while True:
                    calls[n % len(calls)]()
            except KeyboardInterrupt:
                pass
            if chip.use.users:
                gc.collect()
            assert chip.use.users == {}, n
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
