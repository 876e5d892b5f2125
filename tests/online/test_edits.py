"""Constants changed amid a run at their samples: the bits of stopping there, changing them and going on."""

import copy
import io

import numpy as np
import pytest
from controls import Scripted

import neurosim as ns
from neurosim.online.control import Edit
from neurosim.state import store
from neurosim.streams import ArrayStream, Block
from neurosim.streams.lines import LineStream

SOFT = ns.SoftWTA(temperature=1.0)


def deep():
    return [ns.recipes.softhebb(40), ns.recipes.softhebb(20), ns.recipes.softhebb(10)]


def windows():
    return [ns.recipes.softhebb(20, normalise="stream", window=4), ns.recipes.softhebb(9, window=3)]


def few_bits():
    return [ns.recipes.softhebb(20, weight_bits=4, rounding="stochastic"), ns.recipes.softhebb(5)]


def wide():
    return [ns.recipes.softhebb(8192)]  # whose loop looks ahead, and whose sums two threads share


def fair():
    return [ns.DenseWTA(12, competition=SOFT, rule=ns.SoftHebb(rate=0.1), bias=ns.Conscience())]


def images():
    conv = ns.ConvWTA(4, kernel=3, competition=SOFT, rule=ns.SoftHebb(rate=0.1), pool=ns.MaxPool(size=2, stride=2),
                      transmit=ns.Triangle(power=0.7))  # fmt: skip
    return [conv, ns.recipes.softhebb(6)]


# Changes by the samples before them: a layer's index or None for all, and new constants. In a window, at its beginning,
# twice at the same sample, before the first sample, after the last, and back to what was.
CHANGES = {
    deep: {50: [(None, {"rate": 0.3}), (1, {"competition": ns.HardWTA()})], 133: [(None, {"cutoff": 1e-4})],
           134: [(2, {"gain": 20.0})], 300: [(0, {"rate": 0.01})]},
    windows: {7: [(None, {"rate": 0.3})], 24: [(0, {"window": 6}), (1, {"window": 1})], 50: [(0, {"temperature": 0.1})],
              132: [(0, {"window": 2})]},
    few_bits: {11: [(None, {"rate": 0.2})], 100: [(0, {"cap": 0.2}), (0, {"temperature": 0.05})]},
    wide: {100: [(None, {"rate": 0.3})], 101: [(None, {"temperature": 0.05})], 260: [(None, {"cap": 0.125})]},
    fair: {1: [(None, {"strength": 2.0})], 90: [(None, {"rate": ns.LinearRate(0.2, 250.0)})],
           91: [(None, {"competition": ns.SoftWTA(temperature=0.5, signed=True)})]},
    images: {33: [(0, {"rate": 0.01, "temperature": 0.5})], 64: [(1, {"rate": 0.2})], 65: [(0, {"rate": 0.1})]},
}  # fmt: skip
SHAPES = {images: (1, 8, 8)}


def new(layers, **options):
    return ns.Chip(layers(), inputs=SHAPES.get(layers, 64), seed=3, **options)


@pytest.fixture(scope="session")  # workers take turns at modules
def stopped(samples):
    """Return chips that learned from 300 samples, stopped for their changes."""

    def learned(layers):
        chip, before = new(layers), 0
        for sample, changes in CHANGES[layers].items():
            chip.learn(samples[before:sample])
            for index, constants in changes:
                chip = chip.with_constants(layer=index, **constants)
            before = sample
        return chip.learn(samples[before:]) if before < len(samples) else chip

    return {layers: learned(layers) for layers in CHANGES}


@pytest.fixture
def state(tmp_path):
    return tmp_path / "chip.h5"


def check_same(chip, other):
    assert chip.state_sha256 == other.state_sha256
    assert chip.changes == other.changes
    assert [layer.constants for layer in chip.layers] == [layer.constants for layer in other.layers]


