"""A few samples that came together: to the bits, records and refusals of taking them one by one."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.online import few
from neurosim.online.listener import Wanted
from neurosim.streams import ArrayStream, Block


class Together(ns.Stream):
    """Samples that arrive in groups of some sizes, again and again."""

    name, length, replayable, labelled = "together", None, False, True

    def __init__(self, samples, labels, sizes):
        self.samples, self.labels, self.inputs, self.sizes = samples, labels, samples.shape[1], sizes

    def blocks(self, start=0, size=256):
        first = turn = 0
        while first < len(self.samples):
            stop = first + self.sizes[turn % len(self.sizes)]
            yield Block(self.samples[first:stop].copy(), self.labels[first:stop].copy())
            first, turn = stop, turn + 1

    def arriving(self, start=0, size=256):
        return self.blocks()

    def fingerprint(self):
        return "together"


class Heard:
    """Copies what it is told, a row a sample."""

    def __init__(self, wants):
        self.wants, self.told, self.calls = wants, [], []

    def take(self, batch):
        (first, results, labels, samples, nanoseconds), count = batch, len(batch)
        assert len(labels) == len(samples) == len(nanoseconds) == count
        self.calls.append(count)
        for i in range(count):
            wanted = [getattr(results, name)[i].tobytes() for name, flag in self.wants._asdict().items() if flag]
            self.told.append((first + i, int(results.winners[i]), int(labels[i]), samples[i].tobytes(), *wanted))


LAYERS = [ns.recipes.softhebb(9, transmit=ns.ReLU()), ns.recipes.softhebb(5)]


def heard(stream, wants, **options):
    """Run a stream through a new chip; return who heard, the report and the state's hash, or the error."""
    chip, listener = ns.Chip(LAYERS, inputs=stream.inputs, seed=4), Heard(wants)
    try:
        report = ns.run(chip, stream, listener=listener, **options)
    except ns.SampleError as error:
        return listener, str(error).splitlines()[0], chip.state_sha256
    return listener, (report.samples, report.refused, report.latencies.counts.sum()), chip.state_sha256


@pytest.fixture
def data(samples):
    return samples[:120], np.arange(120) % 3


@pytest.mark.parametrize("wants", [Wanted(), Wanted(responses=True), Wanted(True, True, True)])
@pytest.mark.parametrize("bad", [[], [40, 41, 77]])
@pytest.mark.parametrize("skip_bad", [True, False])
def test_who_hears_of_a_few_hears_what_one_by_one_would_say(wants, bad, skip_bad, data):
    samples, labels = data[0].copy(), data[1]
    samples[bad, 5] = np.nan
    one, said, state = heard(ArrayStream(samples, labels), wants, chunk=1, skip_bad=skip_bad)
    groups = Together(samples, labels, (few.MOST, 1, 3, few.MOST + 1, 2))
    other, also, too = heard(groups, wants, skip_bad=skip_bad)
    assert (one.told, said, state) == (other.told, also, too)
    assert 1 < max(other.calls) <= few.MOST + 1
    assert any(1 < count <= few.MOST for count in other.calls)


def test_an_edit_amid_a_group_is_told_of_as_well(data):
    samples, labels = data
    edits = ns.Chip(LAYERS, inputs=64, seed=4).learn(samples[:31]).with_constants(layer=1, rate=0.2).changes
    one, *said = heard(ArrayStream(samples, labels), Wanted(responses=True), chunk=1, edits=edits)
    other, *also = heard(Together(samples, labels, (5,)), Wanted(responses=True), edits=edits)
    assert (one.told, said) == (other.told, also)
