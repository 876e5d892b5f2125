"""Strategies and placements by hand: every neuron and position once, no core too full, and what is refused."""

import counted
import described
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.strategies.options import as_placement


@pytest.fixture
def plain(tmp_path):
    """Four cores of 8 neurons and 4,096 bits."""
    return hardware.load(described.written(tmp_path))


def seen(mapping):
    return [(part.layer, part.core, part.first, part.neurons) for part in mapping.parts]


def test_spread_gives_the_layer_with_most_synapses_a_core_the_next_core(plain):
    demands = [counted.dense(0, 60, 7), counted.dense(1, 7, 4)]
    assert seen(hardware.place(demands, plain)) == [(0, 0, 0, 7), (1, 1, 0, 4)]
    # 420 synapses on one core, 210 on each of two, 140 on each of three; 28 of the other layer on one.
    assert seen(hardware.place(demands, plain, "spread")) == [(0, 0, 0, 3), (0, 1, 3, 2), (0, 2, 5, 2), (1, 3, 0, 4)]
    assert len(hardware.place([counted.dense(0, 8, 3)], plain, "spread").cores) == 3  # a core has one neuron at least


def test_by_hand_a_layer_is_shared_out_evenly_or_as_told(plain):
    demands = [counted.dense(0, 8, 7), counted.dense(1, 7, 4)]
    even = hardware.place(demands, plain, {"cores": [[3, 1], [0]]})
    assert seen(even) == [(0, 3, 0, 4), (0, 1, 4, 3), (1, 0, 0, 4)]
    told = hardware.place(demands, plain, {"cores": [[[2, 2, 5], [3, 0, 2]], [3]]})
    assert seen(told) == [(0, 3, 0, 2), (0, 2, 2, 5), (1, 3, 0, 4)]


def test_by_hand_from_a_file(plain, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[placement]\ncores = [[3, 1], [0]]\n")
    demands = [counted.dense(0, 8, 7), counted.dense(1, 7, 4)]
    assert hardware.place(demands, plain, path).cores == [0, 1, 3]
    assert as_placement(hardware.Placement(strategy="spread")).strategy == "spread"


@pytest.mark.parametrize(
    ("placement", "words"),
    [
        ("nearest", "placement must be one of rows, spread, optimised, or a .toml file, got 'nearest'"),
        (3, "placement must be one of rows, spread, optimised, a .toml file or a table, got 3"),
        ({"core": [[0]]}, "placement.core must be one of strategy, cores"),
        ({"cores": [[0, 1]]}, "placement.cores must be given for each of the 2 layers, got 1"),
        ({"cores": [[0, 4], [1]]}, "placement.cores, layer 1 must be below 4, the cores of plain, got 4"),
        ({"cores": [[0, 0], [1]]}, "placement.cores, layer 1 must be cores that are each given once, got 0"),
        ({"cores": [[[0, 0, 5], [1, 4, 3]], [1]]}, r"layer 1 must be each neuron once: .* is 5, got '?4 on core 1"),
        ({"cores": [[[0, 0, 5], [1, 6, 1]], [1]]}, r"layer 1 must be each neuron once: .* is 5, got '?6 on core 1"),
        ({"cores": [[[0, 0, 5]], [1]]}, r"layer 1 must be each of 7 neurons once, got '?the first 5"),
        ({"cores": [[0], [0]]}, "neurons of layer 1 and 2 on core 0 must be at most 8, .* got 11; 3 too many"),
        ({"cores": [[0, [1, 2, 3]], [1]]}, "placement.cores, layer 1 must be all of one form"),
        ({"cores": [[0], [1, 2]], "strategy": "spread"}, "placement.strategy must be left out beside placement.cores"),
        ({"cores": [[[0, 1]], [1]]}, r"layer 1 must be core numbers, or \[core, first neuron, neurons\] each"),
        ({"cores": [[-1], [1]]}, "placement.cores, layer 1 must be a whole number of at least 0, got -1"),
        ({"cores": 3}, "placement.cores must be a list for each layer"),
        ({"positions_per_core": 0}, "placement.positions_per_core must be a whole number of at least 1"),
    ],
)
def test_what_cannot_be_placed_is_refused(plain, placement, words):
    with pytest.raises(ConfigError, match=words):
        hardware.place([counted.dense(0, 8, 7), counted.dense(1, 7, 4)], plain, placement)


def test_too_much_memory_by_hand_is_refused(plain):
    with pytest.raises(ConfigError, match=r"bits of synapses of layer 1 on core 2 must be at most 4096, .* got 4480"):
        hardware.place([counted.dense(0, 80, 7)], plain, {"cores": [[2]]})


layers = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 12), st.integers(1, 9)), min_size=1, max_size=3)