@pytest.mark.parametrize("layers", CHANGES)
@pytest.mark.parametrize("chunk", [1, 7, 256, "auto"])
@pytest.mark.parametrize("threads", [1, 2])
def test_edits_are_stopping_changing_and_going_on(stopped, samples, layers, chunk, threads):
    other, chip = stopped[layers], new(layers)
    at_work = chip.layers
    report = ns.run(chip, ArrayStream(samples), edits=other.changes, chunk=chunk, threads=threads)
    check_same(chip, other)
    assert chip.layers is at_work  # changed in place
    assert (report.samples, report.edits_left) == (300, 0)
    assert chip.learn(samples[::-1]).state_sha256 == copy.deepcopy(other).learn(samples[::-1]).state_sha256


def pipe_of(samples):
    text = b"".join(",".join(map(repr, sample.tolist())).encode() + b"\n" for sample in samples)
    return LineStream("-", lambda: io.BytesIO(text), inputs=64, replayable=False)


@pytest.mark.parametrize("layers", [deep, windows])
@pytest.mark.parametrize("source", [iter, pipe_of])
def test_pipes_and_generators_are_edited_at_the_same_samples(stopped, samples, layers, source):
    chip = new(layers)
    ns.run(chip, source(samples), edits=stopped[layers].changes)
    check_same(chip, stopped[layers])


@pytest.mark.parametrize("chunk", [1, 7, 256])
@pytest.mark.parametrize("threads", [1, 2])
def test_samples_that_are_passed_over_do_not_count(stopped, samples, chunk, threads):
    bad = np.insert(samples, [0, 49, 50, 51, 133, 300], np.nan, 0)
    stream = ArrayStream(samples)
    stream.blocks = lambda start=0, size=256: (Block(bad[i : i + size], None) for i in range(start, len(bad), size))
    stream.length = len(bad)
    chip = new(deep)
    report = ns.run(chip, stream, edits=stopped[deep].changes, chunk=chunk, threads=threads, skip_bad=True)
    check_same(chip, stopped[deep])
    assert (report.samples, report.refused, report.stream_position) == (300, 6, 306)


@pytest.mark.parametrize("layers", [deep, windows, images])
@pytest.mark.parametrize("chunk", [1, 10])
def test_stopped_anywhere_and_resumed_with_the_same_edits_the_bits_are_the_same(stopped, samples, state, layers, chunk):
    edits, chip, position = stopped[layers].changes, new(layers), 0
    for until in (1, 24, 50, 50, 133, 133, 134, 299, 301):  # at edits, and between them
        reached = lambda chip=chip, until=until: chip.samples >= until  # noqa: E731
        report = ns.run(
            chip, ArrayStream(samples), state=state, start=position, edits=edits, chunk=chunk, snapshot_seconds=0,
            stop=reached,
        )  # fmt: skip
        chip, position = ns.Chip.load(state), report.stream_position
    assert not report.interrupted
    check_same(chip, stopped[layers])


@pytest.mark.slow
@pytest.mark.parametrize("layers", [deep, windows, images])
def test_snapshots_that_the_other_process_writes_have_the_new_constants(stopped, samples, state, layers):
    edits = stopped[layers].changes
    seen = []

    def watch(report):
        if state.exists():
            seen.append(ns.Chip.load(state))

    chip = new(layers)
    ns.run(chip, ArrayStream(samples), state=state, edits=edits, snapshot_samples=10, chunk=10, watch=watch)
    check_same(ns.Chip.load(state), stopped[layers])
    assert len({len(chip.changes) for chip in seen}) > 2
    for snapshot in seen:
        again = new(layers)
        ns.run(again, ArrayStream(samples[: snapshot.samples]), edits=edits)
        assert again.state_sha256 == snapshot.state_sha256
        made = [edit for edit in edits if edit["sample"] < snapshot.samples]
        assert list(snapshot.changes[: len(made)]) == made


