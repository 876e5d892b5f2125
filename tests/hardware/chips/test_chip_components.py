"""Chips described by their parts: what follows from them, what stands before it, and what is refused."""

import json
from importlib.resources import files

import described
import numpy as np
import pytest
from near import near

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError, InfeasibleError
from neurosim.hardware.components import estimates, scaling
from neurosim.hardware.components.scaling import Process

CHIP = "cmos28-int8"
AT_28 = Process(28, 0.9, "low_standby_power")
PER_UM2, PER_BIT = 1e-6, 5.981433  # mm2; um2 of a register of Aladdin's


@pytest.fixture(scope="module")
def chip():
    return hardware.load(CHIP)


def shares(chip):
    return {component.name: component for component in chip.components.listed}


def test_a_chip_has_as_many_parts_as_its_structure_says(chip):
    counts = {name: component.number for name, component in shares(chip).items()}
    cores, links = 16, 2 * (3 * 4 + 4 * 3)
    assert counts == {
        "weights": cores * 8, "multiply_accumulate": cores * 8, "neurons": cores, "exponential": cores,
        "router": cores, "queue": 16 * (cores + links),
    }  # fmt: skip


def test_area_by_hand(chip):
    bank = estimates.memory("x", 32, 64, AT_28)[0].area_mm2.value
    to_28 = scaling.area(AT_28.at(40, 0.9), AT_28)
    parts = {name: component.total.area_mm2.value for name, component in shares(chip).items()}
    assert parts["weights"] == near(128 * bank)
    assert parts["neurons"] == near(16 * 256 * 32 * PER_BIT * PER_UM2 * to_28)
    assert parts["queue"] == near(1024 * 32 * PER_BIT * PER_UM2 * to_28)
    assert chip.area_mm2 == near(sum(parts.values()))


def test_energies_by_hand(chip):
    _, read, write = estimates.memory("x", 32, 64, AT_28)
    to_28 = scaling.energy(AT_28.at(45, 0.9), AT_28)
    assert chip.energy["memory_read_bit"].value == near(read.value / 64)
    assert chip.energy["memory_write_bit"].value == near(write.value / 64)
    lane, bit = (0.2e-12 + 0.1e-12) * to_28, estimates.registers(1, AT_28)[1].value  # 8 and 32 bits of Horowitz
    assert chip.energy["synaptic_operation"].value == near(lane + 32 * bit)
    assert chip.energy["weight_update"].value == near(lane)
    alone = hardware.load(CHIP, {"components.multiply_accumulate.register_bits": 0}).energy
    assert alone["synaptic_operation"].value == near(lane)
    assert chip.energy["weight_update"].high == near(2 * alone["synaptic_operation"].high)
    leaks = [component.total.leakage_W.value for component in chip.components.listed]
    assert chip.power["static"].value == near(sum(leaks))


def test_every_constant_of_a_part_tells_where_it_is_from(chip):
    for name, constant in {**chip.energy, **chip.power}.items():
        assert constant.confidence == "derived", name
        assert "28 nm, 0.9 V" in constant.operating_point
        assert "Stillmaker and Baas 2017" in constant.source
        assert constant.low <= constant.value <= constant.high
    json.dumps(chip.describe())


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("structure.lanes", (1, 8, 64)),
        ("structure.queue", (0, 16, 256)),
        ("structure.synapse_bits_per_core", (2**20, 2**21, 2**22)),
        ("structure.clock_Hz", (100e6, 400e6, 800e6)),
        ("structure.weight_bits", (2, 8, 16)),
        ("components.node_nm", (7, 16, 28, 45, 65)),
        ("components.weights.node_nm", (16, 22, 28, 32)),
    ],
)
def test_area_grows_with_what_is_built(key, values):
    changes = {"structure.clock_Hz": 100e6} if "node" in key else {}
    areas = [hardware.load(CHIP, changes | {key: value}).area_mm2 for value in values]
    assert areas == sorted(areas)
    assert areas[0] < areas[-1]


def test_area_is_in_proportion_to_the_cores():
    four = hardware.load(CHIP, {"structure.cores": 4, "structure.mesh": [2, 2], "structure.queue": 0})
    sixteen = hardware.load(CHIP, {"structure.queue": 0})
    assert sixteen.area_mm2 == near(4 * four.area_mm2)


