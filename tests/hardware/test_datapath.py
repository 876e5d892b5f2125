"""Event-driven or dense: which synaptic operations a core does, in numbers, energy and time."""

import os

import counted
import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.chips.spec import table_of
from neurosim.hardware.counting.operations import operations

KERNEL, PADDING, NEURONS = 3, 1, 5


def images(seed=4):
    random = np.random.default_rng(seed)
    x = random.random((7, 2, 8, 9)).astype(np.float32) * (random.random((7, 2, 8, 9)) < 0.4)
    x[2] = 0
    return x


def by_pixel(image, stride):
    """Count, pixel by pixel of the padded image, the patch entries that are not zero: (channels, kernel, kernel)."""
    channels, height, width = image.shape
    found = np.zeros((channels, KERNEL, KERNEL), int)
    for top in range(-PADDING, height + PADDING - KERNEL + 1, stride):
        for left in range(-PADDING, width + PADDING - KERNEL + 1, stride):
            for c, i, j in np.ndindex(found.shape):
                row, column = abs(top + i), abs(left + j)
                row = 2 * (height - 1) - row if row >= height else row
                column = 2 * (width - 1) - column if column >= width else column
                found[c, i, j] += image[c, row, column] != 0
    return found


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("normalise", "zeros"), [("running", False), ("sample", False), ("none", False), ("running", True)]
)
def test_operations_are_those_that_events_reach(normalise, zeros, stride):
    layer = ns.ConvWTA(
        NEURONS, kernel=KERNEL, padding=PADDING, stride=stride, normalise=normalise, cutoff=0.01, initial="normal",
        competition=ns.HardWTA(), rule=ns.SoftHebb(rate=0.01),
    )  # fmt: skip
    x = images()
    counted_chip, chip = (ns.Chip([layer], inputs=(2, 8, 9), seed=0) for _ in range(2))
    for one in (counted_chip, chip) if zeros else ():
        one.layers[0].state.synapses[:4, 3:] = 0
    found, some = hardware.count(counted_chip, x, chunk=3).layers[0], False
    for n, image in enumerate(x):
        entries = by_pixel(image, stride)
        live = np.count_nonzero(chip.layers[0].state.synapses, axis=0).reshape(KERNEL, KERNEL, 2).transpose(2, 0, 1)
        assert found.operations[n] == entries.sum() * NEURONS
        assert found.effective[n] == (entries * live).sum()
        some |= found.effective[n] < found.operations[n]
        chip.learn_one(image)
    assert found.operations[2] == 0
    assert found.dense == found.demand.positions * 18 * NEURONS
    assert some == zeros


def test_what_a_dense_datapath_does_by_hand(tmp_path):
    first, second = counted.dense(0, 10, 11), counted.dense(1, 11, 3, soft=False)
    run = counted.counts(counted.layer(first, [4, 0]), counted.layer(second, [11, 11]))
    path = described.written(tmp_path)
    events, dense = hardware.load(path), hardware.load(path, {"structure.datapath": "dense"})
    mapping = hardware.place([first, second], dense)
    found = operations(mapping, run)
    assert list(found["synaptic_operation"]) == [10 * 11 + 11 * 3] * 2
    assert list(found["memory_read_bit"]) == [8 * (10 * 11 + 11 * 3)] * 2
    less = operations(hardware.place([first, second], events), run)
    assert list(less["synaptic_operation"]) == [4 * 11 + 11 * 3, 11 * 3]
    assert all(
        (found[name] == less[name]).all() for name in found if name not in ("synaptic_operation", "memory_read_bit")
    )


@pytest.mark.parametrize("lanes", [1, 4])
def test_how_long_a_dense_datapath_takes_by_hand(tmp_path, lanes):
    run = counted.counts(counted.layer(counted.dense(0, 40, 7), [0, 1, 25]))
    options = {"structure.lanes": lanes, "structure.datapath": "dense"}
    report = hardware.price(run, hardware.load(described.written(tmp_path), options))
    for n, events in enumerate([0, 1, 25]):
        port = core = 0
        for _ in range(events):
            port += 17  # the port's link
            core = max(core, port) + 11  # the event comes in
        core += -(-40 * 7 // lanes) * 2 + 7 * (3 + 5) + 13  # all synapses, the neurons' updates, the response
        assert report.schedule.latency_s[n] * 1e9 == pytest.approx(core, rel=1e-12, abs=0)


@pytest.mark.parametrize("name", hardware.names())
def test_every_preset_says_which_datapath_it_is(name):
    assert table_of(name)["structure"]["datapath"] == ("dense" if name == "crossbar" else "event-driven")


def test_another_datapath_is_refused():
    with pytest.raises(ns.ConfigError, match=r"structure.datapath must be one of event-driven, dense, got 'sparse'"):
        hardware.load("loihi", {"structure.datapath": "sparse"})


@pytest.mark.skipif("NEUROSIM_DATA" not in os.environ, reason="needs MNIST: NEUROSIM_DATA")
def test_a_digit_of_a_few_pixels_reaches_a_fifth_of_the_first_layer():
    x = next(iter(ns.open_stream("mnist:train", root=os.environ["NEUROSIM_DATA"]).blocks(size=1))).samples
    whole = ns.Chip.from_preset("softhebb-mnist-3layer")
    chip = ns.Chip([whole.layers[0].constants], inputs=(1, 28, 28), seed=0)
    found = hardware.count(chip, x).layers[0]
    assert (found.events[0], found.operations[0], found.dense) == (166, 398_400, 1_881_600)
