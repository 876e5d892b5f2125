"""Novelty is what its definition says, whatever the chunks, and goes on with the same bits after a run that ended."""

import math
from contextlib import suppress

import numpy as np
import pytest
from reference_novelty import replay

import neurosim as ns
from neurosim.engine.results import Results
from neurosim.errors import ConfigError, SampleError, StateError
from neurosim.online.companion import restore
from neurosim.online.listener import Batch
from neurosim.streams import ArrayStream

INPUTS, NEURONS = 8, 5
RNG = np.random.default_rng(7)
SAMPLES = RNG.random((400, INPUTS)).astype(np.float32)
SAMPLES[[50, 211]] = 0
ALL = ("shortfall", "entropy", "step")


def chip(**constants):
    return ns.Chip([ns.recipes.softhebb(NEURONS, temperature=0.1, **constants)], inputs=INPUTS, seed=3)


def told_of(learner, samples=SAMPLES):
    """Give what a chip says of samples, and how far each moved its weights."""
    for sample in samples:
        before = learner.layers[0].weights.astype(np.float64)
        response = learner.learn_one(sample)
        step = np.linalg.norm(learner.layers[0].weights - before, axis=1).sum()
        yield response.potentials, response.responses, response.winner, float(step)


SETTINGS = {
    "plain": {},
    "short memory": {"horizon": 12, "recent": 30, "quantile": 0.9, "prior": 4.0},
    "own alone": {"prior": 0.0, "settling": 0, "quantile": 0.5, "recent": 2},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("measures", [("shortfall",), ("entropy",), ("entropy", "shortfall")])
def test_scores_and_thresholds_are_those_of_the_definition(measures, settings):
    told = list(told_of(chip()))
    scores, thresholds = replay(told, measures, **settings)
    learner = chip()
    novelty = ns.Novelty(learner, measures, **settings)
    for number, sample in enumerate(SAMPLES):
        threshold = novelty.threshold
        scored = novelty.learn_one(learner.learn_one(sample))
        assert scored.threshold == threshold == pytest.approx(thresholds[number], rel=1e-6, abs=1e-9)
        assert scored.novelty == pytest.approx(scores[number], rel=1e-6, abs=1e-9, nan_ok=True)
        assert scored.is_novel == (scored.novelty > scored.threshold)


def test_the_step_is_how_far_the_weights_moved():
    told = list(told_of(chip()))
    learner = chip()
    novelty, length = ns.Novelty(learner, "step"), []
    scores = np.array([
        (novelty.learn_one(learner.learn_one(sample)).novelty, length.append(novelty.measured[0, 2]))[0]
        for sample in SAMPLES
    ])  # fmt: skip
    moved = np.array([step for *_, step in told])
    kept = moved > 1e-4  # weights are float32: smaller differences of them are rounding
    assert kept.sum() > 100
    assert np.exp(length)[kept] == pytest.approx(moved[kept], rel=0.02)
    exact = [(u, y, k, math.exp(logarithm)) for (u, y, k, _), logarithm in zip(told, length, strict=True)]
    assert scores == pytest.approx(replay(exact, ("step",))[0], rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("chunk", [1, 7, 256, "auto"])
def test_a_run_gives_the_scores_of_single_samples_to_the_bit(chunk):
    learner = chip()
    novelty = ns.Novelty(learner, ("shortfall", "entropy"))
    single = np.array([novelty.learn_one(learner.learn_one(sample)).novelty for sample in SAMPLES])
    listener, learner = Keeping(), chip()
    listener.novelty = ns.Novelty(learner, ("shortfall", "entropy"))
    ns.run(learner, ns.streams.ArrayStream(SAMPLES), chunk=chunk, listener=listener)
    assert np.array_equal(np.concatenate(listener.scores), single, equal_nan=True)


class Keeping:
    """Keeps the scores that a run gives."""

    def __init__(self, novelty=None):
        self.novelty, self.scores = novelty, []

    @property
    def wants(self):
        return self.novelty.wants

    def take(self, batch):
        self.novelty.take(batch)
        self.scores.append(self.novelty.scores.copy())


@pytest.mark.parametrize("measures", [("shortfall", "entropy"), ALL])
@pytest.mark.parametrize("snapshot", [0, 60])
def test_a_run_that_is_resumed_goes_on_with_the_same_bits(tmp_path, measures, snapshot):
    chunk, state, stream = 1 if "step" in measures else 16, tmp_path / "chip.h5", ns.streams.ArrayStream(SAMPLES)
    whole, learner = Keeping(), chip()
    whole.novelty = ns.Novelty(learner, measures, recent=100)
    ns.run(learner, stream, chunk=chunk, listener=whole)
    first, learner = Keeping(), chip()
    first.novelty = ns.Novelty(learner, measures, recent=100)

    def stop(report):
        if report.samples >= 160:
            raise KeyboardInterrupt  # no last snapshot is taken then: as after a kill

    watched = {"watch": stop} if snapshot else {"stop": lambda: sum(map(len, first.scores)) >= 150}
    with suppress(KeyboardInterrupt):
        ns.run(
            learner, stream, state=state, chunk=chunk, listener=first, companions=[first.novelty],
            snapshot_samples=snapshot, snapshot_seconds=0, **watched,
        )  # fmt: skip
    learner = ns.Chip.load(state)
    second = Keeping(ns.Novelty(learner, measures, recent=100))
    position = restore(state, stream, [second.novelty])
    assert position == (120 if snapshot else 160 if chunk == 16 else 150)
    ns.run(learner, stream, start=position, chunk=chunk, listener=second)
    expected, there = np.concatenate(whole.scores), np.concatenate(second.scores)
    assert np.array_equal(there, expected[position:], equal_nan=True)
    assert second.novelty.threshold == whole.novelty.threshold


def test_scoring_alone_changes_nothing():
    learner = chip()
    novelty = ns.Novelty(learner)
    for sample in SAMPLES[:100]:
        novelty.learn_one(learner.learn_one(sample))
    kept, response = novelty.arrays(100), learner.respond_one(SAMPLES[0] + 5)
    score = novelty.score_one(response)
    assert score == novelty.score_one(response)
    assert all(np.array_equal(array, kept[name]) for name, array in novelty.arrays(100).items())
    assert score == novelty.learn_one(response).novelty


def test_a_strange_sample_is_novel():
    usual = np.abs(RNG.normal([5, 5, 0, 0, 0, 0, 0, 0], 0.3, (600, INPUTS))).astype(np.float32)
    learner = chip()
    novelty = ns.Novelty(learner)
    flags = [novelty.learn_one(learner.learn_one(sample)).is_novel for sample in usual]
    assert sum(flags[300:]) <= 12
    assert novelty.learn_one(learner.learn_one(np.eye(INPUTS, dtype=np.float32)[7])).is_novel


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"measures": "surprise"}, "measures must be one of shortfall, entropy, step, got 'surprise'"),
        ({"measures": ()}, "measures must be of shortfall, entropy, step, each once"),
        ({"measures": ("step", "step")}, "each once"),
        ({"quantile": 1.0}, "quantile must be from 0.5 to below 1, got 1.0"),
        ({"quantile": 0.2}, "quantile must be from 0.5"),
        ({"quantile": math.nan}, "quantile must be from 0.5"),
        ({"horizon": 1}, "horizon must be a whole number of at least 2"),
        ({"prior": -1.0}, "prior must be at least 0"),
        ({"prior": math.inf}, "prior must be at least 0 and finite"),
        ({"settling": -1}, "settling must be"),
        ({"recent": 99}, "recent must be a whole number of at least 100, got 99"),
    ],
)
def test_constants_out_of_range_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        ns.Novelty(chip(), **arguments)


