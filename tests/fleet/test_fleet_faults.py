"""What a fleet refuses: nothing after the first bad sample is learned, or, passed over, all but bad ones are."""

import hashlib

import numpy as np
import pytest
from fleets import assert_same, chips_alone, quiet, some_samples

import neurosim as ns

SOFT = ns.recipes.softhebb(4)


def growing():
    """Return a layer whose weights grow without bound."""
    return ns.DenseWTA(2, rule=ns.Hebb(rate=1e6), competition=ns.NoInhibition(), radius=1.0, cap=1.0, cutoff=0.0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_all_before_a_bad_sample_are_learned_and_none_after(value, threads):
    keys, samples, _ = some_samples(100, 5, 4)
    keys[60], samples[60, 2] = 77, value
    fleet = ns.Fleet([SOFT], inputs=5, threads=threads)
    with pytest.raises(ns.SampleError, match="key 77: sample 60, input 2"):
        fleet.learn(keys, samples, chunk=32)
    assert 77 not in fleet
    assert_same(fleet, chips_alone(fleet, [SOFT], keys[:60], samples[:60]))


def test_bad_samples_are_passed_over_and_counted():
    keys, samples, _ = some_samples(100, 5, 4)
    keys[60], samples[60, 2], samples[[3, 99], 0] = 77, -1, np.nan
    good = np.setdiff1d(np.arange(100), [3, 60, 99])
    fleet = ns.Fleet([SOFT], inputs=5)
    response = fleet.take(keys, samples, skip_bad=True)
    assert fleet.refused == 3
    assert (np.flatnonzero(response.winner < 0) == [3, 60, 99]).all()
    assert not response.responses[60].any()
    assert_same(fleet, chips_alone(fleet, [SOFT], keys[good], samples[good]))


def test_one_sample_that_is_bad_changes_nothing():
    fleet = ns.Fleet([SOFT], inputs=2)
    for _ in range(2):
        with pytest.raises(ns.SampleError, match="key 'a': sample 0"):
            fleet.learn_one("a", [1, -1])
        assert len(fleet) == 0
    fleet.learn_one("a", [1, 1])
    before = fleet.state_sha256("a")
    with pytest.raises(ns.SampleError, match="key 'a': sample 0"):
        fleet.learn_one("a", np.array([1, np.nan], np.float32))
    with pytest.raises(ns.SampleError, match="shape"):
        fleet.learn_one("a", [1, 1, 1])
    assert fleet.state_sha256("a") == before


def test_labels_that_a_layer_cannot_learn():
    keys, samples, labels = some_samples(100, 5, 4)
    labels[40] = 9
    layers = [ns.recipes.supervised_softhebb(4)]
    fleet = ns.Fleet(layers, inputs=5)
    with pytest.raises(ns.SampleError, match=f"key {keys[40]}: label of sample 40"):
        fleet.learn(keys, samples, labels)
    assert_same(fleet, chips_alone(fleet, layers, keys[:40], samples[:40], labels[:40]))
    with pytest.raises(ns.SampleError, match="label of sample 0"):
        fleet.learn_one(1, samples[0], 9)
    fleet = ns.Fleet(layers, inputs=5).learn(keys, samples, labels, skip_bad=True)
    good = np.arange(100) != 40
    assert fleet.refused == 1
    assert_same(fleet, chips_alone(fleet, layers, keys[good], samples[good], labels[good]))


def learn_forty(fleet):
    for _ in range(40):
        fleet.learn_one(2, np.full(3, 1e3, np.float32))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_chip_that_diverges_leaves_the_others_as_they_are(threads):
    layers = [quiet(growing)]
    keys = np.tile([1, 2, 3], 40)
    samples = np.where(keys[:, None] == 2, np.float32(1e3), np.float32(0)) + np.zeros((120, 3), np.float32)
    fleet = ns.Fleet(layers, inputs=3, threads=threads)
    with pytest.raises(ns.DivergedError, match="key 2: layer 1"):
        fleet.learn(keys, samples)
    assert fleet.diverged == (2,)
    others = keys != 2
    before = {key: fleet.state_sha256(key) for key in (1, 3)}
    assert before == {
        key: chip.state_sha256 for key, chip in chips_alone(fleet, layers, keys[others], samples[others]).items()
    }
    for call in (lambda: fleet.learn_one(2, samples[0]), lambda: fleet.learn([1, 2], samples[:2])):
        with pytest.raises(ns.DivergedError, match="key 2: its chip has diverged"):
            call()
    fleet.learn([1, 2, 3], samples[:3], skip_bad=True)
    assert fleet.refused == 1
    fleet.reset(2)
    assert fleet.diverged == ()
    fleet.learn_one(2, samples[0])


def test_a_single_sample_that_lets_its_chip_diverge():
    fleet = ns.Fleet([quiet(growing)], inputs=3)
    with pytest.raises(ns.DivergedError, match="key 2: layer 1"):
        learn_forty(fleet)
    assert fleet.diverged == (2,)


def test_keys_beyond_the_capacity():
    keys, samples = [3, 1, 3, 2, 1], np.ones((5, 2), np.float32)
    fleet = ns.Fleet([SOFT], inputs=2, capacity=2)
    with pytest.raises(ns.SampleError, match="sample 3: keys must be at most 2"):
        fleet.learn(keys, samples)
    assert fleet.keys == (3, 1)
    assert fleet.samples.tolist() == [2, 1]
    with pytest.raises(ns.SampleError, match="at most 2"):
        fleet.learn_one(2, samples[0])
    fleet.learn(keys, samples, skip_bad=True)
    assert fleet.refused == 1
    assert fleet.samples.tolist() == [4, 3]
    with pytest.raises(ns.SampleError, match="at most 2"):
        ns.Fleet([SOFT], inputs=2, keys=range(3), capacity=2)


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0b", "\ud800", None, 1.5, True, b"a", 2**63, ("a",), np.float64(1)])
def test_what_is_no_key(key):
    fleet = ns.Fleet([SOFT], inputs=2)
    for call in (
        lambda: fleet.learn_one(key, [1, 1]), lambda: fleet.learn([key], [[1, 1]]), lambda: fleet.begin([key]),
        lambda: fleet.learn([(key, [1, 1])]),
    ):  # fmt: skip
        with pytest.raises(ns.SampleError, match="a key must be text of 1 to 200 characters"):
            call()
    assert len(fleet) == 0


def test_keys_of_two_kinds():
    fleet = ns.Fleet([SOFT], inputs=2, keys=["7"])
    with pytest.raises(ns.SampleError, match="sample 0: keys of a fleet must be of one kind, text"):
        fleet.learn([7], [[1, 1]])
    with pytest.raises(ns.SampleError, match="one kind"):
        ns.Fleet([SOFT], inputs=2, keys=["7", 7])
    assert 7 not in fleet


def test_a_key_that_is_not_there():
    fleet = ns.Fleet([SOFT], inputs=2, keys=["a"])
    for call in (fleet.chip, fleet.index, fleet.reset, fleet.state_sha256, lambda key: fleet.respond_one(key, [1, 1])):
        with pytest.raises(ns.SampleError, match="one of the fleet's 1, got 'b'"):
            call("b")
    with pytest.raises(ns.SampleError, match="got 'b'"):
        fleet.respond(["a", "b"], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": [ns.ConvWTA(2, kernel=2, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))],
          "inputs": (1, 4, 4)}, "a DenseWTA in a Fleet"),
        ({"layers": [], "inputs": 2}, "layers must be"),
        ({"layers": [SOFT], "inputs": 0}, "inputs must be"),
        ({"layers": [SOFT], "inputs": 2, "seed": -1}, "seed must be"),
        ({"layers": [SOFT], "inputs": 2, "capacity": 0}, "capacity must be"),
        ({"layers": [SOFT], "inputs": 2, "threads": 0}, "threads must be"),
    ],
)  # fmt: skip
def test_what_is_no_fleet(arguments, message):
    with pytest.raises(ns.ConfigError, match=message):
        ns.Fleet(arguments.pop("layers"), **arguments)