@settings(max_examples=200, deadline=None)
@given(
    layers, st.integers(1, 12), st.integers(1, 3000), st.integers(1, 9), st.booleans(), st.booleans(),
    st.sampled_from(["rows", "spread", "optimised"]), st.sampled_from([None, 1, 2, 3]),
    st.sampled_from(["shared", "unrolled"]),
)  # fmt: skip
def test_every_neuron_has_every_position_on_one_core_once(
    tmp_path_factory, sizes, most, memory, cores, turns, outside, strategy, positions, convolution
):
    changes = {
        "neurons_per_core": most, "synapse_bits_per_core": memory, "cores": cores, "mesh": [cores, 1],
        "time_multiplexed": turns, "convolution": convolution,
    } | ({"external_bits": 10**9} if outside else {})  # fmt: skip
    path = described.written(tmp_path_factory.mktemp("chip"))
    chip = hardware.load(path, {f"structure.{name}": value for name, value in changes.items()})
    demands = [Demand(n, 99, fan_in, neurons, p, 8, True) for n, (fan_in, neurons, p) in enumerate(sizes)]
    try:
        mapping = hardware.place(demands, chip, {"strategy": strategy, "positions_per_core": positions})
    except ConfigError:
        kernels = [fan_in * 8 for fan_in, _, _ in sizes]
        assert not (turns and outside) or max(kernels) > memory
        return
    for wanted in demands:
        held = np.zeros((wanted.neurons, wanted.positions), int)
        for part in mapping.of(wanted.layer):
            held[part.first :, part.first_position :][: part.neurons, : part.positions] += 1
            assert part.sites == part.neurons * part.positions <= most
            assert positions is None or part.positions <= positions
        assert (held == 1).all()
    for core in mapping.cores:
        here = [part for part in mapping.parts if part.core == core]
        assert sum(part.synapse_bits for part in here if part.resident) <= memory
        if not mapping.in_turns:
            assert sum(part.sites for part in here) <= most
            assert all(part.resident for part in here)
        assert core < cores


def hop_energy(report):
    rows = report.energy.operations
    return sum(rows[name]["energy_J"] for name in ("hop_east_west", "hop_north_south"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 5), st.booleans(),
    st.booleans(), st.integers(0, 2**20),
)  # fmt: skip
def test_optimised_is_never_worse_than_rows_and_the_same_again(
    tmp_path_factory, sizes, columns, rows, multicast, turns, seed
):
    random = np.random.default_rng(seed)
    changes = {"cores": columns * rows, "mesh": [columns, rows], "multicast": multicast, "time_multiplexed": turns}
    path = described.written(tmp_path_factory.mktemp("chip"))
    chip = hardware.load(path, {f"structure.{name}": value for name, value in changes.items()})
    made, before = [], 20
    for n, neurons in enumerate(sizes):
        sent = random.random((3, neurons)) < random.random()
        made.append(counted.layer(counted.dense(n, before, neurons), random.integers(0, before + 1, 3), sent=sent))
        before = neurons
    run = counted.counts(*made)
    try:
        plain = hardware.price(run, chip, timed_samples=1)
    except ConfigError:
        return
    better = hardware.price(run, chip, timed_samples=1, placement={"strategy": "optimised", "seed": seed})
    again = hardware.price(run, chip, timed_samples=1, placement={"strategy": "optimised", "seed": seed})
    assert hop_energy(better) <= hop_energy(plain) * (1 + 1e-12)
    assert better.mapping == again.mapping
    moved = dict(zip([p.core for p in plain.mapping.parts], [p.core for p in better.mapping.parts], strict=True))
    assert len(set(moved.values())) == len(moved)  # what a core holds moves together
    assert [p._replace(core=moved[p.core]) for p in plain.mapping.parts] == list(better.mapping.parts)


def test_optimised_finds_the_best_of_all_orders(plain):
    """Three layers, of a core each: the last one talks to the port, so that it belongs beside it, too."""
    random = np.random.default_rng(3)
    made = [
        counted.layer(counted.dense(n, 8, 8), random.integers(0, 9, 4), sent=random.random((4, 8)) < 0.5)
        for n in range(3)
    ]
    run = counted.counts(*made)
    found = hop_energy(hardware.price(run, plain, placement="optimised"))
    orders = [[[a], [b], [c]] for a in range(4) for b in range(4) for c in range(4) if len({a, b, c}) == 3]
    least = min(hop_energy(hardware.price(run, plain, placement={"cores": order})) for order in orders)
    assert found == pytest.approx(least, rel=1e-12, abs=0)
    assert found < hop_energy(hardware.price(run, plain))


def test_sample_by_sample_on_the_same_cores():
    import neurosim as ns

    chip = ns.Chip([ns.recipes.softhebb(20, weight_bits=8)], inputs=64)
    placed = hardware.on(chip, "cmos45-int8", placement={"cores": [[5, 3]]})
    assert placed.mapping.cores == [3, 5]
    hops = placed.learn_one([1.0] * 64).cost.operations
    assert "hop_east_west" not in hops  # without a price on this chip
    report = hardware.price(hardware.count(chip, np.ones((2, 64), np.float32)), "cmos45-int8", placement=placed.mapping)
    assert operations(report.mapping, report.counts)["hop_east_west"][0] == 64 * (1 + 3) + 2 * 2 + 1


def test_a_mapping_of_another_network_or_chip_is_refused(plain, tmp_path):
    run = counted.counts(counted.layer(counted.dense(0, 8, 7), [3], np.zeros((1, 7))))
    mine = hardware.place([run.layers[0].demand], plain, "spread")
    assert hardware.price(run, plain, placement=mine).mapping.parts == mine.parts
    for other in ([counted.dense(0, 8, 6)], [counted.dense(0, 8, 7), counted.dense(1, 7, 4)]):
        with pytest.raises(ConfigError, match=r"placement must be of the layers of the run .*\[8, 8, 7, 1, 8\].*anew"):
            hardware.price(run, plain, placement=hardware.place(other, plain))
    wider = hardware.load(tmp_path / "plain.toml", {"structure.neurons_per_core": 2, "structure.cores": 4})
    with pytest.raises(ConfigError, match="placement must be onto cores and memory as plain has them"):
        hardware.price(run, plain, placement=hardware.place([run.layers[0].demand], wider))
