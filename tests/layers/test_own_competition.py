"""A competition of the user's own: the bits of the built-in that it repeats, files and processes, and plain words."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
import reference
from numba import njit
from on_chip import OnChip
from threadpoolctl import threadpool_limits

import neurosim as ns
from neurosim.engine.conv import executor


@ns.competition
def own_hard(drive, responses):
    responses[np.argmax(drive)] = 1.0


@ns.competition
def own_runner_up(drive, responses, *, opposition=0.4):
    """Respond with the second largest drive, and against the first; the second is the winner."""
    first, second = 0, 1
    if drive[second] > drive[first]:
        first, second = second, first
    for k in range(2, drive.size):
        if drive[k] > drive[first]:
            first, second = k, first
        elif drive[k] > drive[second]:
            second = k
    responses[second], responses[first] = 1.0, -opposition
    return second


@ns.competition
def own_linear(drive, responses, *, threshold=0.1, power=1.0):
    """Respond with what exceeds a threshold, to a power."""
    for k in range(drive.size):
        responses[k] = max(drive[k] - threshold, 0.0) ** power


@ns.competition
def own_soft(drive, responses, *, sharpness=1.0, signed=0.0):
    """Respond with the shares of a softmax; if signed, the losers with the opposite sign."""
    winner, total = np.argmax(drive), 0.0
    for k in range(drive.size):
        responses[k] = math.exp(sharpness * (drive[k] - drive[winner]))
        total += responses[k]
    for k in range(drive.size):
        responses[k] /= total if signed == 0.0 or k == winner else -total


@ns.rule
def own_instar(response, rate=0.1):
    return 1 - rate * response, rate * response


@ns.competition
def own_free(drive, responses):
    for k in range(drive.size):
        responses[k] = drive[k]


def dense(competition, neurons=13, **constants):
    chosen = {"normalise": "sample", "radius": 2.0, "cutoff": 0.0, "rule": ns.SoftHebb(rate=0.1)} | constants
    return ns.DenseWTA(neurons, competition=competition, **chosen)


def images(competition, **constants):
    return ns.ConvWTA(9, kernel=3, competition=competition, rule=ns.SoftHebb(rate=0.1), **constants)


MADE = {  # layers, and the shape of their inputs
    "dense": (lambda competition: [dense(competition)], 64),
    "biased": (lambda competition: [dense(competition, bias=ns.Conscience(rate=0.1), activation=ns.ReLU())], 64),
    "window": (lambda competition: [dense(competition, window=3)], 64),
    "images": (lambda competition: [images(competition)], (1, 8, 8)),
    "window of images": (lambda competition: [images(competition, window=2, activation=ns.ReLU())], (1, 8, 8)),
    "two": (lambda competition: [images(competition), dense(competition, activation=ns.ReLU())], (1, 8, 8)),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(
    ("own", "built_in"), [(own_hard(), ns.HardWTA()), (own_free(), ns.NoInhibition())], ids=["hard", "free"]
)
def test_the_same_competition_gives_the_same_bits(name, own, built_in, samples):
    layers, inputs = MADE[name]
    if isinstance(built_in, ns.NoInhibition) and name not in ("dense", "biased", "window"):
        pytest.skip("no ConvWTA has it")
    chips = [ns.Chip(layers(one), inputs=inputs, seed=2).learn(samples[:40]) for one in (own, built_in)]
    assert chips[0].state_sha256 == chips[1].state_sha256
    for one, other in zip(*(chip.respond(samples[40:50]) for chip in chips), strict=True):
        np.testing.assert_array_equal(one, other)


BY_WINDOW = {"normalise": "window", "window": 5, "answers": "window", "momentum": 0.2, "step": "largest"}
TWINS = {  # constants of a first layer of 37 neurons: enough for two threads
    "plain": {},
    "conscience": {"bias": ns.Conscience(rate=0.1)},
    "mean activity": {"bias": ns.MeanActivity(rate=0.1), "window": 2, "activation": ns.Triangle(power=0.7)},
    "thresholds": {"bias": ns.AdaptiveThreshold(step=0.1, leak=0.01), "cutoff": 0.05, "renormalise": True},
    "triangle before": {"pre_triangle": True, "step": "largest", "transmit": ns.Triangle(power=0.7)},
    "window": BY_WINDOW,
    "all": BY_WINDOW | {"pre_triangle": True, "bias": ns.MeanActivity(rate=0.1), "renormalise": True},
}


def twin_chip(competition, pool, constants):
    """Return a chip whose first layer has a competition; what the second learns tells what the first sends."""
    rule = ns.SoftHebb(rate=ns.ConstantRate(0.1))
    first = ns.ConvWTA(37, kernel=3, padding=1, competition=competition, rule=rule, pool=pool, **constants)
    return ns.Chip([first, ns.ConvWTA(5, kernel=2, competition=ns.HardWTA(), rule=rule)], inputs=(1, 8, 8), seed=2)


@pytest.mark.parametrize("constants", TWINS.values(), ids=TWINS)
@pytest.mark.parametrize("threads", [1, 2])
def test_at_every_position_one_s_own_is_the_built_in(constants, threads, samples, monkeypatch):
    monkeypatch.setattr(executor, "WORTH_A_TEAM", 0)
    pool = ns.MeanPool(size=2, stride=2) if threads == 1 else ns.MaxPool(size=2, stride=2)
    X = samples[:40].reshape(-1, 1, 8, 8)
    with threadpool_limits(threads, user_api="blas"):
        own, built_in = (twin_chip(one, pool, constants).learn(X) for one in (own_hard(), ns.HardWTA()))
        assert own.state_sha256 == built_in.state_sha256
        for one, other in zip(own.respond(X), built_in.respond(X), strict=True):
            np.testing.assert_array_equal(one, other)
        soft = own_soft(sharpness=2.0, signed=1.0), ns.SoftWTA(temperature=0.5, signed=True)
        own, built_in = (twin_chip(one, pool, constants).learn(X[:10]).layers[0] for one in soft)
    assert (own.wins == built_in.wins).all()
    np.testing.assert_allclose(own.weights, built_in.weights, rtol=1e-4, atol=1e-5 * np.abs(built_in.weights).max())


class Reference(reference.Layer):
    """The dense layer of the definitions, with what `own_runner_up` and `own_linear` say, once more in NumPy."""

    def __init__(self, W, respond, **constants):
        super().__init__(W, kind="hard", **constants)
        self.respond_by = respond

    def sense(self, x, learning=False, label=None, modulator=1.0):
        sample = super().sense(x, learning, label, modulator)
        y, winner = self.respond_by(sample.v + self.biases(learning))
        return sample._replace(y=y, winner=winner)


def by_runner_up(d):
    first, second = reference.descending(d)[:2]
    y = np.zeros_like(d)
    y[second], y[first] = 1.0, -0.3
    return y, second


def by_threshold(d):
    return np.maximum(d - 0.2, 0) ** 1.5, int(np.argmax(d))


class OwnOnChip(OnChip):
    """A chip with a competition of one's own behind the attributes of the reference."""

    def __init__(self, W, competition, **constants):
        layer = ns.DenseWTA(len(W), competition=competition, rule=ns.SoftHebb(rate=0.1), initial="normal", **constants)
        self.chip = ns.Chip([layer], inputs=W.shape[1])
        self.layer = self.chip.layers[0]
        self.start(np.asarray(W, np.float64), 2.0)


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize(("own", "respond"), [
    (own_runner_up(opposition=0.3), by_runner_up), (own_linear(threshold=0.2, power=1.5), by_threshold),
], ids=["runner-up", "linear"])  # fmt: skip
def test_learning_follows_the_definition(own, respond, window):
    rng = np.random.default_rng(3)
    W, X = rng.normal(size=(7, 10)), rng.random((60, 10)) * (rng.random((60, 10)) < 0.5)
    constants = {"cutoff": 0.0, "window": window, "normalise": "sample"}
    ours, theirs = OwnOnChip(W, own, **constants), Reference(W, respond, rate=0.1, **constants)
    for x in X:
        for got, expected in zip(ours.learn(x), theirs.learn(x), strict=True):
            np.testing.assert_allclose(got, expected, atol=2e-5)
    np.testing.assert_allclose(ours.W, theirs.W, rtol=2e-6, atol=2e-5)
    assert (ours.wins == theirs.wins).all()