def test_what_a_description_says_itself_stands_before_its_parts(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        f'base = "{CHIP}"\n[structure]\narea_mm2 = 9.0\n[energy.synaptic_operation]\nvalue = 7\nunit = "pJ"\n'
        'definition = "measured"\nsource = "us"\nconfidence = "primary"\n'
    )
    mine = hardware.load(path)
    assert (mine.area_mm2, mine.energy["synaptic_operation"].value) == (9.0, near(7e-12))
    assert mine.at_width("synaptic_operation", 2).value == near(7e-12)  # and of whatever width
    assert mine.energy["memory_read_bit"] == hardware.load(CHIP).energy["memory_read_bit"]


def test_a_clock_beyond_a_part_is_refused(chip):
    fastest = chip.components.fastest_Hz
    hardware.load(CHIP, {"structure.clock_Hz": fastest * 0.999999})
    words = r"structure.clock_Hz must be at most 8.871e\+08, by the critical path of components.weights, got 10{9}.0"
    with pytest.raises(InfeasibleError, match=words):
        hardware.load(CHIP, {"structure.clock_Hz": 1e9})
    smaller = {"components.weights.banks": 64, "structure.clock_Hz": 1e9}  # banks of 4 kB are fast enough
    assert hardware.load(CHIP, smaller).components.fastest_Hz > 1e9
    one_cycle = {"components.multiply_accumulate.stages": 1, "components.weights.banks": 64}
    assert hardware.load(CHIP, one_cycle).components.fastest_Hz == near(1.8121e9 / 2, rel=1e-4)


def refused(changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        hardware.load(CHIP, changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"components.node_nm": 5}, r"components.weights.node_nm must be from 7 to 130 nm"),
        ({"components.node_nm": 130}, r"components.weights.node_nm must be from 7 to 90 nm, as far as the table goes"),
        ({"components.node_nm": -1}, r"components.weights.node_nm must be positive"),
        ({"components.voltage_V": 1.5}, r"components.weights.voltage_V must be from 0.5 to 1 V at 28 nm"),
        ({"components.transistors": "cmos"}, r"components.weights.transistors must be .*low_standby_power"),
        ({"components.weights.component": "dram"}, r"components.weights.component must be .*sram.*, got 'dram'"),
        ({"components.weights.kB": 8}, r"components.weights.kB must be at least 32, what structure.synapse_bits_per"),
        ({"components.weights.kB": 4096}, r"components.weights.kB must be from 1 to 1024 kB, as far as the table goes"),
        ({"components.weights.word_bits": 128}, r"weights.word_bits must be 64, as memory.word_bits, got 128"),
        ({"memory.banks": 16}, r"components.weights.banks must be at least 16, as memory.banks, got 8"),
        ({"components.weights.size": 8}, r"components.weights.size must be one of "),
        ({"components.cache.kB": 8}, r"components.cache must be one of "),
        ({"components.weights": 8}, r"components.weights must be a table"),
        (
            {"components.multiply_accumulate.accumulator_bits": 15},
            r"multiply_accumulate.accumulator_bits must be at least 16: a product of 8 and 8 bits is as wide, got 15",
        ),
        ({"components.multiply_accumulate.stages": 3}, r"components.multiply_accumulate.stages must be"),
        ({"components.multiply_accumulate.register_bits": -1}, r"components.multiply_accumulate.register_bits must be"),
        ({"components.neurons.bits": 4}, r"components.neurons.bits must be"),
    ],
)
def test_parts_that_cannot_be_are_refused_by_their_keys(changes, words):
    refused(changes, words)


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("node_nm = 28\n", r"components.weights.node_nm must be given, in nm, or components.node_nm for all, got None"),
        ('component = "sram"\n', r"components.weights.component must be given"),
        ("queue = 16\n", r"structure.queue must be given, as components.queue has as many places"),
        ("neuron_bits = 32\n", r"components.neurons.bits must be given, or structure.neuron_bits"),
    ],
)
def test_what_a_part_needs_must_be_given(tmp_path, lost, words):
    text = files("neurosim.hardware.chips").joinpath("presets", f"{CHIP}.toml").read_text()
    assert lost in text
    (tmp_path / "less.toml").write_text(text.replace(lost, "", 1))
    with pytest.raises(ConfigError, match=words):
        hardware.load(tmp_path / "less.toml")


def test_usual_voltages_and_sram_for_neurons():
    usual = {"components.voltage_V": scaling.nominal(28, "low_standby_power")}
    stated = hardware.load(CHIP, usual)
    assert 0.8 < usual["components.voltage_V"] < 1.0  # between CACTI's 22 and 32 nm
    registers = hardware.load(CHIP)
    in_sram = hardware.load(CHIP, {"components.neurons.component": "sram"})
    assert shares(in_sram)["neurons"].total.area_mm2.value < shares(registers)["neurons"].total.area_mm2.value
    assert stated.energy["memory_read_bit"].value > registers.energy["memory_read_bit"].value


