"""What the benchmark of surfaces compares with: the published rule beside its equation, features, and saccades."""

import numpy as np

from benchmarks.event_data import Recordings
from benchmarks.event_surfaces import as_response, by_votes, counted, cut, entropy, linear
from benchmarks.hotsline_rule import take
from neurosim.streams.events import Recording, as_events


def test_the_published_rule_is_that_of_its_equation():
    rng = np.random.default_rng(0)
    samples, weights = rng.random((200, 9)), rng.random((4, 9))
    samples /= np.linalg.norm(samples, axis=1, keepdims=True)
    own, wins, expected = weights.copy(), np.ones(4), []
    for s in samples:
        cosines = own @ s / np.linalg.norm(own, axis=1)
        n = int(np.argmax(np.exp((1 - 4 * wins / wins.sum()) / 4) * cosines))
        own[n] += 0.01 / (1 + wins[n] / 20_000) * cosines[n] * (s - own[n])
        wins[n] += 1
        expected.append(n)
    winners, counts = np.zeros(200, np.int64), np.ones(4)
    take(samples, weights, np.linalg.norm(weights, axis=1), counts, True, winners)
    assert winners.tolist() == expected
    np.testing.assert_allclose(weights, own, rtol=1e-12)
    np.testing.assert_array_equal(counts, wins)
    take(samples, weights, np.linalg.norm(weights, axis=1), counts, False, winners)
    cosines = samples @ (own / np.linalg.norm(own, axis=1, keepdims=True)).T
    assert winners.tolist() == cosines.argmax(axis=1).tolist()


def test_features_are_roots_of_shares_by_polarity_and_cell():
    events = as_events([0, 1, 2, 9], [0, 4, 33, 5], [0, 4, 33, 0], [0, 0, 1, 1])
    rows = counted([events, events[:1]], 2, 5)
    assert rows.shape == (2, 2 * 7 * 7)
    np.testing.assert_allclose((rows**2).sum(axis=1), 1, rtol=1e-6)
    assert rows[0, 0] == np.float32(np.sqrt(0.5))
    assert rows[1].tolist() == [1] + [0] * 97


def test_readouts_tell_what_can_be_told():
    labels = np.arange(60) % 10
    wins = np.eye(10)[labels] * 7 + 1
    data = Recordings([], labels), Recordings([], labels[:20])
    assert by_votes(wins, wins[:20], data) == (1.0, 1.0)
    features = wins.astype(np.float32)
    assert (linear(features, labels, 0.01).predict(as_response(features)) == labels).all()
    assert entropy(np.array([4, 4, 0])) == 1.0


def test_a_recording_is_cut_after_the_first_saccade():
    events = as_events([5, 105_000, 105_001], [0, 0, 0], [0, 0, 0], [0, 0, 0])
    part = cut(Recordings([Recording(events, 34, 34)], np.zeros(1, np.int64)))
    assert part.recordings[0].events["t"].tolist() == [5, 105_000]