def test_an_edit_after_the_last_snapshot_is_kept(stopped, samples, state):
    edits = [*stopped[deep].changes][:-1] + [{"sample": 300, "layer": 0, "name": "cap", "old": 0.25, "new": 0.125}]
    edits = [edit for edit in edits if edit["sample"] < 300] + edits[-1:]
    ns.run(new(deep), ArrayStream(samples), state=state, edits=edits, snapshot_samples=100, chunk=100)
    assert ns.Chip.load(state).changes == tuple(edits)
    assert ns.Chip.load(f"{state}.previous").changes == tuple(edits[:-1])


def test_a_longer_window_gets_a_process_with_more_memory(samples, state):
    chip = ns.Chip([ns.recipes.softhebb(9, window=1)], inputs=64)
    edits = [{"sample": 100, "layer": 0, "name": "window", "old": 1, "new": 64}]
    report = ns.run(chip, ArrayStream(samples[:150]), state=state, edits=edits, snapshot_samples=50, chunk=50)
    assert report.snapshots == 3  # the last is of 50 samples that wait for the end of the window
    saved = ns.Chip.load(state)
    assert (saved.samples, len(saved.layers[0].arrays()["pending_modulators"])) == (150, 50)
    other = ns.Chip([ns.recipes.softhebb(9)], inputs=64).learn(samples[:100]).with_constants(window=64)
    assert saved.learn(samples[150:]).state_sha256 == other.learn(samples[100:]).state_sha256


def test_edits_beyond_the_end_are_counted(stopped, samples):
    report = ns.run(new(deep), ArrayStream(samples[:134]), edits=stopped[deep].changes)
    assert report.edits_left == 1  # that of sample 300; the one of 134 was made at the end
    assert report.summary(new(deep))["edits_left"] == 1


def test_a_window_s_length_is_not_edited_within_a_window(samples, state):
    edits = [
        {"sample": 20, "layer": 0, "name": "rule.rate", "old": 1.5, "new": 0.5},
        {"sample": 50, "layer": 0, "name": "window", "old": 4, "new": 2},
    ]
    chip = ns.Chip([ns.recipes.softhebb(9, window=4)], inputs=64)
    with pytest.raises(ns.ConfigError, match="edits, sample 50: window of layer 1 must be kept within a window") as why:
        ns.run(chip, ArrayStream(samples), edits=edits, state=state)
    assert "up to sample 50" in why.value.__notes__[-1]
    assert chip.changes == ns.Chip.load(state).changes == tuple(edits[:1])
    assert chip.samples == store.read(state).position == 50
    expected = ns.Chip([ns.recipes.softhebb(9, window=4)], inputs=64).learn(samples[:20]).with_constants(rate=0.5)
    assert chip.state_sha256 == expected.learn(samples[20:50]).state_sha256
    assert chip.learn(samples[50:]).state_sha256 == expected.learn(samples[50:]).state_sha256


RATE = {"sample": 50, "layer": 0, "name": "rule.rate", "old": 1.5, "new": 0.5}


@pytest.mark.parametrize(("edits", "words"), [
    (5, "edits must be a sequence of changes by sample, layer, name, old, new"), ("rate", "a sequence of changes"),
    (RATE, "a sequence of changes"), ([5], "edits must be changes by sample"), ([{"sample": 3}], "changes by sample"),
    ([RATE | {"sample": 50.5}], "changes by sample"), ([RATE | {"more": 1}], "changes by sample"),
    ([RATE | {"layer": 3}], "of layers from 0 to 2"), ([RATE | {"layer": -1}], "of layers from 0 to 2"),
    ([RATE | {"sample": -1}], "in the order of their samples, from 0"),
    ([RATE, RATE | {"sample": 49}], "in the order of their samples.*got 49; after 50"),
    ([RATE | {"old": 1.0}], "sample 50: old of rule.rate of layer 1 must be what the chip then has, 1.5, got 1.0"),
    ([RATE, RATE | {"sample": 60}], "sample 60: old of rule.rate of layer 1 must be what the chip then has, 0.5"),
    ([RATE | {"name": "speed"}], "sample 50: constants of DenseWTA must be among"),
    ([RATE | {"name": "neurons", "old": 40, "new": 3}], "sample 50: neurons must be left as it is"),
    ([RATE | {"new": -1.0}], "sample 50: rate must be at least 0"),
    ([RATE | {"new": {"kind": "Nothing"}}], "sample 50: kind must be one of"),
    ([RATE | {"sample": 9}], "made already if they are of sample 19 or before.*learned from 20 samples without it"),
    ([RATE | {"new": 1 / (1 + n), "old": 1.5 if n == 0 else 1 / n} for n in range(1001)], "as many as a state file"),
])  # fmt: skip
def test_edits_that_do_not_fit_are_refused_before_a_sample_is_taken(samples, state, edits, words):
    chip = new(deep).learn(samples[:20])
    before = chip.state_sha256
    with pytest.raises(ns.ConfigError, match=words) as said:
        ns.run(chip, ArrayStream(samples), start=20, edits=edits, state=state)
    assert "\n" not in str(said.value)
    assert (chip.state_sha256, chip.changes, state.exists()) == (before, (), False)


