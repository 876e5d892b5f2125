"""Numbers of parts: the sources' own rows come out as they stand, and between them nothing turns."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from near import near

from neurosim.errors import ConfigError
from neurosim.hardware.components import estimates, scaling
from neurosim.hardware.components.scaling import Process
from neurosim.hardware.components.tables import between, sram, technology

KINDS = ("low_standby_power", "low_operating_power", "high_performance")
HOROWITZ = Process(45, 0.9, "low_standby_power")  # the node and voltage of his table
ALADDIN = Process(40, 0.9, "low_operating_power")
kinds, nodes, voltages = st.sampled_from(KINDS), st.floats(7, 130), st.floats(0.5, 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("bits", "pJ"), [(8, 0.2), (32, 3.1)])
def test_a_product_of_horowitz(kind, bits, pJ):
    assert estimates.product_energy(bits, bits, HOROWITZ._replace(transistors=kind)).value == near(pJ * 1e-12)


@pytest.mark.parametrize(("bits", "pJ"), [(8, 0.03), (32, 0.1)])
def test_a_sum_of_horowitz(bits, pJ):
    assert estimates.sum_energy(bits, HOROWITZ).value == near(pJ * 1e-12)
    assert estimates.sum_energy(16, HOROWITZ).value == near(math.sqrt(0.03 * 0.1) * 1e-12)  # half-way in logs


def test_a_product_narrower_than_the_source_is_in_proportion_to_its_cells():
    of = [estimates.product_energy(8, bits, HOROWITZ).value for bits in (8, 4, 2, 1)]
    assert of == near([0.2e-12, 0.1e-12, 0.05e-12, 0.025e-12])
    assert estimates.product_energy(4, 16, HOROWITZ).value == near(0.2e-12)  # as many cells as 8 x 8


@pytest.mark.parametrize(
    ("kind", "node", "kB", "bits", "row"),
    [  # rows of CACTI's output: access and cycle in ns, read and write in pJ, leakage in mW, area in mm2
        ("low_standby_power", 45, 8, 64, (1.06385, 0.886261, 6.13702, 7.87807, 0.000256785, 0.0262673)),
        ("low_standby_power", 45, 1024, 64, (4.01901, 3.20736, 93.5192, 76.1829, 0.0249626, 3.26283)),
        ("low_standby_power", 22, 32, 64, (0.845014, 0.628462, 3.78646, 3.10424, 0.00545624, 0.0266947)),
        ("high_performance", 45, 32, 64, (0.407996, 0.431177, 14.9248, 12.6898, 17.1723, 0.0949153)),
        ("low_operating_power", 45, 32, 64, (0.983909, 0.72453, 7.23311, 5.619, 0.812612, 0.111942)),
    ],
)
def test_an_array_of_cacti(kind, node, kB, bits, row):
    assert tuple(sram("memory", kind, kB, bits, node)) == near(row)
    process = Process(node, scaling.nominal(node, kind), kind)
    unit, read, write = estimates.memory("memory", kB, bits, process)
    assert unit.area_mm2.value == near(row[5])
    assert unit.leakage_W.value == near(row[4] * 1e-3)
    assert unit.path_s == near(max(row[:2]) * 1e-9)
    assert (read.value, write.value) == near((row[2] * 1e-12, row[3] * 1e-12))


@pytest.mark.parametrize(
    ("node", "row"),
    [  # CACTI's own arrays of 32 kB and 64 bits at nodes between the table's
        (28, (1.0581, 0.795588, 6.17455, 5.3878, 0.0040057, 0.0432518)),
        (40, (1.39544, 1.02331, 12.0444, 11.151, 0.0013128, 0.0884221)),
        (55, (1.74379, 1.66187, 23.0521, 21.4128, 0.0030701, 0.141707)),
    ],
)
def test_between_the_nodes_of_the_table_is_near_what_cacti_gives_there(node, row):
    *near, leakage, area = (x / y for x, y in zip(sram("memory", KINDS[0], 32, 64, node), row, strict=True))
    assert [ratio for ratio in (*near, area) if not 1 / 1.15 <= ratio <= 1.15] == []
    assert 1 / 1.7 <= leakage <= 1


def test_horowitz_memory_is_at_the_end_of_the_band():
    ours = [estimates.memory("memory", kB, 64, HOROWITZ)[1] for kB in (8, 32, 1024)]
    for read, pJ in zip(ours, (10, 20, 100), strict=True):
        assert read.low <= pJ * 1e-12 <= read.high * (1 + 1e-12)
    assert max(pJ * 1e-12 / read.high for read, pJ in zip(ours, (10, 20, 100), strict=True)) == near(1)


def test_a_unit_of_aladdin():
    product, add = estimates.multiplier(32, 32, 1e-9, ALADDIN), estimates.adder(32, 1e-9, ALADDIN)
    assert product.area_mm2.value == near(6351.338e-6)
    assert product.leakage_W.value == near(0.07786052e-3)
    assert add.area_mm2.value == near(277.9792e-6)
    assert product.path_s == near(1e-9)
    slow = estimates.multiplier(32, 32, None, ALADDIN)
    assert slow.area_mm2.value == near(4595.0e-6)  # the row of 6 ns
    assert estimates.multiplier(8, 8, None, ALADDIN).area_mm2.value == near(4595.0e-6 / 16)
    held, bit = estimates.registers(1, ALADDIN)
    assert held.area_mm2.value == near(5.981433e-6)
    assert held.area_mm2.high == near(7.98e-6)  # of the other release
    assert bit.value == near(0.008999495e-12)


def test_evoapprox_circuits_are_at_the_end_of_the_band():
    at_45 = Process(45, 0.9, "low_standby_power")
    assert estimates.multiplier(8, 8, None, at_45).area_mm2.high == near(860e-6)
    assert estimates.adder(8, None, at_45).area_mm2.high == near(221e-6)


def test_a_router_of_isaac():
    unit, event = estimates.router(256, Process(32, 0.9, "low_standby_power"))
    assert (unit.area_mm2.value, event.value) == near((0.15, 20.74e-12))
    assert estimates.router(32, Process(32, 0.9, "low_standby_power"))[1].value == near(20.74e-12 / 8)


def test_factors_of_stillmaker_and_baas():
    def polynomial(volt, *fit):
        return sum(c * volt**power for power, c in enumerate(reversed(fit)))

    there, here = Process(65, 1.0, "high_performance"), Process(20, 0.8, "high_performance")
    expected = polynomial(0.8, 0.373, -0.1582, 0.04104) / polynomial(1.0, 3.755, -4.398, 1.975)
    assert scaling.energy(there, here) == near(expected)
    expected = polynomial(0.8, 34.63, -66.37, 41.15) / polynomial(1.0, -53.3, 230.4, -333.9, 178.6)
    assert scaling.delay(there, here) == near(expected)
    assert scaling.area(there, here) == near(0.21 / 1.5)


def test_memory_below_the_table_as_hwcomponents_takes_it_on():
    at_22, _, _ = estimates.memory("memory", 32, 64, Process(22, 0.8, "low_standby_power"))
    at_11, read, _ = estimates.memory("memory", 32, 64, Process(11, 0.8, "low_standby_power"))
    assert at_11.area_mm2.value == near(at_22.area_mm2.value / 2)
    assert at_11.leakage_W.value == near(at_22.leakage_W.value * 0.5**0.5 * 0.79)
    assert read.value == near(3.78646e-12 * 0.5**0.5)


def test_every_group_of_the_table_says_where_it_is_from():
    for name, group in technology().items():
        assert len(group["source"]) > 20, name


@given(st.floats(2, 8), st.lists(st.floats(0.1, 100), min_size=3, max_size=3))
def test_between_rows_stays_between_them(x, ys):
    xs = [2.0, 4.0, 8.0]
    y = between(x, xs, ys)
    pair = ys[:2] if x <= 4 else ys[1:]
    assert min(pair) * (1 - 1e-12) <= y <= max(pair) * (1 + 1e-12)


@given(kinds, nodes, voltages, voltages)
def test_more_voltage_takes_no_less_energy_and_no_more_time(kind, node, a, b):
    low, high = Process(node, min(a, b), kind), Process(node, max(a, b), kind)
    assert scaling.energy(low, high) >= 1 - 1e-12
    assert scaling.delay(low, high) <= 1 + 1e-12


@given(kinds, st.floats(7, 90), st.floats(7, 90), st.floats(1, 1024), st.floats(1, 1024))
def test_memory_grows_with_size_and_node(kind, a, b, small, large):
    process = Process(a, 0.8, kind)
    area = estimates.memory("memory", min(small, large), 64, process)[0].area_mm2.value
    assert area <= estimates.memory("memory", max(small, large), 64, process)[0].area_mm2.value * (1 + 1e-12)
    nodes_of = [estimates.memory("memory", small, 64, Process(node, 0.8, kind))[0].area_mm2.value for node in (a, b)]
    assert (nodes_of[0] <= nodes_of[1] * (1 + 1e-12)) == (a <= b) or math.isclose(*nodes_of)


@given(kinds, nodes, st.integers(1, 16), st.integers(1, 16), st.floats(1e-9, 1e-8))
def test_logic_grows_with_bits_and_node_and_clock(kind, node, a, b, period):
    process = Process(node, 0.8, kind)
    unit = estimates.multiplier(a, b, period, process)
    assert unit.area_mm2.value <= estimates.multiplier(a + 1, b, period, process).area_mm2.value
    assert unit.area_mm2.value <= estimates.multiplier(a, b, period / 2, process).area_mm2.value * (1 + 1e-12)
    assert estimates.product_energy(a, b, process).value < estimates.product_energy(a, b + 1, process).value
    band = unit.area_mm2
    assert band.low <= band.value <= band.high


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (Process(5, 0.8, KINDS[0]), "x.node_nm must be from 7 to 130 nm, as far as the table goes, got 5"),
        (Process(180, 0.8, KINDS[0]), "x.node_nm must be from 7 to 130 nm"),
        (Process(28, 0.4, KINDS[0]), "x.voltage_V must be from 0.5 to 1 V at 28 nm, where the scaling equations hold"),
        (Process(28, 1.1, KINDS[0]), "x.voltage_V must be from 0.5 to 1 V at 28 nm"),
    ],
)
def test_technology_beyond_the_equations_is_refused(process, words):
    with pytest.raises(ConfigError, match=words):
        scaling.check("x", process)


@pytest.mark.parametrize(
    ("kB", "bits", "words"),
    [
        (2048, 64, r"components.weights.kB must be from 1 to 1024 kB, as far as the table goes, got 2048"),
        (0.5, 64, r"components.weights.kB must be from 1 to 1024 kB"),
        (32, 512, r"components.weights.word_bits must be from 8 to 256 bits"),
    ],
)
def test_memory_beyond_the_table_is_refused(kB, bits, words):
    with pytest.raises(ConfigError, match=words):
        estimates.memory("components.weights", kB, bits, HOROWITZ)
