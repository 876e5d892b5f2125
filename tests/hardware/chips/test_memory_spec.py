"""The table `memory` of a description: what is refused, and what padding takes on a core."""

import counted
import described
import pytest

from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.chips.memory import Memory
from neurosim.hardware.placement.demand import Demand

TABLE = """
[memory]
layout = "input_major"
word_bits = 32
source = "made up"
"""


def load(tmp_path, changes=None, **options):
    path = described.written(tmp_path, head=described.PLAIN + TABLE, **options)
    return hardware.load(path, changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layout": "rows"}, "memory.layout must be one of input_major, neuron_major, transposable, got 'rows'"),
        ({"word_bits": 7}, "memory.word_bits must be at least 8, a synapse: structure.weight_bits 8, got 7"),
        (
            {"word_bits": 10, "tag_bits": 3},
            "memory.word_bits must be at least 11, a synapse: structure.weight_bits 8 and memory.tag_bits 3, got 10",
        ),
        ({"word_bits": 0}, "memory.word_bits must be a whole number of at least 1, got 0"),
        ({"banks": 0}, "memory.banks must be a whole number of at least 1, got 0"),
        ({"banks": 257}, "memory.banks must be a whole number of at most 256, got 257"),
        ({"ports": 1.5}, "memory.ports must be a whole number"),
        ({"tag_bits": -1}, "memory.tag_bits must be a whole number of at least 0"),
        ({"accumulators": "cache"}, "memory.accumulators must be one of registers, memory, got 'cache'"),
        ({"accumulator_bits": 33}, "memory.accumulator_bits must be a whole number of at most 32, got 33"),
        ({"source": " "}, "memory.source must be text"),
        ({"word_bit": 3}, "memory.word_bit must be one of layout, word_bits"),
    ],
)
def test_wrong_tables_name_key_rule_and_value(tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, {f"memory.{name}": value for name, value in changes.items()})


def test_accumulators_in_memory_must_fit_a_word(tmp_path):
    path = described.written(tmp_path, head=described.PLAIN + TABLE)
    in_memory = {"memory.accumulators": "memory"}
    assert hardware.load(path, in_memory).memory.accumulators == "memory"
    with pytest.raises(ConfigError, match=r"structure.neuron_bits must be from 1 to memory.word_bits, 32, .*, got 33"):
        hardware.load(path, in_memory | {"structure.neuron_bits": 33})
    assert hardware.load(path, in_memory | {"structure.neuron_bits": 33, "memory.accumulator_bits": 32}).memory


@pytest.mark.parametrize("group", ["energy", "time"])
def test_constants_of_words_need_to_know_what_a_word_is(tmp_path, group):
    key = "memory_access" if group == "time" else "memory_read_word"
    energies = described.ENERGIES | ({"memory_read_word": 3} if group == "energy" else {})
    times = described.TIMES | ({"memory_access": 3} if group == "time" else {})
    path = described.written(tmp_path, energies=energies, times=times)
    with pytest.raises(ConfigError, match=f"memory must be a table, as {group}.{key} is of its words, got None"):
        hardware.load(path)


def test_a_key_that_is_missing_is_named(tmp_path):
    path = described.written(tmp_path, head=described.PLAIN + TABLE.replace('source = "made up"', ""))
    with pytest.raises(ConfigError, match=r"memory.source must be given"):
        hardware.load(path)


# Synapses of 8 bits, four in a word of 32; a core of 4,096 bits holds 128 words.
@pytest.mark.parametrize(
    ("layout", "demand", "stored"),
    [
        ("input_major", counted.dense(0, 30, 6), 30 * 2),  # a row of two words for each input, two synapses free
        ("neuron_major", counted.dense(0, 30, 6), 6 * 8),  # a row of eight words for each neuron
        ("transposable", counted.dense(0, 30, 6), 8 * 2 * 4),  # sixteen squares of 4 x 4 synapses
        ("input_major", counted.dense(0, 30, 6, bits=5), 30 * 1),  # six synapses in a word, two bits free
        ("input_major", Demand(0, 64, 10, 2, 4, 8, True), 4 * 10),  # unrolled: a row for each position and input
        ("neuron_major", Demand(0, 64, 10, 2, 4, 8, True), 4 * 2 * 3),
    ],
)
def test_what_padding_takes_is_counted_as_memory(tmp_path, layout, demand, stored):
    (part,) = hardware.place([demand], load(tmp_path, {"memory.layout": layout})).parts
    assert part.synapse_bits == stored * 32
    assert part.synapses == demand.neurons * demand.fan_in * demand.positions


def test_padding_may_take_another_core_or_be_too_much(tmp_path):
    plain = {"structure.neurons_per_core": 1000}
    packed = hardware.load(described.written(tmp_path), plain)
    assert len(hardware.place([counted.dense(0, 64, 8)], packed).parts) == 1  # 4,096 bits
    laid = load(tmp_path, plain | {"memory.word_bits": 24})  # three synapses in a word: 42 words, 3 neurons, a core
    assert [part.neurons for part in hardware.place([counted.dense(0, 64, 8)], laid).parts] == [4, 4]
    with pytest.raises(ConfigError, match=r"bits of the synapses of a neuron of layer 1 must be at most 4096, .* 4128"):
        hardware.place([counted.dense(0, 129, 1)], load(tmp_path))


def test_the_largest_layers_that_fit_are_those_that_are_taken(tmp_path):
    for layout in ("input_major", "neuron_major", "transposable"):
        chip = load(tmp_path, {"memory.layout": layout, "structure.neurons_per_core": 1000, "structure.cores": 1})
        sizes = [n for n in range(1, 40) if _fits(counted.dense(0, 21, n), chip)]
        most = {"input_major": 24, "neuron_major": 21, "transposable": 20}[layout]
        assert sizes == list(range(1, most + 1))  # 128 words: 6 a row of 21, 21 rows of 6, 5 columns of 24


def _fits(demand, chip):
    try:
        return bool(hardware.place([demand], chip).parts)
    except ConfigError:
        return False


def test_presets_tell_their_words_with_their_source():
    told = {name: hardware.load(name).memory for name in hardware.names()}
    assert {name: memory.word_bits for name, memory in told.items() if memory is not None} == {
        "cmos28-int8": 64, "cmos45-fp32": 64, "cmos45-int8": 64, "odin": 32,
    }  # fmt: skip
    assert told["cmos45-int8"].source.startswith("assumed")
    assert "synaptic_core.v" in told["odin"].source
    odin = hardware.place([counted.dense(0, 256, 256, bits=3)], "odin")
    assert odin.parts[0].synapse_bits == 8192 * 32  # its memory, full


def test_defaults_are_one_bank_one_port_and_registers():
    memory = Memory("input_major", 64, "made up")
    assert (memory.banks, memory.ports, memory.tag_bits, memory.accumulators) == (1, 1, 0, "registers")
    assert [Memory("input_major", 64, "made up", banks=3, ports=2).accesses(words) for words in (0, 1, 6, 7, 13)] == [
        0, 1, 1, 2, 3,
    ]  # fmt: skip
