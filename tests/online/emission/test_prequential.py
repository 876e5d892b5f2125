"""Each sample is named before its label is learned; accuracy is what its definition says, and survives a kill."""

from contextlib import suppress

import numpy as np
import pytest
from reference_names import names_of

import neurosim as ns
from neurosim.errors import ConfigError, StateError
from neurosim.online.companion import restore

STREAM = "digits:test"


def block():
    return next(ns.open_stream(STREAM).blocks(size=1000))


def chip(*layers):
    return ns.Chip(list(layers) or [ns.recipes.softhebb(30)], inputs=64, seed=5)


class Kept:
    """Keeps what a run says."""

    wants = ns.Prequential.wants

    def __init__(self, prequential):
        self.prequential, self.said, self.right = prequential, [], 0

    def take(self, batch):
        self.prequential.take(batch)
        self.said += self.prequential.predicted.tolist()
        self.right += int(self.prequential.correct.sum())


def replay(samples, labels, shown, **constants):
    """Return what is said of each sample, and both accuracies, by the definition."""
    return names_of(list(map(chip().learn_one, samples)), labels.tolist(), shown, **constants)


@pytest.mark.parametrize("chunk", [1, 64, "auto"])
def test_a_run_says_what_the_definition_says(chunk):
    samples, labels = block()
    labels = np.where(np.arange(len(labels)) % 7 == 3, -1, labels)
    said, accuracy, recent = replay(samples, labels, np.ones(len(labels), bool), forget=0.2, fading=0.05)
    learner = chip()
    kept = Kept(ns.Prequential(learner, forget=0.2, fading=0.05))
    ns.run(learner, ns.streams.ArrayStream(samples, labels), chunk=chunk, listener=kept)
    assert kept.said == said
    assert kept.prequential.accuracy == accuracy == kept.right / kept.prequential.counted
    assert kept.prequential.recent_accuracy == pytest.approx(recent, rel=1e-9)
    assert kept.prequential.learned == kept.prequential.counted == (labels >= 0).sum()


def test_a_share_of_the_labels_is_shown_by_the_seed():
    samples, labels = block()
    found = {}
    for seed in (0, 0, 1):
        for chunk in (1, 50):
            learner = chip()
            kept = Kept(ns.Prequential(learner, share=0.2, seed=seed))
            ns.run(learner, ns.streams.ArrayStream(samples, labels), chunk=chunk, listener=kept)
            assert 0.1 < kept.prequential.learned / len(labels) < 0.3
            assert kept.prequential.counted == len(labels)
            found.setdefault(seed, []).append(kept.said)
    assert all(said == found[0][0] for said in found[0])
    assert found[0][0] != found[1][0]


@pytest.mark.parametrize("snapshot", [0, 100])
def test_a_run_that_is_resumed_goes_on_with_the_same_numbers(tmp_path, snapshot):
    stream, state = ns.open_stream(STREAM), tmp_path / "chip.h5"
    learner = chip()
    whole = Kept(ns.Prequential(learner, share=0.3))
    ns.run(learner, stream, chunk=8, listener=whole)
    learner = chip()
    first = Kept(ns.Prequential(learner, share=0.3))

    def die(report):
        if snapshot and report.samples >= 160:
            raise KeyboardInterrupt  # no last snapshot is taken then: as after a kill

    with suppress(KeyboardInterrupt):
        ns.run(
            learner, stream, state=state, chunk=8, listener=first, companions=[first.prequential], watch=die,
            stop=lambda: len(first.said) >= 160, snapshot_samples=snapshot, snapshot_seconds=0,
        )  # fmt: skip
    learner = ns.Chip.load(state)
    second = Kept(ns.Prequential(learner, share=0.3))
    position = restore(state, stream, [second.prequential])
    assert position == (100 if snapshot else 160)
    ns.run(learner, stream, start=position, chunk=8, listener=second)
    assert second.said == whole.said[position:]
    assert second.prequential.summary() == whole.prequential.summary()


@pytest.mark.parametrize("layer", [ns.recipes.delta_readout(10), ns.recipes.supervised_softhebb(10)])
def test_the_winner_is_the_name_where_neurons_are_classes(layer):
    samples, labels = block()
    learner, said = chip(layer), []
    for sample, label in zip(samples, labels, strict=True):
        response = learner.learn_one(sample, int(label))
        said.append(response.winner if response.potentials.any() else -1)
    learner = chip(layer)
    kept = Kept(ns.Prequential(learner))
    ns.run(learner, ns.streams.ArrayStream(samples, labels), listener=kept)
    assert kept.said == said
    assert kept.prequential.accuracy == np.mean(np.array(said) == labels)
    assert kept.prequential.learned == 0
    again = ns.Prequential(learner)
    again.restore(kept.prequential.arrays(len(labels)))
    assert again.summary() == kept.prequential.summary()


def test_a_stream_without_labels_has_no_accuracy():
    samples, _ = block()
    samples = np.concatenate([samples, np.zeros((1, 64), np.float32)])
    learner = chip()
    kept = Kept(ns.Prequential(learner))
    ns.run(learner, ns.streams.ArrayStream(samples), listener=kept)
    assert set(kept.said) == {-1}
    assert np.isnan(kept.prequential.accuracy)
    assert kept.prequential.summary()["prequential_accuracy"] is None


def test_bad_parameters_and_foreign_arrays_are_refused(tmp_path):
    learner, state = chip(), tmp_path / "chip.h5"
    for arguments, message in (
        ({"fading": 1.0}, "fading must be at least 0 and below 1"),
        ({"share": 0.0}, "share must be above 0"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"forget": 1.0}, "forget must be at least 0 and below 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            ns.Prequential(learner, **arguments)
    with pytest.raises(ConfigError, match="share must be 1 for a layer that is taught by labels"):
        ns.Prequential(chip(ns.recipes.delta_readout(10)), share=0.5)
    learner.save(state, beside={"prequential": ns.Prequential(learner).arrays(0)})
    for other in ({"share": 0.5}, {"fading": 0.1}, {"forget": 0.5}):
        with pytest.raises(StateError, match="must go on with"):
            restore(state, ns.open_stream(STREAM), [ns.Prequential(learner, **other)])
    with pytest.raises(ValueError, match="must have tallies"):
        ns.Prequential(learner).restore({})