def test_an_edit_that_would_be_refused_by_the_next_layer_changes_nothing(samples):
    first = ns.DenseWTA(6, competition=SOFT, rule=ns.SoftHebb(rate=0.1), initial="normal", transmit=ns.ReLU())
    layers = [first, ns.recipes.softhebb(3)]
    chip = ns.Chip(layers, inputs=64)
    edit = {"sample": 9, "layer": 0, "name": "transmit", "old": {"kind": "ReLU"}, "new": {"kind": "Identity"}}
    with pytest.raises(ns.ConfigError, match="edits, sample 9: transmit of layer 1 must be ReLU"):
        ns.run(chip, ArrayStream(samples), edits=[edit])
    assert [layer.constants for layer in chip.layers] == layers
    assert (chip.samples, chip.changes) == (9, ())


def test_rules_of_one_s_own_are_edited_too(samples):
    @ns.rule
    def mine(response, rate, slope=1.0):
        return 1 - rate * response, rate * response * slope

    def chip():
        return ns.Chip([ns.DenseWTA(6, competition=SOFT, rule=mine(rate=0.1))], inputs=64)

    other = chip().learn(samples[:30]).with_constants(slope=0.5, rate=0.05).learn(samples[30:60])
    other = other.with_constants(rule=mine(rate=0.2)).learn(samples[60:])
    one = chip()
    ns.run(one, ArrayStream(samples), edits=other.changes)
    check_same(one, other)


def small_dense():
    layers = [ns.recipes.softhebb(5, window=2), ns.recipes.softhebb(3)]
    return ns.Chip(layers, inputs=16, device="cuda"), {4: {"rate": 0.3}, 8: {"window": 4}, 9: {"temperature": 0.1}}


def small_images():
    layers = [ns.ConvWTA(3, kernel=3, competition=SOFT, rule=ns.SoftHebb(rate=0.1))]
    return ns.Chip(layers, inputs=(1, 4, 4), device="cuda"), {4: {"rate": 0.05}, 9: {"temperature": 0.5}}


@pytest.mark.slow
@pytest.mark.parametrize("make", [small_dense, small_images])
def test_a_chip_on_a_simulated_device_is_edited_in_place_too(samples, whole_grid, make):
    (chip, changes), (other, _), few, before = make(), make(), samples[:12, 16:32], 0
    edits = {sample: [Edit(name, value) for name, value in new.items()] for sample, new in changes.items()}
    control = Scripted(edits, every=5)
    ns.run(chip, ArrayStream(few), control=control, chunk=4)
    assert control.asked == sorted({0, 5, 10, *changes})
    assert (control.refusals, len(chip.changes) >= 2) == ([], True)
    for sample, constants in changes.items():
        other = other.learn(few[before:sample]).with_constants(**constants)
        before = sample
    check_same(chip, other.learn(few[before:]))
    assert chip.layers[0].device_seconds is not None
    assert (chip.layers[0].weights_of([2, 0]) == chip.layers[0].weights[[2, 0]]).all()