@pytest.mark.parametrize("name", MADE)
def test_chunks_and_threads_change_no_bit(name, samples):
    layers, inputs = MADE[name]
    hashes = set()
    for chunk, threads in ((1, 1), (7, 1), (7, 2), (50, 2)):
        chip = ns.Chip(layers(own_linear), inputs=inputs).learn(samples[:50], chunk=chunk, threads=threads)
        hashes.add(chip.state_sha256)
    assert len(hashes) == 1


def test_a_competition_is_saved_copied_pickled_and_changed(samples, tmp_path):
    chip = ns.Chip([dense(own_linear(threshold=0.2))], inputs=64).learn(samples[:50])
    chip.save(tmp_path / "chip.h5")
    loaded = ns.Chip.load(tmp_path / "chip.h5", rules=[own_hard, own_linear])
    assert loaded.layers[0].constants == chip.layers[0].constants
    for other in (loaded, copy.deepcopy(chip), pickle.loads(pickle.dumps(chip))):
        assert other.state_sha256 == chip.state_sha256
        response = other.learn_one(samples[50])
        assert response.responses.max() > 0
    changed = chip.with_constants(threshold=0.3)
    assert dict(changed.layers[0].constants.competition.constants) == {"threshold": 0.3, "power": 1.0}
    assert chip.with_constants(competition=own_hard).layers[0].constants.competition == own_hard()
    with pytest.raises(ns.ConfigError, match="of competition own_linear must be a number"):
        chip.with_constants(threshold="low")


