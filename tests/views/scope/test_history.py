"""What the page keeps of pictures: numbers of the time between two of them, in constant memory."""

import numpy as np
import pytest

from neurosim.online.latencies import Latencies
from neurosim.views.scope.history import COLUMNS, MOST, MOST_NEURONS, ROWS, History
from neurosim.views.scope.memory import Sizes


def picture(neurons, **values):
    made = np.zeros(1, Sizes(neurons, 0, (0, 0, 0)).dtype())
    for name, value in values.items():
        made[name][0] = value
    return made


def latencies(*nanoseconds):
    counted = Latencies()
    counted.add_all(np.array(nanoseconds))
    return counted.counts


def test_series_are_of_the_time_between_two_pictures():
    history = History(4)
    history.add(picture(4, samples=100, clock=10.0, steps=50.0, wins=[100, 0, 0, 0]))
    counts = latencies(*[1000] * 98, 50_000, 50_000)
    history.add(picture(4, samples=200, clock=10.5, steps=55.0, wins=[150, 50, 0, 0], latencies=counts))
    counts = counts + latencies(*[2000] * 50)
    history.add(picture(4, samples=250, clock=11.5, steps=55.0, wins=[150, 50, 50, 0], latencies=counts))
    series = history.series()
    assert series["samples"].tolist() == [200, 250]
    assert series["speed"] == pytest.approx([200, 50])
    assert series["novelty"] == pytest.approx([0.05, 0])
    assert series["never_won"].tolist() == [0.5, 0.25]
    assert series["p50"] == pytest.approx([1e-6, 2e-6], rel=0.02)
    assert series["p99"] == pytest.approx([5e-5, 2e-6], rel=0.02)


def test_a_speed_is_told_only_where_time_passed():
    history = History(4)
    for samples, clock in ((1, 5.0), (8, 5.0), (15, 4.0), (22, 6.0)):
        history.add(picture(4, samples=samples, clock=clock))
    assert history.series()["speed"] == pytest.approx([np.nan, np.nan, 3.5], nan_ok=True)


def test_what_arithmetic_leaves_over_is_no_novelty():
    history = History(4)
    for samples, steps in ((10, 1e6), (20, 1e6 + 1e-8), (30, 1e6 - 1e-8), (40, 1e6 + 1)):
        history.add(picture(4, samples=samples, steps=steps))
    assert history.series()["novelty"] == pytest.approx([0, 0, 0.1])


def test_a_run_that_is_held_adds_no_points():
    history = History(2)
    for clock in range(5):
        history.add(picture(2, samples=3, clock=clock))
    assert len(history.points) == 1
    assert all(len(values) == 0 for values in history.series().values())


def test_points_are_thinned_from_the_beginning_to_now():
    history = History(2)
    for number in range(1, 9000):
        history.add(picture(2, samples=number, clock=number / 7, wins=[number, 0], steps=number))
        samples = [point.samples for point in history.points]
        assert (samples[0], samples[-1]) == (1, number)
        assert len(samples) <= MOST
        assert len(set(np.diff(samples)[:-1])) <= 1  # the beginning is as dense as the end
        assert number < MOST or len(samples) > MOST // 2
    assert history.series()["speed"] == pytest.approx(7)
    assert history.series()["novelty"] == pytest.approx(1)


def test_numbers_of_now_are_of_the_latest_pictures_however_long_the_run():
    history = History(2)
    assert history.now() == {}
    counts = latencies()
    for number in range(3000):
        late = number >= 2990
        counts = counts + latencies(5000 if late else 1000)
        history.add(picture(2, samples=number, clock=number / (20 if late else 7) - 2990 * late * (1 / 20 - 1 / 7),
                            latencies=counts))  # fmt: skip
    now = history.now()
    assert now["speed"] == pytest.approx(20)
    assert now["p50"] == pytest.approx(5e-6, rel=0.02)
    assert now["samples"] == 2999


def test_a_neuron_without_the_wins_of_its_share_is_silent():
    history = History(2)
    for samples in (10, 20, 40, 60):
        history.add(picture(2, samples=samples, wins=[samples - 5, 5]))
    # 10 wins of each of 2 neurons are due after 20 samples: at sample 20 there is no picture of 20 before.
    assert history.series()["silent"].tolist() == pytest.approx([np.nan, 0.5, 0.5], nan_ok=True)


def test_the_map_tells_shares_by_rank():
    history = History(4)
    history.add(picture(4, samples=0))
    history.add(picture(4, samples=100, wins=[0, 50, 25, 25]))
    history.add(picture(4, samples=200, wins=[0, 150, 25, 25]))
    shares = history.map_of_wins()
    assert shares.shape == (4, 2)
    assert shares == pytest.approx(np.array([[2, 4], [1, 0], [1, 0], [0, 0]]))


def test_a_large_map_is_small_and_has_equal_shares_on_average():
    neurons, rng = 3 * MOST_NEURONS, np.random.default_rng(0)
    history, wins = History(neurons), np.zeros(neurons, np.int64)
    assert len(history.neurons) == MOST_NEURONS
    for number in range(200):
        history.add(picture(neurons, samples=1000 * number + int(rng.integers(900)), wins=wins))
        wins = wins + rng.multinomial(20_000, np.full(neurons, 1 / neurons))
    shares = history.map_of_wins()
    assert shares.shape == (ROWS, COLUMNS)
    assert (shares.sum(axis=0) / ROWS) == pytest.approx(1, rel=0.02)
