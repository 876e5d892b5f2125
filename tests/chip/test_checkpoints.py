"""Checkpoints in `learn`: exact numbers of samples, a chip that may be used, and bits that do not change."""

import copy

import numpy as np
import pytest

import neurosim as ns
from neurosim.chip.checkpoints import Checkpoints
from neurosim.streams import Block

COUNTS = [1, 7, 8, 64, 100, 300]


def of_images():
    conv = ns.ConvWTA(
        6, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.5), cutoff=0.1, window=2
    )
    return ns.Chip([conv, ns.recipes.softhebb(12, initial="normal", transmit=ns.ReLU()), ns.recipes.softhebb(5)],
                   inputs=(1, 8, 8))  # fmt: skip


def of_one(**constants):
    return ns.Chip([ns.recipes.softhebb(12, **constants)], inputs=64)


def of_two():
    return ns.Chip([ns.recipes.softhebb(12, window=3), ns.recipes.softhebb(5)], inputs=64)


class Watcher:
    """Notes how many samples each layer has learned from, and the state; uses the chip in every way that reads."""

    def __init__(self, samples):
        self.samples, self.seen, self.states = samples, [], {}

    def __call__(self, chip):
        (count,) = {layer.samples for layer in chip.layers}
        self.seen.append(count)
        chip.respond(self.samples[:40])
        chip.respond_one(self.samples[0])
        assert copy.deepcopy(chip).state_sha256 == chip.state_sha256
        self.states[count] = chip.state_sha256


CHUNKS = [(1, 1), (7, 1), (50, 1), (256, 1), (7, 2), (64, 3), (1000, 2)]
EVERY = [100, 7, 1, 1000, [1, 7, 8, 64, 100], [300], [299, 300, 5000]]


def cases():
    """Give every chunk with one choice of samples, and every choice with one chunk; the rest is slow."""
    for chunk, threads in CHUNKS:
        for every in EVERY:
            quick = (chunk, threads) == (64, 3) or every == EVERY[4]
            yield pytest.param(chunk, threads, every, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize("make", [of_one, of_two, of_images])
@pytest.mark.parametrize(("chunk", "threads", "every"), list(cases()), ids=str)
def test_watching_changes_no_bit_and_counts_are_exact(make, chunk, threads, every, samples):
    watch = Watcher(samples)
    learned = make().learn(samples, chunk=chunk, threads=threads, every=every, watch=watch)
    assert learned.state_sha256 == make().learn(samples).state_sha256
    counts = range(every, 301, every) if isinstance(every, int) else [count for count in every if count <= 300]
    assert watch.seen == [*counts, *([] if 300 in counts else [300])]
    for count in (counts[0], counts[-1]) if len(counts) else ():
        assert watch.states[count] == make().learn(samples[:count]).state_sha256


def test_a_wide_layer_that_looks_ahead_in_a_team_is_watched_alike():
    X = np.random.default_rng(0).random((200, 300), np.float32)
    X[:, 150:] = 0

    def wide():
        return ns.Chip([ns.recipes.hard_wta(3000)], inputs=300)

    plain = wide().learn(X)
    for threads in (1, 2):
        watch = Watcher(X)
        assert wide().learn(X, threads=threads, every=[3, 90, 91], watch=watch).state_sha256 == plain.state_sha256
        assert watch.seen == [3, 90, 91, 200]
        assert watch.states[90] == wide().learn(X[:90]).state_sha256


def test_counts_are_of_this_call_and_include_samples_of_zeros(samples, make_chip):
    X, seen = samples.copy(), []
    X[10:40] = 0
    chip = make_chip(12, 5).learn(samples[:33])
    chip.learn(X, every=100, watch=lambda chip: seen.append((chip.samples, chip.layers[0].blanks)))
    assert seen == [(133, 30), (233, 30), (333, 30)]


def test_generators_labels_and_layers_go_with_it(samples):
    labels, seen = np.arange(300) % 4, []

    def make():
        return ns.Chip([ns.recipes.softhebb(12), ns.recipes.supervised_softhebb(4)], inputs=64)

    plain = make().learn(samples, labels=labels, modulators=np.linspace(0, 1, 300))
    pairs = ((x, int(label)) for x, label in zip(samples, labels, strict=True))
    watched = make().learn(
        pairs, modulators=np.linspace(0, 1, 300), every=[130], watch=lambda chip: seen.append(chip.samples)
    )
    assert watched.state_sha256 == plain.state_sha256
    assert seen == [130, 300]
    first = make().learn(samples, layers=[0], every=200, watch=lambda chip: seen.append(chip.layers[1].samples))
    first.learn(samples, labels=labels, layers=[1], every=200, watch=lambda chip: seen.append(chip.layers[1].samples))
    assert seen[2:] == [0, 0, 200, 300]
    assert first.layers[0].samples == 300


def test_nothing_learned_is_nothing_watched(make_chip):
    seen = []
    make_chip(12).learn(iter(()), every=1, watch=seen.append)
    assert seen == []


@pytest.mark.parametrize(("chunk", "threads"), [(256, 1), (10, 1), (10, 3)])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, StopIteration, ns.SampleError])
def test_what_the_function_raises_ends_learning_there(error, chunk, threads, samples):
    def watch(chip):
        if chip.samples == 150:
            raise error("enough")

    chip = of_two()
    with pytest.raises(error, match="enough"):
        chip.learn(samples, chunk=chunk, threads=threads, every=75, watch=watch)
    assert [layer.samples for layer in chip.layers] == [150, 150]
    assert chip.learn(samples[150:]).state_sha256 == of_two().learn(samples).state_sha256


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_of_a_sample_comes_after_the_checkpoints_before_it(threads, samples):
    X, watch = samples.copy(), Watcher(samples)
    X[150, 3] = np.nan
    chip = of_two()
    with pytest.raises(ns.SampleError, match="sample 150, input 3"):
        chip.learn(X, threads=threads, every=[100, 150, 151], watch=watch)
    assert watch.seen == [100, 150]
    assert chip.state_sha256 == of_two().learn(X[:150]).state_sha256


