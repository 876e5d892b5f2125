"""Energy by hand: every operation of a small run counted on paper, and priced."""

import re

import counted
import described
import numpy as np
import pytest
from near import near

from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.energy import check_learns, energy
from neurosim.hardware.table import JOULES, table

PICO = 1e-12


@pytest.fixture
def plain(tmp_path):
    """A mesh of 2 x 2 cores of 8 neurons."""
    return hardware.load(described.written(tmp_path))


def two_layers():
    """Eleven neurons on cores 0 and 1 (six and five), then three on core 2, which lies below core 0."""
    first, second = counted.dense(0, 10, 11), counted.dense(1, 11, 3, soft=False)
    written = np.zeros((2, 11))
    written[0, [1, 7]] = 1  # one on each core
    sent = np.zeros((2, 11))
    sent[0, :3], sent[1, 5:8] = 1, 1  # three from core 0; one from core 0 and two from core 1
    return counted.counts(
        counted.layer(first, [4, 2], written, sent), counted.layer(second, [3, 3], [[1, 0, 0], [0, 0, 0]])
    )


def test_operations_by_hand(plain):
    run = two_layers()
    mapping = hardware.place([layer.demand for layer in run.layers], plain)
    assert [(part.layer, part.core, part.neurons) for part in mapping.parts] == [(0, 0, 6), (0, 1, 5), (1, 2, 3)]
    found = {name: list(values) for name, values in operations(mapping, run).items()}
    assert found == {
        "synaptic_operation": [4 * 11 + 3 * 3, 2 * 11 + 3 * 3],
        "neuron_update": [14, 14],
        "exponential": [11, 11],  # the second layer is hard
        "memory_read_bit": [8 * 53, 8 * 31],
        # Each event to two cores; two of the competition; three to the second layer.
        "event_in": [2 * 4 + 2 + 3, 2 * 2 + 2 + 3],
        # All but those from the port; one is the response.
        "event_out": [2 + 3 + 1, 2 + 3 + 1],
        # From the port to core 1; the competition there and back; from core 1 to core 2, which is one to the west.
        "hop_east_west": [4 + 2 + 0, 2 + 2 + 2],
        # To core 2, one to the south, and the response back.
        "hop_north_south": [3 + 1, 3 + 1],
        "weight_update": [2 * 4 + 1 * 3, 0],
        "learning_read_bit": [8 * 11, 0],
        "learning_write_bit": [8 * 11, 0],
    }


def test_energy_is_operations_times_their_price(plain):
    run = two_layers()
    spent = energy(plain, operations(hardware.place([layer.demand for layer in run.layers], plain), run))
    inference = 53 * 2 + 14 * 3 + 11 * 5 + 424 * 23
    learning = 11 * 7 + 88 * 23 + 88 * 29
    routing = 13 * 11 + 6 * 13 + 6 * 17 + 4 * 19
    for part, value in (("inference", inference), ("learning", learning), ("routing", routing)):
        assert spent.parts[part][:, 0] == near([value / 2 * PICO, value * PICO, value * 2 * PICO], rel=1e-12)
    assert spent.total[1, 0] == near((inference + learning + routing) * PICO, rel=1e-12)
    assert spent.parts["learning"][1, 1] == 0
    assert spent.operations["weight_update"] == near({"count": 5.5, "each_J": 7e-12, "energy_J": 38.5e-12})
    assert spent.unpriced == {}


def test_what_has_no_price_is_told_and_not_guessed(tmp_path):
    energies = {"synaptic_operation": 2, "hop": 5, "weight_update": 7}
    chip = hardware.load(described.written(tmp_path, energies=energies))
    run = two_layers()
    spent = energy(chip, operations(hardware.place([layer.demand for layer in run.layers], chip), run))
    assert spent.parts["inference"][1, 0] == near(53 * 2 * PICO)
    assert spent.parts["routing"][1, 0] == near((6 + 4) * 5 * PICO)  # one price for both directions
    assert spent.unpriced == {"neuron_update": 14, "exponential": 11, "event_in": 11, "event_out": 6}


def test_a_summary_has_the_same_keys_with_times_and_without(plain, tmp_path):
    run = counted.counts(counted.layer(counted.dense(0, 4, 2), [1, 2]))
    timeless = hardware.load(described.written(tmp_path, times={}))
    with_times, without = (hardware.price(run, chip).summary() for chip in (plain, timeless))
    assert list(with_times) == list(without)
    assert {without[name] for name in ("latency_s", "latency_max_high_s", "load", "busiest")} == {None}


def test_learning_without_a_price_is_refused(tmp_path):
    energies = {name: value for name, value in described.ENERGIES.items() if name != "weight_update"}
    chip = hardware.load(described.written(tmp_path, energies=energies))
    check_learns(chip, False, False)
    words = (
        r"energy.weight_update of plain must be given by a source, for learning, got None; price responses \(--respond"
    )
    with pytest.raises(ConfigError, match=words):
        check_learns(chip, True, True)


def test_learning_that_nobody_vouches_for_is_refused_unless_allowed(tmp_path):
    chip = hardware.load(described.written(tmp_path, confidence="unverified"))
    assert not chip.learns()
    with pytest.raises(ConfigError, match=r"got 'one that is unverified'; .* or allow unverified constants"):
        check_learns(chip, True, False)
    check_learns(chip, True, True)
    assert chip.vouched().energy == {}
    assert set(chip.vouched().time) == set(chip.time)


def test_products_in_the_table_multiply_out(plain):
    run = counted.counts(counted.layer(counted.dense(0, 10, 4), [4, 3, 3], [[0] * 4] * 3))
    text = table(hardware.price(run, plain).summary())
    units = {unit.strip(): size or 1e-15 for size, unit in JOULES}
    rows = re.findall(r"([\d.,]+) x +([\d.]+) (\w+) = +([\d.]+) (\w+)", text)
    assert rows
    for count, each, unit, total, unit_of_total in rows:
        product = float(count.replace(",", "")) * float(each) * units[unit]
        assert product / units[unit_of_total] == pytest.approx(float(total), rel=5e-4, abs=0.006)  # two digits
    assert "learning  none" in text


def test_words_without_a_price_are_named_with_their_counts(tmp_path):
    words = '[memory]\nlayout = "input_major"\nword_bits = 32\nsource = "made up"\n'
    energies = {"weight_update": 7}
    chip = hardware.load(described.written(tmp_path, head=described.PLAIN + words, energies=energies))
    run = two_layers()
    found = hardware.price(run, chip)
    words_read = operations(found.mapping, run)["memory_read_word"].mean()
    assert words_read > 0
    assert found.energy.unpriced["memory_read_word"] == words_read
    assert {"learning_read_word", "learning_write_word"} <= found.energy.unpriced.keys()
    assert "not priced memory read word" in " ".join(table(found.summary()).split())
    odin = hardware.load("odin")
    assert (odin.energy["memory_read_word"].value, odin.energy["memory_write_word"].high) == (0, 0)