def test_a_chip_is_loaded_with_the_competition_that_it_was_saved_with(samples, tmp_path):
    ns.Chip([dense(own_linear)], inputs=64).save(tmp_path / "chip.h5")

    @ns.rule
    def own_hard(response, rate=0.1):
        return 1, rate * response

    for rules, words in (
        ([], "given with 'own_linear' among them, a competition of the user's own, got 'none'"),
        ([own_hard], "got 'own_hard'"),
        ([other_linear()], "competition own_linear must be the one that was saved"),
    ):
        with pytest.raises(ns.StateError, match=re.escape(words)):
            ns.Chip.load(tmp_path / "chip.h5", rules=rules)
    with pytest.raises(ns.ConfigError, match=r"neurosim\.rule or neurosim\.competition decorated"):
        ns.Chip.load(tmp_path / "chip.h5", rules=[len])


def other_linear():
    """Return another competition of the same name."""

    def own_linear(drive, responses, *, threshold=0.1, power=1.0):
        responses[0] = threshold

    return ns.competition(own_linear)


def beyond(drive, responses):
    for k in range(drive.size + 1):
        responses[k] = 1.0


def text(drive, responses):
    return "the first"


def part(drive, responses):
    return 0.5


def allocating(drive, responses):
    responses[0] = np.zeros(3)[0]


@njit
def zeros(drive):
    return np.zeros(drive.size)


def allocating_elsewhere(drive, responses):
    responses[0] = zeros(drive)[0]


def shifting(drive, responses):
    responses[1:] = drive[:-1]


def writing_drives(drive, responses):
    drive[0] = 1.0


def of_others(potentials, responses):
    pass


def without_responses(drive):
    pass


def too_many(drive, responses, a, b, c, d, e, f, g, h, i):
    pass


def infinite(drive, responses):
    responses[2] = np.log(drive[2] - drive[2])


def drawing(drive, responses):
    responses[0] = np.random.random()  # noqa: NPY002


def raising(drive, responses):
    if drive[0] > 1:
        raise ValueError


def nobody(drive, responses):
    return drive.size


def misspelt(drive, responses):
    responses[0] = drove[0]  # noqa: F821


def sorting_out(drive, responses):
    responses[0] = 1.0
    if drive[0] > 0:
        return 1
    return None


def idle(drive, responses, *, threshold=0.5):
    """Use drives alone."""
    total = 0.0
    for k in range(drive.size):
        total += drive[k] - threshold


def any_number(drive, responses, **constants):
    pass


