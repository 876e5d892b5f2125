"""Layers that learn from events: each event through all layers, in whatever chunks; kept on disk; bad input."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams.events import EVENT, EventStream, Recording, as_events, encoding_of
from neurosim.streams.events.encoding import as_columns

SENSOR = (9, 8)
SURFACES = ns.LocalSurface(radius=1, tau_us=900), ns.LocalSurface(radius=2, tau_us=3000, least=3)


def made_up(count, seed=0):
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.integers(0, 60, count))
    x, y = rng.integers(0, SENSOR[0], count), rng.integers(0, SENSOR[1], count)
    return as_events(t, x, y, rng.integers(0, 2, count))


def layers_of(first=6, second=5):
    constants = ns.recipes.softhebb(first), ns.recipes.instar(second)
    return list(zip(constants, SURFACES, strict=True))


def one_by_one(events, seed=3):
    """Take each event through all layers before the next one, by `learn_one`."""
    encodings = [encoding_of(surface, *SENSOR, count) for surface, count in zip(SURFACES, (2, 6), strict=True)]
    chips = [
        ns.Chip([layer], inputs=encoding.shape, seed=seed + index)
        for index, ((layer, _), encoding) in enumerate(zip(layers_of(), encodings, strict=True))
    ]
    sent = [[], []]
    for event in events:
        coming = np.array([event], EVENT)
        for index, (chip, encoding) in enumerate(zip(chips, encodings, strict=True)):
            sample, source = np.zeros((1, encoding.inputs), np.float32), np.zeros(1, np.int64)
            if encoding.encode(as_columns(coming), 0, 1, sample, source).samples == 0:
                break
            coming = coming.copy()
            coming["p"] = chip.learn_one(sample[0]).winner
            sent[index].append(coming[0])
    return chips, [np.array(part, EVENT) for part in sent]


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_chunks_layer_by_layer_are_event_by_event(chunk):
    events = made_up(700)
    chips, wanted = one_by_one(events)
    hierarchy = ns.EventLayers(layers_of(), sensor=SENSOR, seed=3)
    got = hierarchy.take(events, chunk=chunk)
    assert len(wanted[0]) == 700
    assert 300 < len(wanted[1]) < 700  # some have too few events around
    for part, expected in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(part, expected)
    assert [chip.state_sha256 for chip in hierarchy.chips] == [chip.state_sha256 for chip in chips]


def test_events_keep_all_but_their_polarity_and_responding_changes_nothing():
    events, hierarchy = made_up(500), ns.EventLayers(layers_of(), sensor=SENSOR)
    hierarchy.learn(events)
    before = [chip.state_sha256 for chip in hierarchy.chips]
    (sent,) = hierarchy.responses([events])
    for name in ("t", "x", "y"):
        np.testing.assert_array_equal(sent[0][name], events[name])
    assert sent[0]["p"].max() == 5
    assert set(np.unique(sent[1]["p"])) <= set(range(5))
    assert [chip.state_sha256 for chip in hierarchy.chips] == before
    features = hierarchy.features([events, made_up(100, 1)])
    np.testing.assert_allclose(features[0, :6], np.bincount(sent[0]["p"], minlength=6) / 500, rtol=1e-6)
    counts = hierarchy.features([events], shares=False)[0]
    assert counts[:6].sum() == 500
    assert counts[6:].sum() == len(sent[1])


def test_a_recording_begins_with_empty_surfaces_and_events_that_follow_do_not():
    events = made_up(400)
    halves = events[:200], events[200:]
    whole, parts, apart = (ns.EventLayers(layers_of(), sensor=SENSOR) for _ in range(3))
    whole.learn(events)
    for half in halves:
        parts.take(half)
    apart.learn([Recording(half) for half in halves])
    assert parts.chips[1].state_sha256 == whole.chips[1].state_sha256
    assert apart.chips[1].state_sha256 != whole.chips[1].state_sha256


def test_the_first_layer_is_a_chip_on_a_stream_of_events():
    events = made_up(300)
    hierarchy = ns.EventLayers(layers_of()[:1], sensor=SENSOR, seed=4).learn(events)
    chip = ns.Chip([layers_of()[0][0]], inputs=(2, 3, 3), seed=4)
    ns.run(chip, EventStream(Recording(events, *SENSOR), SURFACES[0]))
    assert chip.state_sha256 == hierarchy.chips[0].state_sha256


def test_what_was_saved_goes_on_bit_for_bit(tmp_path):
    events = made_up(600)
    uncut, cut = (ns.EventLayers(layers_of(), sensor=SENSOR, seed=2) for _ in range(2))
    uncut.take(events)
    cut.take(events[:250])
    cut.save(tmp_path / "state")
    again = ns.EventLayers.load(tmp_path / "state")
    assert repr(again) == repr(uncut) == "EventLayers(2 -> 6 -> 5 polarities, 9 x 8 pixels)"
    assert again.layers == uncut.layers
    again.take(events[250:])
    assert [chip.state_sha256 for chip in again.chips] == [chip.state_sha256 for chip in uncut.chips]


def test_what_a_damaged_file_advises_goes_on_from_the_save_before(tmp_path):
    hierarchy = ns.EventLayers(layers_of(), sensor=SENSOR)
    hierarchy.take(made_up(100))
    hierarchy.save(tmp_path)
    before = [chip.state_sha256 for chip in hierarchy.chips]
    hierarchy.take(made_up(50))
    hierarchy.save(tmp_path)
    with open(tmp_path / "layer-1.h5", "r+b") as file:
        file.truncate(3000)
    with pytest.raises(ns.StateError, match=r"move each layer-N.h5.previous that is of it to layer-N.h5") as caught:
        ns.EventLayers.load(tmp_path)
    assert "sample 0" not in str(caught.value)
    for number in (1, 2):
        (tmp_path / f"layer-{number}.h5.previous").replace(tmp_path / f"layer-{number}.h5")
    assert [chip.state_sha256 for chip in ns.EventLayers.load(tmp_path).chips] == before


def test_files_of_two_saves_are_refused(tmp_path):
    hierarchy = ns.EventLayers(layers_of(), sensor=SENSOR)
    hierarchy.save(tmp_path)
    old = (tmp_path / "layer-2.h5").read_bytes()
    hierarchy.learn(made_up(50)).save(tmp_path)
    (tmp_path / "layer-2.h5").write_bytes(old)
    with pytest.raises(ns.StateError, match=r"layer-2.h5 must be of one save with .*layer-1.h5"):
        ns.EventLayers.load(tmp_path)
    (tmp_path / "layer-2.h5").unlink()
    (tmp_path / "layer-2.h5.previous").unlink()
    with pytest.raises(ns.StateError):
        ns.EventLayers.load(tmp_path)
    hierarchy.chips[0].save(tmp_path / "layer-1.h5")
    with pytest.raises(ns.StateError, match="must hold layers that learn from events"):
        ns.EventLayers.load(tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.EventLayers([], sensor=SENSOR), "layers must be one at least"),
        (lambda: ns.EventLayers([ns.recipes.softhebb(3)], sensor=SENSOR), "layer must be a pair"),
        (lambda: ns.EventLayers([(ns.LocalSurface(), ns.recipes.softhebb(3))], sensor=SENSOR), "layer must be a pair"),
        (lambda: ns.EventLayers(layers_of(257), sensor=SENSOR), "neurons of a layer that sends events must be at most"),
        (lambda: ns.EventLayers(layers_of(), sensor=(0, 3)), "width of sensor"),
        (lambda: ns.EventLayers(layers_of(), sensor=SENSOR, polarities=0), "polarities must be"),
        (lambda: ns.EventLayers(layers_of(), sensor=SENSOR).take(made_up(3), chunk=0), "chunk must be"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ns.ConfigError, match=message):
        make()


def test_no_events_make_nothing():
    hierarchy = ns.EventLayers(layers_of(), sensor=SENSOR)
    assert [len(part) for part in hierarchy.take(made_up(0))] == [0, 0]
    assert hierarchy.features([made_up(0)]).tolist() == [[0] * 11]