def test_layers_without_what_a_measure_takes_are_refused():
    with pytest.raises(ConfigError, match="instruments must be True for the measure 'step'"):
        ns.Novelty(chip(instruments=False), "step")
    images = ns.Chip(
        [ns.ConvWTA(3, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.Oja(rate=0.01))], inputs=(1, 5, 5)
    )
    with pytest.raises(ConfigError, match="novelty must be of a chip whose last layer is dense"):
        ns.Novelty(images)


def test_the_step_of_several_samples_at_once_is_refused():
    learner = chip()
    with pytest.raises(ConfigError, match="chunk must be 1 with the measure 'step', got 16"):
        ns.run(learner, ns.streams.ArrayStream(SAMPLES[:32]), chunk=16, listener=Keeping(ns.Novelty(learner, "step")))


def test_what_is_no_response_to_one_sample_is_refused():
    learner = chip()
    narrow = ns.Chip([ns.recipes.softhebb(2)], inputs=3)
    for response in (learner.respond(SAMPLES[:3]), 0.5, narrow.learn_one([1, 2, 3])):
        with pytest.raises(SampleError, match="response must be that of this chip, of 5 neurons, to one sample"):
            ns.Novelty(learner).learn_one(response)


def test_arrays_of_another_novelty_are_refused(tmp_path):
    learner, state = chip(), tmp_path / "chip.h5"
    novelty = ns.Novelty(learner)
    learner.save(state, beside={"novelty": novelty.arrays(0)})
    stream = ns.streams.ArrayStream(SAMPLES)
    with pytest.raises(StateError, match="novelty must go on with the constants"):
        restore(state, stream, [ns.Novelty(learner, quantile=0.9)])
    with pytest.raises(StateError, match="as many recent scores"):
        restore(state, stream, [ns.Novelty(learner, recent=200)])
    for name, value in (("scored", -1), ("wins", -1), ("distributions", np.nan), ("recent", np.inf)):
        damaged = novelty.arrays(0)
        damaged[name].flat[0] = value
        with pytest.raises(ValueError, match="novelty must have counts"):
            novelty.restore(damaged)
    del damaged["wins"]
    with pytest.raises(ValueError, match="as many neurons"):
        novelty.restore(damaged)