REFUSED = [
    (beyond, "must be a function that stays within its 5 neurons, got 'IndexError: index is out of bounds'"),
    (text, "what competition text returns must be nothing, or the winner as a whole number"),
    (text, """: return "the first"'; Numba calls it Literal[str](the first)"""),
    (part, "what competition part returns must be nothing, or the winner as a whole number"),
    (part, ": return 0.5'; Numba calls it float32"),
    (sorting_out, ": return 1'; Numba calls it OptionalType(int64)"),
    (idle, "competition idle must be a function that writes responses, got 'one that does not use them'"),
    (allocating, "write a loop over range(drive.size)"),
    (allocating_elsewhere, "write a loop over range(drive.size)"),
    (shifting, "responses[1:] = drive[:-1]'; it cannot allocate an array, nor copy a slice"),
    (writing_drives, "drive is there to read: write responses"),
    (of_others, "must be a function of drive, responses and constants, in this order"),
    (without_responses, "must be a function of drive, responses and constants, in this order"),
    (too_many, "constants of competition too_many must be at most 8"),
    (infinite, "got '-inf for neuron 2 of 5'"),
    (drawing, "competition drawing must be a function of its arguments alone"),
    (raising, "competition raising must be without raise and assert"),
    (nobody, "winner of competition nobody must be a neuron, from 0 to 4, got 5"),
    (misspelt, "responses[0] = drove[0]"),
    (any_number, "without * and **"),
    (None, "competition must be a plain Python function with a name, got None"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_no_competition_is_is_said_in_words(function, words):
    with pytest.raises(ns.ConfigError) as caught:
        dense(ns.competition(function), neurons=5)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_constants_are_named_with_those_known():
    with pytest.raises(ns.ConfigError, match="constants of competition own_linear must be among threshold, power"):
        own_linear(threshhold=1)
    with pytest.raises(ns.ConfigError, match="threshold of competition own_linear must be a number"):
        own_linear(threshold=float("nan"))
    with pytest.raises(ns.ConfigError, match=r"given by name, got 0\.3; .*own_linear\(NAME=VALUE\); it has threshold"):
        own_linear(0.3)
    with pytest.raises(
        ns.ConfigError, match=r"constants of rule own_instar must be given by name, got 0\.3; .* it has rate"
    ):
        own_instar(0.3)


@pytest.mark.parametrize("name", ["dense", "biased", "images"])
def test_a_response_that_is_not_finite_ends_the_run_at_its_neuron(name, samples):
    def breaking(drive, responses):
        for k in range(drive.size):
            responses[k] = 0.125
        if drive[3] > 1.5:  # not on the drives that it is tried on
            responses[3] = np.inf

    layers, inputs = MADE[name]
    chip = ns.Chip(layers(ns.competition(breaking)), inputs=inputs, seed=1)
    large = 100 * samples if name == "images" else samples
    chip.layers[0].state.scales[3] = 1e4
    size = chip.layers[0].constants.neurons
    words = rf"competition breaking must .* wrote a response that is not finite, for neuron 3 of {size}; mend it"
    with pytest.raises(ns.DivergedError, match=rf"layer 1, sample \d+: {words}"):
        chip.learn(large[:50])


def test_a_winner_that_is_no_neuron_ends_the_run(samples):
    def losing(drive, responses):
        responses[0] = 1.0
        return int(drive[0] > 1.5) * 99

    chip = ns.Chip([dense(ns.competition(losing))], inputs=64)
    chip.learn(samples[:3])
    chip.layers[0].state.scales[0] = 1e4
    words = "layer 1, sample 0: competition losing must .* returned a winner that is none of the 13 neurons; mend it"
    with pytest.raises(ns.DivergedError, match=words):
        chip.learn(samples[3:6])
    with pytest.raises(ns.DivergedError, match="competition losing must"):
        chip.learn_one(samples[3])


@pytest.mark.parametrize("neuron", [0, 12])
def test_a_neuron_that_diverges_is_not_the_competition_s_fault(samples, neuron):
    chip = ns.Chip([dense(own_linear)], inputs=64)
    chip.layers[0].state.scales[neuron] = np.inf
    with pytest.raises(ns.DivergedError, match=f"layer 1, neuron {neuron}: weights and potentials must stay finite"):
        chip.learn(samples[:3])


@ns.competition
def own_margin(drive, responses, *, margin=0.1):
    floor = drive.max() - margin
    for k in range(drive.size):
        responses[k] = max(drive[k] - floor, 0.0) / margin


def judged(chip, train, test):
    result = ns.judge(chip, train, test)
    return result.winner_accuracy, result.readout_accuracy


def test_the_examples_of_the_page_learn():
    train, test = ns.open_stream("digits:train"), ns.open_stream("digits:test")
    layer = dense(own_margin(margin=0.05), 200, radius=5.0, cap=0.25, cutoff=0.01, rule=ns.SoftHebb(rate=1.5))
    before, after = (
        judged(chip, train, test) for chip in (ns.Chip([layer], inputs=64), ns.Chip([layer], inputs=64).learn(train))
    )
    assert after[0] > before[0] + 0.5
    assert after[1] >= before[1]
    chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64)
    before = judged(chip, train, test)
    for x, _ in train:
        ranks = chip.respond_one(x).potentials.argsort().argsort() / 99
        chip.learn_one(x, responses=ranks**50)
    after = judged(chip, train, test)
    assert after[0] > before[0] + 0.5
    assert after[1] > before[1]


@pytest.mark.parametrize(("name", "base", "advice"), [
    ("competition", ns.HardWTA, r"a function that neurosim\.competition decorates"),
    ("rule", ns.Hebb, r"a function that neurosim\.rule decorates"),
    ("bias", ns.Conscience, "unknown to compiled code"), ("activation", ns.ReLU, "unknown to compiled code"),
    ("transmit", ns.ReLU, "unknown to compiled code"),
])  # fmt: skip
def test_a_subclass_is_refused_in_words(name, base, advice):
    before = dict(base.members)
    mine = type("Mine", (base,), {})(**{"rate": 0.1} if base in (ns.Hebb, ns.Conscience) else {})
    assert base.members == before
    with pytest.raises(ns.ConfigError, match=f"{name} must be .*{advice}"):
        dense(**{"competition": ns.HardWTA(), name: mine})


def test_a_subclass_of_a_schedule_is_refused_in_words():
    mine = type("Mine", (ns.ConstantRate,), {})(0.1)
    with pytest.raises(ns.ConfigError, match="schedules are ConstantRate, LinearRate"):
        ns.SoftHebb(rate=mine)