def test_arrays_that_do_not_fit():
    fleet = ns.Fleet([SOFT], inputs=2)
    for keys, message in (
        (["a"], "one for each of 2"),
        ("ab", "keys must be a list"),
        ([["a"], ["b"]], "a key must be"),
    ):
        with pytest.raises(ns.SampleError, match=message):
            fleet.learn(keys, np.ones((2, 2)))
    with pytest.raises(ns.SampleError, match="keys must be an array"):
        fleet.learn(np.ones(2), np.ones((2, 2)))
    with pytest.raises(ns.SampleError, match="sample 1 must come as a pair"):
        fleet.learn([("a", [1, 1]), 7])
    assert fleet.samples.tolist() == [1]
    with pytest.raises(ns.SampleError, match="must be an iterable of a pair"):
        fleet.learn(7)
    with pytest.raises(ns.ConfigError, match="chunk must be"):
        fleet.learn(["a"], [[1, 1]], chunk=0)


def test_chips_that_do_not_fit():
    fleet = ns.Fleet([SOFT], inputs=2)
    for chip in (
        ns.Chip([ns.recipes.softhebb(5)], inputs=2), ns.Chip([SOFT], inputs=3),
        ns.Chip([SOFT], inputs=2, initial=np.ones((4, 2))),
    ):  # fmt: skip
        with pytest.raises(ns.ConfigError, match="chip must be"):
            fleet.put("a", chip)
    assert len(fleet) == 0


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("seeds", None, "seeds must be"),
        ("layer1_synapses", None, "synapses must be there"),
        ("layer1_synapses", lambda array: array[:, :1], "synapses must be float32"),
        ("layer1_synapses", lambda array: array * np.float32(np.nan), "synapses must be finite"),
        ("layer1_counters", lambda array: array - 1, "counters must be from 0"),
        ("layer1_counters", lambda array: array + (2**63 - 1 - array.max()), "counters must be from 0"),
        ("layer1_counters", lambda array: array + [0, 10**6, 0, 0, 0, 0], "no more blank samples than samples"),
        ("layer1_record_counts", lambda array: array * 0 + [2**62, -(2**62)], "record_counts must be from 0"),
        ("layer1_record_counts", lambda array: array * 0 + 2**62, "record_counts must be from 0"),
        ("layer1_records", lambda array: array[1:], "records must be float64"),
        ("layer1_records", lambda array: array + 1, "records must be at equal intervals"),
        ("key_ends", lambda array: array[::-1].copy(), "key_ends must increase"),
        ("key_bytes", lambda array: np.full_like(array, 97), "comes twice"),
        ("key_bytes", lambda array: np.full_like(array, 255), "utf-8"),
    ],
)
def test_kept_arrays_that_were_changed(name, change, message):
    fleet = ns.Fleet([SOFT], inputs=2).learn(["a", "b"] * 150, np.ones((300, 2)))
    kept, before = fleet.arrays(), fleet.state_sha256("a")
    if change is None:
        del kept[name]
    else:
        kept[name] = change(kept[name])
    with pytest.raises(ns.StateError, match=message):
        fleet.restore(kept)
    assert fleet.state_sha256("a") == before


def test_seeds_follow_from_the_definition():
    fleet = ns.Fleet([SOFT], inputs=2, seed=5)
    for key, text in (("é", "5 text é"), (12, "5 whole 12"), ("12", "5 text 12")):
        assert fleet.seed_of(key) == int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def test_one_thread_at_a_time_uses_a_fleet():
    fleet = ns.Fleet([SOFT], inputs=2)

    def pairs():
        yield "a", [1, 1]
        fleet.learn_one("b", [1, 1])  # between chunks, the fleet is free
        yield "a", [1, 1]

    fleet.learn(pairs(), chunk=1)
    assert fleet.samples.tolist() == [2, 1]
