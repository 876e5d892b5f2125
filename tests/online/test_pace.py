"""How many samples are taken together: bounds by number and by time, on a clock of our own."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.online.pace import AIM, GROWTH, LONGEST, MOST, Pace, check_chunk


def chunks(each, count=4000):
    """Let samples that take so many nanoseconds each, by number, go through; return the sizes and times of chunks."""
    pace, n, sizes, times = Pace("auto"), 0, [], []
    while n < count:
        size = min(pace.size, count - n)
        time = sum(each(i) for i in range(n, n + size))
        pace.note(size, time)
        sizes.append(size)
        times.append(time)
        n += size
    return np.array(sizes), np.array(times)


@pytest.mark.parametrize("each", [100, 1_500, 20_000, 160_000, 2_000_000])
def test_no_chunk_takes_longer_than_anything_may_wait(each):
    sizes, times = chunks(lambda _: each)
    assert times.max() <= AIM
    assert sizes[0] == 1
    assert sizes.max() == min(MOST, AIM // each)
    assert (sizes[1:] <= GROWTH * sizes[:-1]).all()


@pytest.mark.parametrize("each", [20_000, 160_000, 1_000_000])
def test_samples_of_very_different_times_are_no_long_wait(each):
    draw = np.random.default_rng(0).uniform(0.05, 1, 4000) * each
    assert chunks(lambda n: int(draw[n]))[1].max() <= LONGEST


def test_a_sample_that_takes_longer_than_that_is_taken_alone():
    assert set(chunks(lambda _: 2 * LONGEST, 20)[0]) == {1}


def test_when_samples_become_slow_chunks_become_small():
    sizes, times = chunks(lambda n: 1_000 if n < 2000 else 500_000)
    assert sizes.max() == MOST
    assert (times[-100:] <= LONGEST).all()


def test_an_interruption_is_forgotten():
    sizes, _ = chunks(lambda n: 4_000_000 if n == 1000 else 1_500)
    assert sizes.min() >= 1
    assert (sizes[-3:-1] == MOST).all()


def test_chunks_that_are_not_full_do_not_grow():
    pace = Pace("auto")
    for _ in range(20):
        pace.note(1, 1_000)
    assert pace.size == GROWTH  # the first chunk was full


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_number_is_kept_to(chunk):
    pace = Pace(chunk)
    pace.note(chunk, 10 * LONGEST)
    assert pace.size == chunk


@pytest.mark.parametrize(("chunk", "words"), [
    ("all", "chunk must be auto, or a whole number of at least 1, got 'all'"), (0, "chunk must be a whole number"),
    (1.5, "must be a whole number"), (True, "must be a whole number"), (None, "must be a whole number"),
])  # fmt: skip
def test_what_is_no_chunk_is_refused(chunk, words, make_chip, samples):
    with pytest.raises(ns.ConfigError, match=words):
        check_chunk(chunk)
    with pytest.raises(ns.ConfigError, match=words):
        ns.run(make_chip(3), ns.streams.ArrayStream(samples), chunk=chunk)
