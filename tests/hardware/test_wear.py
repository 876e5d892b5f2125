"""How often each synapse is written, recounted from the arrays, and how long a chip lasts."""

import counted
import described
import numpy as np
import pytest
from test_counts import LAYERS, one_by_one, samples
from test_counts_by_neuron import MODES

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.counting.wear import synapse_writes, wear
from neurosim.hardware.table import span, table
from neurosim.kernels.dense import layout

SECTION = """
[endurance]
writes = 1e6
low = 1e5
high = 1e9
source = "made up"
"""


def chip_that_wears(folder, section=SECTION, **options):
    path = folder / "plain.toml"
    path.write_text(described.text(**options) + section)
    return hardware.load(path)


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("name", [name for name in MODES if "window" not in name])
def test_writes_of_synapses_add_up_and_none_that_changed_is_left_out(name):
    layer, x = MODES[name], samples(60)
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x, chunk=13).layers[0]
    writes = synapse_writes(found)
    assert writes.sum() == found.writes.sum()
    changes = np.zeros((23, layer.neurons), int)
    least = np.zeros((23, layer.neurons), int)
    for n, (sample, _, before, after, _) in enumerate(one_by_one(layer, x)):
        changes += before != after
        least[sample != 0] += found.written[n] & ~found.whole[n]
        least += found.whole[n]
    assert (changes <= writes.T).all()
    assert (least <= writes.T).all()  # folded synapses are written twice where their input was not zero
    if name not in ("leaking", "eligibility", "Sanger"):
        assert np.array_equal(writes.T, least)


def test_folds_write_every_synapse_once_more():
    layer, x = LAYERS["leaking"], samples(60)
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x).layers[0]
    expected = np.zeros((23, 9), int)
    for n, (sample, _, before, after, passed) in enumerate(one_by_one(layer, x)):
        folded = found.whole[n] & (passed[layout.FOLDS] > 0)
        beyond = (before != after)[sample == 0].any(axis=0) if (sample == 0).any() else folded
        assert (beyond <= folded).all()
        grown = found.written[n] if not folded.any() else found.written[n] & (before != after)[sample != 0].any(axis=0)
        expected += folded
        if passed[layout.UPDATES]:
            expected[sample != 0] += grown & ((passed[layout.WRITES] == 9) | ~folded)
    assert np.array_equal(synapse_writes(found).T, expected)


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
def test_in_a_window_a_synapse_is_written_once():
    found = hardware.count(ns.Chip([MODES["window"]], inputs=23, seed=3), samples(40)).layers[0]
    writes, windows = synapse_writes(found), found.written.any(axis=1).sum()
    active = np.unpackbits(found.written_inputs(), axis=1, count=23).astype(int)
    assert np.array_equal(writes, found.written.T.astype(int) @ active)
    assert 0 < writes.max() <= windows


def test_the_histogram_by_hand():
    run = counted.layer(
        counted.dense(0, 5, 3), [5, 2, 2, 1, 0], [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 1, 1]]
    )
    assert synapse_writes(run).tolist() == [[4, 3, 1, 1, 1], [1, 1, 0, 0, 0], [0] * 5]
    found = wear(run)
    assert (found.mean, found.most) == (12 / 15, 4)
    assert found.summary()["histogram"] == [[0, 8], [1, 5], [2, 1], [4, 1]]


def test_a_lifetime_by_hand(tmp_path):
    chip = chip_that_wears(tmp_path)
    run = counted.counts(counted.layer(counted.dense(0, 4, 2), [1, 2, 4, 0], [[1, 0], [1, 0], [1, 1], [0, 0]]))
    clock = ns.latency.Period(1000)
    found = hardware.price(run, chip, arrivals=clock).summary()
    assert found["writes_per_synapse_max"] == 3
    assert found["writes_per_synapse_mean"] == (7 + 4) / 8
    assert found["lifetime_samples"] == pytest.approx(1e6 * 4 / 3)
    # Three writes in four samples, so in 4 ms: the run lasts until the sample after its last one comes.
    for name, writes in (("lifetime_low_s", 1e5), ("lifetime_s", 1e6), ("lifetime_high_s", 1e9)):
        assert found[name] == pytest.approx(writes * 4e-3 / 3)
    text = " ".join(table(found).split())
    assert "wear 1.375 writes a synapse on average by 4 samples, 3 at most" in text
    assert "at 1e+06 writes of one synapse, without wear levelling" in text
    assert ", endurance: made up" in text
    single = counted.counts(counted.layer(counted.dense(0, 4, 2), [1], [[1, 0]]))
    assert hardware.price(single, chip, arrivals=clock).summary()["lifetime_s"] == pytest.approx(1e6 * 1e-3)