def test_many_scores_in_any_order_are_kept_in_order():
    learner = chip()
    novelty, scores = ns.Novelty(learner, quantile=0.5, recent=20), []
    potentials = RNG.normal(size=(300, NEURONS)).astype(np.float32)
    for u in potentials:
        row = Results(u[None], u[None], np.array([int(u.argmax())]), u[None])
        novelty.take(Batch(0, row, None, u[None], np.zeros(1, np.int64)))
        if len(scores) >= 2:
            latest = scores[-20:]
            assert novelty.thresholds[0] == sorted(latest)[math.ceil(len(latest) / 2) - 1]
        scores.append(novelty.scores[0])


def told_potentials(novelty, potentials):
    """Let a measure learn rows of potentials, each won by the largest; return the scores."""
    scores = []
    for u in np.asarray(potentials, np.float32):
        row = Results(u[None], u[None], np.array([int(u.argmax())]), u[None])
        novelty.take(Batch(0, row, None, u[None], np.zeros(1)))
        scores.append(novelty.scores[0])
    return np.array(scores)


def test_a_strange_sample_that_a_long_first_weight_wins_is_not_hidden():
    usual = np.zeros((300, NEURONS))
    usual[np.arange(300), np.arange(300) % 4] = 1 + RNG.normal(0, 0.05, 300)
    novelty, strange = ns.Novelty(chip()), [0.2, 0.1, 0.1, 0.1, 5.0]  # the last neuron has not won yet, and is long
    told_potentials(novelty, usual)
    scores = told_potentials(novelty, [strange] * 5)  # nor has it settled the next times
    assert (scores > 10).all()
    alike = ns.Novelty(chip())
    told_potentials(alike, usual)
    assert scores[0] == told_potentials(alike, [[0.2, 0.1, 0.1, 0.1, 0.0]])[0]


def test_the_first_samples_of_a_measure_are_usual_and_a_chip_that_does_not_learn_is_judged_alike():
    learner = chip()
    for sample in SAMPLES[:200]:
        learner.learn_one(sample)
    novelty = ns.Novelty(learner)
    responses = [learner.respond_one(sample) for sample in SAMPLES[200:]]
    scores = np.array([novelty.learn_one(response).novelty for response in responses])
    told = [(r.potentials, np.ones(NEURONS), r.winner, 1.0) for r in responses]
    assert scores == pytest.approx(replay(told, ("shortfall",))[0], rel=1e-6, abs=1e-9, nan_ok=True)
    assert (scores[:6] == 0).all()


def test_recent_scores_are_a_thousand_or_as_many_as_the_quantile_needs():
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=4)
    assert ns.Novelty(chip).recent == ns.Novelty(chip, quantile=0.999).recent == 1000
    assert ns.Novelty(chip, quantile=0.9995).recent == 2000
    with pytest.raises(ConfigError, match="recent must be a whole number of at least 2000, got 1000"):
        ns.Novelty(chip, quantile=0.9995, recent=1000)


def test_a_frozen_chip_takes_no_step():
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=4)
    novelty, stream = ns.Novelty(chip, ("shortfall", "step")), ArrayStream(np.ones((3, 4), np.float32))
    why = "listener must be one that hears of a chip that only responds, got 'Novelty'"
    with pytest.raises(ConfigError, match=why):
        next(ns.watch(chip, stream, novelty=novelty, learn=False))
    with pytest.raises(ConfigError, match=why):
        ns.run(chip, stream, listener=novelty, learning=False, chunk=1)
    ns.run(chip, stream, listener=ns.Novelty(chip), learning=False)
