"""Layers onto cores: where neurons go, how full cores are, and what does not fit."""

import counted
import described
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.placement.demand import Demand, Patches, demand
from neurosim.hardware.placement.mesh import hops, route


@pytest.fixture
def plain(tmp_path):
    """Four cores of 8 neurons and 4,096 bits: at 8 bits a synapse, 64 inputs for each of 8 neurons."""
    return hardware.load(described.written(tmp_path))


def test_a_layer_is_shared_out_evenly(plain):
    mapping = hardware.place([counted.dense(0, 64, 17)], plain)
    assert [(part.core, part.first, part.neurons) for part in mapping.parts] == [(0, 0, 6), (1, 6, 6), (2, 12, 5)]
    assert [part.synapse_bits for part in mapping.parts] == [6 * 64 * 8, 6 * 64 * 8, 5 * 64 * 8]
    summary = mapping.summary()
    assert summary["cores_used"] == 3
    assert summary["neurons_share"] == pytest.approx(17 / 24)
    assert summary["synapse_memory_share"] == pytest.approx(17 * 64 * 8 / (3 * 4096))
    assert summary["synapse_memory_bytes"] == 17 * 64
    assert summary["neuron_memory_bytes"] == 17 * 2
    assert summary["area_used_mm2"] == pytest.approx(3.0)


def test_synapses_may_be_what_is_short(plain):
    mapping = hardware.place([counted.dense(0, 128, 8)], plain)  # 1,024 bits a neuron: 4 a core
    assert [(part.core, part.neurons) for part in mapping.parts] == [(0, 4), (1, 4)]
    assert hardware.place([counted.dense(0, 128, 8, bits=4)], plain).cores == [0]  # narrower synapses, fewer cores


def test_layers_have_cores_of_their_own_unless_there_are_too_few(plain):
    one = [counted.dense(0, 8, 4), counted.dense(1, 4, 4)]
    assert [(part.layer, part.core) for part in hardware.place(one, plain).parts] == [(0, 0), (1, 1)]
    many = [counted.dense(0, 8, 20), counted.dense(1, 20, 8), counted.dense(2, 8, 4)]
    parts = hardware.place(many, plain).parts
    assert [(part.layer, part.core, part.neurons) for part in parts] == [
        (0, 0, 8), (0, 1, 8), (0, 2, 4), (1, 2, 4), (1, 3, 4), (2, 3, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("demands", "changes", "words"),
    [
        (
            [counted.dense(0, 64, 33)],
            {},
            r"network must be small enough for the 4 cores of plain, got 5; layer 1 needs core 4",
        ),
        (
            [counted.dense(0, 513, 1)],
            {},
            r"neuron of layer 1 must be at most 4096, .*, got 4104; 8 too many for core 0",
        ),
        ([counted.dense(0, 8, 1, bits=9)], {}, r"synapse of layer 1, in bits must be at most 8, .* got 9; 1 too many"),
        ([counted.dense(0, 9, 1)], {"structure.fan_in_per_core": 8}, "inputs of layer 1 must be at most 8, .* got 9"),
        (
            [Demand(0, 64, 4, 5, 9, 8, True)],
            {},
            r"network must be small enough for the 4 cores of plain, got 10; layer 1 needs core 4",
        ),
    ],
)
def test_what_does_not_fit_says_what_is_short_and_by_how_much(tmp_path, demands, changes, words):
    chip = hardware.load(described.written(tmp_path), changes)
    with pytest.raises(ConfigError, match=words):
        hardware.place(demands, chip)


def test_a_kernel_is_stored_once_or_for_each_position(tmp_path):
    wanted = [Demand(0, 64, 16, 3, 4, 8, True)]
    for kind, stored, cores in (("unrolled", 3 * 16 * 4, [0, 1]), ("shared", 3 * 16, [0, 1])):
        chip = hardware.load(described.written(tmp_path), {"structure.convolution": kind})
        mapping = hardware.place(wanted, chip)
        assert sum(part.synapses for part in mapping.parts) == stored
        assert mapping.cores == cores
        assert sum(part.sites for part in mapping.parts) == 12


def test_float32_is_priced_at_the_widest_word_and_says_so(plain):
    mapping = hardware.place([counted.dense(0, 64, 8, bits=None)], plain)
    assert mapping.parts[0].synapse_bits == 8 * 64 * 8
    memory, priced = mapping.notes
    assert "runs in float32 and is priced with synapses of 8 bits" in priced
    assert memory.startswith("plain does not say how synapses lie in memory")
    assert hardware.place([counted.dense(0, 64, 8, bits=8)], plain).notes == (memory,)


def test_cells_of_a_crossbar_are_priced_at_the_widest_word_and_the_note_does_not_speak_of_float32(plain):
    chip = ns.Chip([ns.recipes.softhebb(8, devices=ns.Crossbar(states=8))], inputs=64)
    memory, priced = hardware.place(chip, plain).notes
    assert priced == "layer 1 learns in cells (devices) and is priced with synapses of 8 bits, whatever its cells are"
    assert memory.startswith("plain does not say how synapses lie in memory")


def test_chips_tell_what_their_layers_need():
    chip = ns.Chip([ns.recipes.softhebb(20), ns.recipes.hard_wta(5)], inputs=64)
    assert demand(chip.layers[0]) == Demand(0, 64, 64, 20, 1, None, True)
    assert demand(chip.layers[1]) == Demand(1, 20, 20, 5, 1, None, False)
    deep = ns.Chip.from_preset("softhebb-cifar10-1layer")
    patches = Patches(channels=3, height=32, width=32, kernel=5, stride=1, padding=2)
    assert demand(deep.layers[0]) == Demand(0, 3072, 75, 96, 1024, None, True, patches=patches)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 30)), min_size=1, max_size=3),
    st.integers(1, 12), st.integers(1, 3000), st.integers(1, 9),
)  # fmt: skip
def test_every_neuron_sits_on_one_core_and_no_core_overflows(tmp_path_factory, sizes, most, memory, cores):
    path = described.written(tmp_path_factory.mktemp("chip"))
    changes = {"neurons_per_core": most, "synapse_bits_per_core": memory, "cores": cores, "mesh": [cores, 1]}
    chip = hardware.load(path, {f"structure.{name}": value for name, value in changes.items()})
    demands = [counted.dense(place, inputs, neurons) for place, (inputs, neurons) in enumerate(sizes)]
    try:
        mapping = hardware.place(demands, chip)
    except ConfigError:
        needed = max(inputs * 8 for inputs, _ in sizes)
        total = sum(-(-neurons // max(1, min(most, memory // (inputs * 8)))) for inputs, neurons in sizes)
        assert needed > memory or total > cores
        return
    for wanted in demands:
        places = [k for part in mapping.of(wanted.layer) for k in range(part.first, part.first + part.neurons)]
        assert places == list(range(wanted.neurons))
    for core in mapping.cores:
        here = [part for part in mapping.parts if part.core == core]
        assert sum(part.sites for part in here) <= most
        assert sum(part.synapse_bits for part in here) <= memory
        assert core < cores


def test_events_go_along_the_row_and_then_along_the_column(plain):
    assert hops(plain.structure, 0, 3) == (1, 1)
    assert route(plain.structure, 0, 3) == ["link 0,0 to 1,0", "link 1,0 to 1,1"]
    assert route(plain.structure, 3, 0) == ["link 1,1 to 0,1", "link 0,1 to 0,0"]
    assert route(plain.structure, 2, 2) == []