def test_a_product_takes_less_energy_with_narrower_weights(chip):
    wide, narrow = chip.at_width("synaptic_operation", 8), chip.at_width("synaptic_operation", 4)
    to_28 = scaling.energy(AT_28.at(45, 0.9), AT_28)
    assert wide == chip.energy["synaptic_operation"]
    written = 32 * estimates.registers(1, AT_28)[1].value
    assert narrow.value == near((0.2e-12 * 4 / 8 + 0.1e-12) * to_28 + written)
    assert chip.at_width("weight_update", 4).value == near((0.2e-12 * 4 / 8 + 0.1e-12) * to_28)
    assert chip.at_width("synaptic_operation", 12) == wide  # never more than what is built
    assert chip.at_width("neuron_update", 4) == chip.energy["neuron_update"]


@pytest.mark.parametrize("bits", [4, 8])
def test_layers_are_priced_by_the_bits_of_their_weights(chip, bits):
    network = ns.Chip([ns.recipes.softhebb(12, weight_bits=bits)], inputs=20)
    x = np.random.default_rng(3).random((40, 20), np.float32)
    report = hardware.price(hardware.count(network, x), chip)
    row = report.energy.operations["synaptic_operation"]
    assert row["each_J"] == near(chip.at_width("synaptic_operation", bits).value)
    assert row["energy_J"] == near(row["count"] * row["each_J"])


def test_area_and_power_density_are_told(chip):
    network = ns.Chip([ns.recipes.softhebb(12, weight_bits=8)], inputs=20)
    x = np.random.default_rng(3).random((40, 20), np.float32)
    report = hardware.price(hardware.count(network, x), chip)
    summary = report.summary()
    power = report.energy_J[1].sum() / report.schedule.held_s.sum()
    assert summary["area_mm2"] == chip.area_mm2
    parts = summary["hardware"]["components"]
    for end in ("area_low_mm2", "area_mm2", "area_high_mm2"):
        assert summary[end] == near(sum(part[end] for part in parts))
    assert summary["power_W"] == near(power)
    assert summary["power_density_W_per_mm2"] == near(power / chip.area_mm2)
    assert summary["mapping"]["area_used_mm2"] == near(chip.area_mm2 / 16)
    plain = hardware.price(hardware.count(network, x), hardware.load("cmos45-int8")).summary()
    assert (plain["area_mm2"], plain["power_density_W_per_mm2"]) == (None, None)


def test_the_adder_of_the_45_nm_chip_holds_what_it_sums():
    energy = hardware.load("cmos45-int8").energy
    assert energy["synaptic_operation"].value == near(0.2e-12 + 0.1e-12)  # 8-bit multiply, 32-bit add
    assert energy["weight_update"].value == near(0.2e-12 + 0.1e-12)
    at_45 = Process(45, 0.9, "low_standby_power")
    assert energy["synaptic_operation"].low == near(estimates.sum_energy(24, at_45).value, rel=0.01)
    narrow = estimates.product_energy(8, 8, at_45).value + estimates.sum_energy(16, at_45).value
    assert energy["weight_update"].low == near(narrow, rel=0.01)


@pytest.mark.parametrize("table", ["[components]\n", "[components]\nnode_nm = 28\n"])
def test_without_any_part_there_is_no_area(tmp_path, table):
    path = tmp_path / "none.toml"
    path.write_text(described.text(head=described.PLAIN.replace("area_mm2 = 4.0\n", "")) + table)
    network = ns.Chip([ns.recipes.softhebb(8, weight_bits=8)], inputs=20)
    report = hardware.price(hardware.count(network, np.ones((3, 20), np.float32)), hardware.load(path))
    summary = report.summary()
    assert (summary["area_mm2"], summary["power_density_W_per_mm2"]) == (None, None)
    assert summary["energy_J"] > 0
    assert summary["power_W"] > 0


def test_an_area_smaller_than_its_parts_is_noted(chip):
    network = ns.Chip([ns.recipes.softhebb(12, weight_bits=8)], inputs=20)
    counts = hardware.count(network, np.ones((3, 20), np.float32))
    for area, noted in ((0.001, True), (2 * chip.area_mm2, False)):
        notes = hardware.price(counts, hardware.load(CHIP, {"structure.area_mm2": area})).summary()["notes"]
        assert any("its parts alone are" in note for note in notes) == noted
