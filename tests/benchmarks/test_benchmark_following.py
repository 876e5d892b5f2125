"""The benchmarks of novelty and of late labels: detectors score every sample, and learners get the same labels."""

from functools import partial

import numpy as np
import pytest

import neurosim as ns
from benchmarks import late_labels, novelty

RNG = np.random.default_rng(1)
LABELS = RNG.integers(3, size=300)
SAMPLES = (np.eye(3, 6)[LABELS] + RNG.normal(0, 0.1, (300, 6))).astype(np.float32)


@pytest.mark.parametrize("name", novelty.DETECTORS)
def test_a_detector_scores_every_sample_and_finds_a_strange_one(name):
    if "River" in name:
        pytest.importorskip("river", reason="River is an extra: pip install 'neurosim-chip[peers]'")
    strange = SAMPLES.copy()
    strange[250] = [-3, -3, 0, 4, 4, 4]
    scores = novelty.DETECTORS[name](strange, 0)
    assert scores.shape == (300,)
    assert np.isfinite(scores).all()
    if name != "chip, entropy" and "River" not in name:  # half-space trees score nothing at first
        assert (scores[200:] < scores[250]).sum() >= 90


@pytest.mark.parametrize("signed", [False, True])
def test_a_stream_with_strange_samples_has_one_in_a_hundred(signed):
    samples, strange = novelty.with_strange_samples(signed, 16, 0)
    assert samples.shape == (3000, 16)
    assert (samples.min() < 0) == signed
    assert 15 <= strange.sum() <= 50
    usual, odd = (np.median(np.linalg.norm(some, axis=1)) for some in (samples[~strange], samples[strange]))
    assert odd == pytest.approx(usual, rel=0.5)


def test_learners_get_the_labels_that_prequential_shows():
    shown = late_labels.shown_labels(300, 0.3, 5)
    chip = ns.Chip([ns.recipes.softhebb(9)], inputs=6)
    prequential = ns.Prequential(chip, share=0.3, seed=5)
    ns.run(chip, ns.streams.ArrayStream(np.abs(SAMPLES), LABELS), listener=prequential)
    assert prequential.learned == shown.sum()


def test_every_learner_knows_only_the_labels_before():
    shown = np.zeros(300, bool)
    shown[[20, 21, 40]] = True
    learners = {
        "chip": lambda *told: late_labels.by_chip(*told, neurons=4),
        "majority": late_labels.by_majority,
        "nearest": late_labels.by_nearest,
        "means": late_labels.by_means,
    }
    for name, learner in learners.items():
        said = learner(SAMPLES, LABELS, shown, 0)
        assert len(said) == 300, name
        assert (said[:21] == -1).all(), name
        assert said[21] == LABELS[20], name
        assert set(said[41:]) <= set(LABELS[shown]), name


def test_river_learns_the_labels_that_are_shown():
    pytest.importorskip("river", reason="River is an extra: pip install 'neurosim-chip[peers]'")
    learner = partial(late_labels.by_river, make=late_labels.naive_bayes)
    assert np.mean(learner(SAMPLES, LABELS, np.ones(300, bool), 0)[100:] == LABELS[100:]) > 0.9
