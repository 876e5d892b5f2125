"""What scores and names samples is used by one thread at a time: a second one is refused, and nothing is lost."""

import copy
import pickle
import threading
from functools import partial

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams.arrays import ArrayStream

X = np.random.default_rng(3).random((30, 4), np.float32)
KEYS = [f"pump-{i % 3}" for i in range(30)]


def elsewhere(call):
    """Call in another thread; return the error that it raised, None without one."""
    found = [None]

    def run():
        try:
            call()
        except Exception as error:
            found[0] = error

    other = threading.Thread(target=run)
    other.start()
    other.join()
    return found[0]


class Watched(dict):
    """Arrays that call a function when they are read: `restore` does so amid its work."""

    call = staticmethod(lambda: None)

    def __getitem__(self, name):
        self.call()
        return super().__getitem__(name)


def of_chip(kind):
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=4)
    one, responses = kind(chip), [chip.learn_one(x) for x in X]
    return one, responses


def novelty():
    one, responses = of_chip(ns.Novelty)
    return one, {"learn_one": lambda: one.learn_one(responses[0]), "score_one": lambda: one.score_one(responses[0])}


def prequential():
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=4)
    one = ns.Prequential(chip)
    ns.run(chip, ArrayStream(X), listener=one)
    return one, {"take": lambda: one.take(None)}


def running_labels():
    one = ns.RunningLabels(5)
    one.note(2)
    return one, {
        "learn_one": lambda: one.learn_one(1, 2), "note": lambda: one.note(1),
        "admit": lambda: one.admit(np.array([3])), "learn_late": lambda: one.learn_late(0, 1),
    }  # fmt: skip


def fleet_novelty():
    fleet = ns.Fleet([ns.recipes.softhebb(5)], inputs=4)
    one, response = ns.FleetNovelty(fleet), fleet.take(KEYS, X)
    one.learn(KEYS, response)
    single = fleet.learn_one("pump-1", X[0])
    return one, {
        "learn": lambda: one.learn(KEYS, response), "learn_one": lambda: one.learn_one("pump-1", single),
        "score_one": lambda: one.score_one("pump-1", single),
        "scored": lambda: one.scored, "take": lambda: one.take(None),
        "reset": lambda: one.reset("pump-1"),
    }  # fmt: skip


def fleet_prequential():
    fleet = ns.Fleet([ns.recipes.softhebb(5)], inputs=4)
    one, response = ns.FleetPrequential(fleet), fleet.take(KEYS, X)
    one.learn(KEYS, response, np.arange(30) % 2)
    return one, {
        "learn": lambda: one.learn(KEYS, response),

        "reset": lambda: one.reset("pump-1"),
        "take": lambda: one.take(None),
    }  # fmt: skip


@pytest.mark.parametrize("make", [novelty, prequential, running_labels, fleet_novelty, fleet_prequential])
def test_a_second_thread_is_refused_and_changes_nothing(make):
    one, calls = make()
    before = one.arrays(0)
    calls |= {"arrays": lambda: one.arrays(0), "restore": lambda: one.restore(before)}
    refused, kept = [], Watched(one.arrays(0))
    kept.call = lambda: refused.append({name: elsewhere(call) for name, call in calls.items()})
    one.restore(kept)
    assert refused
    for errors in refused:
        for name, error in errors.items():
            assert isinstance(error, ns.ConcurrentUseError), name
            assert str(error).startswith(f"{type(one).__name__} must be used by one thread at a time, and another call")
    after = one.arrays(0)
    assert {name: array.tolist() for name, array in after.items()} == {n: a.tolist() for n, a in before.items()}
    assert elsewhere(calls["arrays"]) is None  # it is free again, for any thread


def test_a_call_that_fails_leaves_it_free_and_copies_are_of_their_own():
    one, calls = novelty()
    with pytest.raises(ns.SampleError):
        one.learn_one("no response")
    assert elsewhere(calls["learn_one"]) is None
    kept, copies = Watched(one.arrays(0)), []
    kept.call = lambda: copies.extend((copy.copy(one), pickle.loads(pickle.dumps(running_labels()[0]))))
    one.restore(kept)
    assert copies
    for each in copies:
        assert elsewhere(partial(each.arrays, 0)) is None


def test_what_is_known_of_a_key_may_be_looked_at_amid_a_call_and_looking_changes_nothing():
    for (one, _), looks in (
        (fleet_novelty(), ("threshold_of", "scored_of", "novel_of")),
        (fleet_prequential(), ("counted_of", "accuracy_of", "recent_accuracy_of", "names_of")),
    ):
        fleet, found, kept = one._fleet, [], Watched(one.arrays(0))
        before = [np.asarray(getattr(one, look)("pump-2")).tolist() for look in looks]
        kept.call = lambda one=one, looks=looks, found=found: found.extend(
            elsewhere(partial(getattr(one, look), "pump-2")) for look in looks
        )
        one.restore(kept)
        assert found
        assert set(found) == {None}
        assert [np.asarray(getattr(one, look)("pump-2")).tolist() for look in looks] == before
        fleet.begin([f"new-{number}" for number in range(1000)])  # more than there are rows for
        assert np.asarray(getattr(one, looks[0])("new-999")).tolist() in (0, np.inf)