def test_what_does_not_learn_does_not_wear_and_what_is_not_known_is_none(tmp_path):
    chip = chip_that_wears(tmp_path)
    idle = counted.counts(counted.layer(counted.dense(0, 4, 2), [1, 2]), learning=False)
    found = hardware.price(idle, chip).summary()
    assert {found[name] for name in ("writes_per_synapse_max", "lifetime_s", "wear")} == {None}
    still = hardware.price(counted.counts(counted.layer(counted.dense(0, 4, 2), [1, 2])), chip).summary()
    assert (still["writes_per_synapse_max"], still["lifetime_s"]) == (0, None)  # nothing written: no end
    run = counted.counts(counted.layer(counted.dense(0, 4, 2), [1, 2], [[1, 0], [1, 0]]))
    assert hardware.price(run, hardware.load(described.written(tmp_path))).summary()["lifetime_s"] is None
    timeless = hardware.price(run, chip_that_wears(tmp_path, times={})).summary()
    assert (timeless["lifetime_samples"], timeless["lifetime_s"]) == (1e6 * 2 / 2, None)


def test_an_endurance_that_is_not_confirmed_needs_to_be_asked_for(tmp_path):
    chip = chip_that_wears(tmp_path, SECTION + 'confidence = "unverified"\n')
    run = counted.counts(counted.layer(counted.dense(0, 4, 2), [1, 2], [[1, 0], [1, 0]]))
    assert hardware.price(run, chip).summary()["lifetime_samples"] is None
    assert hardware.price(run, chip, unverified=True).summary()["lifetime_samples"] == 1e6 * 2 / 2


@pytest.mark.parametrize(
    ("section", "options", "words"),
    [
        (
            SECTION,
            {"energies": {"synaptic_operation": 2}},
            "energy.weight_update must be given where endurance is.*None",
        ),
        ("[endurance]\nwrites = 0\nsource = 'x'\n", {}, "endurance.writes must be at least 1, got 0"),
        ("[endurance]\nwrites = 'many'\nsource = 'x'\n", {}, "endurance.writes must be"),
        ("[endurance]\nwrites = 10\n", {}, "endurance.source must be given, got None"),
        (
            "[endurance]\nwrites = 10\nlow = 11\nsource = 'x'\n",
            {},
            "endurance.low must be at most endurance.writes, 10, got",
        ),
        (
            "[endurance]\nwrites = 10\nhigh = 9\nsource = 'x'\n",
            {},
            "endurance.high must be at least endurance.writes, 10,",
        ),
        ("[endurance]\nwrites = 10\nsource = 3\n", {}, "endurance.source must be text, got 3"),
        ("[endurance]\nwrites = 10\nsource = ''\nwear = 1\n", {}, "endurance.wear must be one of writes"),
        (
            "[endurance]\nwrites = 10\nsource = ''\nconfidence = 'high'\n",
            {},
            "endurance.confidence must be one of primary",
        ),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, section, options, words):
    with pytest.raises(ns.ConfigError, match=words) as caught:
        chip_that_wears(tmp_path, section, **options)
    assert "\n" not in str(caught.value)


def test_endurance_may_be_set_from_outside(tmp_path):
    changes = {"endurance.writes": 1e8, "endurance.source": "a guess"}
    chip = hardware.load(described.written(tmp_path), changes)
    assert (chip.endurance.writes, chip.endurance.low, chip.endurance.high) == (1e8, 1e8, 1e8)
    with pytest.raises(ns.ConfigError, match=r"energy\.weight_update must be given where endurance is"):
        hardware.load("truenorth", changes)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "500.00 ms"), (7200, "2 hours"), (86400 * 3.5, "3.5 days"), (4e9, "127 years")]
)
def test_long_times_are_told_in_units_that_fit(seconds, words):
    assert span(seconds) == words