def test_the_function_may_save_learn_and_change_what_it_wants(samples, tmp_path):
    def watch(chip):
        chip.save(tmp_path / f"{chip.samples}.h5")
        chip.learn_one(samples[0])
        chip.learn(samples[:2])

    chip = of_two().learn(samples[:20], every=10, watch=watch)
    assert chip.samples == 26
    by_hand = of_two().learn(samples[:10])
    assert ns.Chip.load(tmp_path / "10.h5").state_sha256 == by_hand.state_sha256
    watch(by_hand)
    watch(by_hand.learn(samples[10:20]))
    assert by_hand.state_sha256 == chip.state_sha256


@pytest.mark.parametrize(("every", "words"), [
    (0, "every must be a whole number of at least 1, got 0"), (-5, "got -5"), (2.5, "got 2.5"), (True, "got True"),
    ([], "every must be a whole number of samples, or a list of some that increase from 1 or more, got"),
    ([10, 10], "got [10, 10]"), ([20, 10], "got [20, 10]"), ([0, 10], "got [0, 10]"), ([1.5, 2], "float64"),
    ("100", "got 'str"), ([[1], [2]], "got [[1], [2]]"), (iter([1, 2]), "a whole number of at least 1"),
    ({5: 6}, "list of some that increase"),
])  # fmt: skip
def test_bad_checkpoints_are_refused_in_a_line_before_learning(every, words, samples, make_chip):
    chip = make_chip(12)
    with pytest.raises(ns.ConfigError) as refusal:
        chip.learn(samples, every=every, watch=print)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert chip.samples == 0


@pytest.mark.parametrize(("options", "words"), [
    ({"every": 10}, "watch must be a function that takes the chip, given with every, got None"),
    ({"every": 10, "watch": 5}, "watch must be a function"), ({"watch": print}, "every must be given with watch"),
])  # fmt: skip
def test_one_needs_the_other(options, words, samples, make_chip):
    with pytest.raises(ns.ConfigError, match=words):
        make_chip(12).learn(samples, **options)


@pytest.mark.parametrize("every", [np.int64(3), np.array([3, 6]), (3, 6), range(3, 7, 3)], ids=repr)
def test_numbers_of_numpy_and_other_sequences_are_taken(every, samples, make_chip):
    seen = []
    make_chip(12).learn(samples[:6], every=every, watch=lambda chip: seen.append(chip.samples))
    assert seen == [3, 6]


def test_a_block_is_cut_where_checkpoints_fall():
    rests = Checkpoints([2, 5, 9], lambda: None)
    block = Block(np.arange(8)[:, None], np.arange(8))
    pieces = list(rests.pieces(block, 1))
    assert [piece.samples.ravel().tolist() for piece in pieces] == [[0], [1, 2, 3], [4, 5, 6, 7]]
    assert [piece.labels.tolist() for piece in pieces] == [[0], [1, 2, 3], [4, 5, 6, 7]]
    assert [count for count in range(12) if rests.falls_on(count)] == [2, 5, 9]
    assert [count for count in range(12) if Checkpoints(4, print).falls_on(count)] == [4, 8]
