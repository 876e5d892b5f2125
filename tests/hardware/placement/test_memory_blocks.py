"""Words of memory where a convolution's positions are cut into blocks: those of the replay, core by core."""

import counted
import described
import numpy as np
import pytest
from reference_memory import Core

from neurosim import hardware
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.counting.words import updated, words

TABLE = '\n[memory]\nlayout = "{}"\nword_bits = 40\nbanks = 3\nsource = "made up"\n'


@pytest.mark.parametrize("layout", ["input_major", "neuron_major", "transposable"])
@pytest.mark.parametrize("stored", ["shared", "unrolled"])
def test_words_of_blocks_of_positions_are_those_of_the_replay(tmp_path, layout, stored):
    x, run = counted.sparse_images()
    changes = {"neurons_per_core": 100, "synapse_bits_per_core": 10**6, "convolution": stored}
    path = described.written(tmp_path, head=described.PLAIN + TABLE.format(layout))
    chip = hardware.load(path, {f"structure.{name}": value for name, value in changes.items()})
    (of_layer,) = run.layers
    mapping = hardware.place([of_layer.demand], chip, {"positions_per_core": 4})
    assert [(part.first_position, part.positions) for part in mapping.parts] == [(0, 3), (3, 3), (6, 3)]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    total = np.zeros(5, np.int64)
    for part in mapping.parts:
        core = Core(layout, 18, 7, 5, banks=3, copies=3 if stored == "unrolled" else 1)
        found, learned = words(part, of_layer, chip), updated(part, of_layer, chip)
        read = []
        for n in range(5):
            row = part.first_position // 3  # three positions are a row of the image
            corners = [(2 * row, 2 * column) for column in range(3)]
            patches = [padded[n, :, top : top + 3, left : left + 3].transpose(1, 2, 0) for top, left in corners]
            read.append(len(core.integrate([np.flatnonzero(patch) for patch in patches])[0]))
            chosen = np.flatnonzero(of_layer.written[n]).tolist()
            changed, steps = core.learn([], chosen, set(chosen))
            assert learned.words[n] == changed
            assert 2 * learned.fullest[n] == steps
        if layout == "neuron_major":  # by rows, what events reach is spread evenly over the blocks
            assert found.read.tolist() == read
        total += read
    assert operations(mapping, run)["memory_read_word"].tolist() == total.tolist()
