"""Layers larger than a chip, and kernels with copies: closed forms of what it costs, by hand, and what is refused."""

import counted
import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.counting.counts import LayerCounts
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.table import table
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.flow import load, plan

ENERGIES = described.ENERGIES | {"external_read_bit": 31, "external_write_bit": 37}
TIMES = described.TIMES | {"external_bit": 0.5}
TURNS = {"time_multiplexed": True, "external_bits": 10**6}


def chip(folder, **structure):
    path = described.written(folder, energies=ENERGIES, times=TIMES)
    return hardware.load(path, {f"structure.{name}": value for name, value in structure.items()})


def found(report):
    return {name: list(values) for name, values in operations(report.mapping, report.counts).items()}


def layers_of_one_core(samples=6, seed=3):
    """Twenty soft neurons of 10 inputs on a core of 8: three turns of 7, 7 and 6 neurons."""
    random = np.random.default_rng(seed)
    written = random.random((samples, 20)) < 0.3
    return counted.counts(counted.layer(counted.dense(0, 10, 20), random.integers(0, 11, samples), written)), written


def test_three_turns_of_one_core_by_hand(tmp_path):
    run, written = layers_of_one_core()
    report = hardware.price(run, chip(tmp_path, cores=1, mesh=[1, 1], time_multiplexed=True))
    parts = report.mapping.parts
    assert [(p.core, p.first, p.neurons, p.turn, p.resident) for p in parts] == [
        (0, 0, 7, 0, True), (0, 7, 7, 1, True), (0, 14, 6, 2, True),
    ]  # fmt: skip
    counts = found(report)
    # 14 states of 16 bits wait for the last turn, and are read again; all 20 x 10 x 8 bits of synapses stay.
    assert counts["state_write_bit"] == counts["state_read_bit"] == [14 * 16] * 6
    assert counts["external_read_bit"] == counts["external_write_bit"] == [0] * 6
    assert report.energy.parts["reloading"][1] == pytest.approx(14 * 16 * (23 + 29) * 1e-12, rel=1e-12, abs=0)
    # An event enters once; in the first turn each occupies the core for 11 + 7 x 2 ns, later ones for their neurons.
    free = 0
    for n, events in enumerate(run.layers[0].events):
        port = core = 0
        for _ in range(events):
            port += 17
            core = max(core, port) + 11 + 7 * 2
        core += events * (7 * 2 + 6 * 2) + 2 * 14 * 3  # two more turns; a state moves in the time of an update
        answered = core + 20 * (3 + 5) + 13
        learned = answered + int(written[n].sum()) * events * 7
        assert report.schedule.latency_s[n] * 1e9 == pytest.approx(answered, rel=1e-12, abs=0)
        free = free + learned
    assert report.schedule.limit_hz == pytest.approx(6e9 / free, rel=1e-12, abs=0)


def test_synapses_that_do_not_fit_come_from_outside_by_hand(tmp_path):
    """Memory for 9 neurons of 80 bits and the waiting states: one tile of 7 comes and goes, and none stays."""
    run, written = layers_of_one_core()
    built = chip(tmp_path, cores=1, mesh=[1, 1], synapse_bits_per_core=9 * 80 + 14 * 16, **TURNS)
    report = hardware.price(run, built)
    assert [part.resident for part in report.mapping.parts] == [False] * 3
    assert report.mapping.summary()["external_memory_bytes"] == 20 * 10
    counts, events = found(report), run.layers[0].events
    by_tile = [written[:, begin:end].sum(axis=1) for begin, end in ((0, 7), (7, 14), (14, 20))]
    again, back = 80 * (by_tile[0] + by_tile[1]), 80 * sum(by_tile)
    assert counts["external_read_bit"] == list(20 * 80 + again)
    assert counts["external_write_bit"] == list(back)
    assert counts["reload_write_bit"] == list(20 * 80 + again)
    assert counts["reload_read_bit"] == list(back)
    assert counts["state_write_bit"] == [14 * 16] * 6
    spent = (20 * 80 + again) * (31 + 29) + back * (37 + 23) + 14 * 16 * (23 + 29)
    assert report.energy.parts["reloading"][1] == pytest.approx(spent * 1e-12, rel=1e-12, abs=0)
    inside = hardware.price(run, chip(tmp_path, cores=1, mesh=[1, 1], **TURNS))
    later = (report.schedule.latency_s - inside.schedule.latency_s) * 1e9
    assert later == pytest.approx(20 * 80 * 0.5, rel=1e-9, abs=0)
    more = 1e9 * 6 * (1 / report.schedule.limit_hz - 1 / inside.schedule.limit_hz)
    assert more == pytest.approx((6 * 20 * 80 + again.sum() + back.sum()) * 0.5, rel=1e-9, abs=0)
    assert (events > 0).any()


def test_states_go_outside_where_a_core_has_no_room(tmp_path):
    run, _ = layers_of_one_core()
    built = chip(tmp_path, cores=1, mesh=[1, 1], synapse_bits_per_core=7 * 80, **TURNS)
    report = hardware.price(run, built)
    assert report.mapping.states_outside == (0,)
    counts = found(report)
    assert counts["state_write_bit"] == [0] * 6
    assert (np.array(counts["external_write_bit"]) >= 14 * 16).all()
    assert any("waiting states of 1 cores" in note for note in report.mapping.notes)


def test_layers_in_turns_work_one_at_a_time(tmp_path):
    random = np.random.default_rng(0)
    sent = random.random((8, 20)) < 0.5
    first = counted.layer(counted.dense(0, 10, 20), random.integers(1, 11, 8), random.random((8, 20)) < 0.3, sent)
    second = counted.layer(counted.dense(1, 20, 30), sent.sum(axis=1), random.random((8, 30)) < 0.3)
    run = counted.counts(first, second)
    for multicast in (False, True):
        report = hardware.price(run, chip(tmp_path, cores=2, mesh=[2, 1], multicast=multicast, **TURNS))
        assert report.mapping.turns() == [2, 2]
        planned = plan(report.mapping)
        copies, services = load(planned, report.mapping, run)
        played = simulation.simulate(planned.network, np.zeros(8, np.int64), copies, services)
        stages = planned.network.stages
        learned = [played.fired[:, stages.index(f"learned {layer}")] for layer in (0, 1)]
        for core in (0, 1):
            assert (played.fired[:, stages.index(f"integrated 1 on core {core}")] >= learned[0]).all()
        assert (played.fired[1:, 0] >= learned[1][:-1]).all()
        links = [place for place, name in enumerate(planned.network.resources) if name.startswith("link")]
        counts = operations(report.mapping, run)
        assert played.served[links].sum() == counts["hop_east_west"].sum() + counts["hop_north_south"].sum()


def test_what_comes_from_outside_without_a_price_is_told(tmp_path):
    run, _ = layers_of_one_core()
    path = described.written(tmp_path)
    structure = TURNS | {"cores": 1, "mesh": [1, 1], "synapse_bits_per_core": 1000}
    built = hardware.load(path, {f"structure.{name}": value for name, value in structure.items()})
    report = hardware.price(run, built)
    assert report.energy.unpriced.keys() == {"external_read_bit", "external_write_bit"}
    assert "external_bit" in report.schedule.untimed
    text = table(report.summary())
    assert "turns  3 by layer; 200 B of synapses come in for each sample" in text


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ({"time_multiplexed": True, "synapse_bits_per_core": 900},
         r"waiting states of layer 1 on core 0 must be at most 900, .*no structure.external_bits, got 1824; 924 too"),
        (TURNS | {"synapse_bits_per_core": 900, "external_bits": 100},
         r"bits that do not stay on the cores must be at most 100, .* got 1600; 1500 too many"),
        ({}, r"network must be small enough for the 1 cores of plain, got 3"),
        ({"time_multiplexed": True, "neuron_bits": None}, "structure.neuron_bits must be given, where cores are time"),
        ({"time_multiplexed": 1}, "structure.time_multiplexed must be True or False, got 1"),
        ({"multicast": "yes"}, "structure.multicast must be True or False, got 'yes'"),
        ({"external_bits": 0}, "structure.external_bits must be a whole number of at least 1"),
    ],
)  # fmt: skip
def test_turns_that_cannot_be_are_refused(tmp_path, structure, words):
    run, _ = layers_of_one_core()

    def price():
        hardware.price(run, chip(tmp_path, cores=1, mesh=[1, 1], **structure))

    with pytest.raises(ConfigError, match=words):
        price()


def images(written, sent=None):
    """Two kernels of 4 synapses at 12 positions: more than the 8 neurons of a core."""
    wanted = Demand(0, 64, 4, 2, 12, 8, True)
    written = np.asarray(written, np.bool_)
    samples = len(written)
    events = np.full(samples, 10)
    operations = np.full(samples, 12 * 4 * 2)
    packed, writes = np.packbits(written, axis=1), written.sum(axis=1) * 4
    sent = np.zeros((samples, 2), np.uint8) if sent is None else sent
    return LayerCounts(
        wanted, events, operations, operations, writes, writes, writes, packed, sent, False, whole_packed=packed
    )


def test_copies_of_a_kernel_by_hand(tmp_path):
    run = counted.counts(images([[1, 0], [1, 1], [0, 0]]))
    report = hardware.price(run, chip(tmp_path, convolution="shared"))
    # Six positions of one neuron on each core: the first neuron on cores 0 and 1, the second one on 2 and 3.
    assert [(p.core, p.first, p.neurons, p.first_position, p.positions, p.block) for p in report.mapping.parts] == [
        (0, 0, 1, 0, 6, 0), (1, 0, 1, 6, 6, 1), (2, 1, 1, 0, 6, 0), (3, 1, 1, 6, 6, 1),
    ]  # fmt: skip
    counts = found(report)
    # Core 1 sends 4 synapses' growth to core 0, and gets 4 synapses back; core 3 the same with core 2.
    words = np.array([4, 8, 0])
    assert counts["growth_operation"] == list(words)
    assert counts["weight_update"] == list(2 * words)
    # 10 events to each of four cores; sums of 6 positions from core 2 to 0 and back, and from 3 to 1 and back.
    assert counts["event_in"] == list(4 * 10 + 4 * 6 + 2 * words)
    assert counts["event_out"] == list(4 * 6 + 2 * words + 2)  # with a response of each block
    # Events over one link to cores 1 and 2, and two to core 3; the response of the second block from core 1.
    assert counts["hop_east_west"] == list(2 * 10 + 2 * words + 1 + 0 * words)
    assert counts["hop_north_south"] == list(2 * 10 + 4 * 6 + 0 * words)
    planned = plan(report.mapping)
    copies, services = load(planned, report.mapping, run)
    played = simulation.simulate(planned.network, np.arange(3) * 10**8, copies, services)
    links = [place for place, name in enumerate(planned.network.resources) if name.startswith("link")]
    assert played.served[links].sum() == sum(counts["hop_east_west"]) + sum(counts["hop_north_south"])


def test_copies_are_merged_before_they_are_written_by_hand(tmp_path):
    """One kernel at 12 positions on cores 0 and 1: its update takes two more ways over the link."""
    wanted = images([[1, 0]])
    one = wanted._replace(
        demand=wanted.demand._replace(neurons=1), operations=np.array([48]), packed=np.array([[128]], np.uint8),
        whole_packed=np.array([[128]], np.uint8), sent=np.zeros((1, 1), np.uint8),
    )  # fmt: skip
    report = hardware.price(counted.counts(one), chip(tmp_path, convolution="shared"))
    planned = plan(report.mapping)
    copies, services = load(planned, report.mapping, report.counts)
    fired = simulation.simulate(planned.network, [0], copies, services).fired[0] // 1000
    at = dict(zip(planned.network.stages, fired.tolist(), strict=True))
    # Core 1 makes its response, and then four words of 13. The link is busy with the response until 17, so that the
    # first word follows then; each takes 17 there, and the last one 11 + 2 at core 0.
    made = at["made 0 on core 1"]
    assert made > at["made 0 on core 0"]
    grown = made + 17 + 4 * 17 + (11 + 2)
    assert at["grown 0, neurons from 0"] == grown
    merged = grown + 13 + 17 + 11 + 3 * 17
    assert at["merged 0 on core 0"] == grown
    assert at["merged 0 on core 1"] == merged
    # Core 0 makes all four words before it writes; each core writes four synapses of 7 ns.
    assert at["learned 0"] == merged + 4 * 7


@pytest.mark.parametrize(("stored", "copies"), [("shared", 2), ("unrolled", 12)])
@pytest.mark.parametrize("blocks", [1, 2])
def test_every_copy_that_is_stored_is_written(tmp_path, stored, copies, blocks):
    """A kernel stored for each of 12 positions has 12 copies to write, on one core or on two."""
    run = counted.counts(images([[1, 0], [1, 1], [0, 0]]))
    built = chip(tmp_path, convolution=stored, neurons_per_core=24 // blocks**2, lanes=3)
    report = hardware.price(run, built)
    copies = copies if blocks == 2 or stored == "unrolled" else 1
    writes = np.array([4, 8, 0]) * copies
    assert len(report.mapping.blocks(0)) == blocks
    counts = found(report)
    assert counts["weight_update"] == list(writes)
    assert counts["learning_read_bit"] == counts["learning_write_bit"] == list(8 * writes)
    _, services = load(plan(report.mapping), report.mapping, run)
    served = [services[:, place] for place, one in enumerate(plan(report.mapping).loads) if one.kind == "writes"]
    # A core with both neurons writes their copies, or each of four cores those of one neuron in its block.
    on_a_core = [[4, 8, 0]] if blocks == 1 else [[4, 4, 0]] * 2 + [[0, 4, 0]] * 2
    expected = [-(-np.array(one) * copies // blocks // 3) * 7000 for one in on_a_core]
    assert np.array_equal(served, expected)


def test_outputs_are_sent_from_where_their_positions_are(tmp_path):
    """Seven outputs of a neuron at 12 positions: three from the first block, four from the second."""
    sent = np.array([[7, 0]], np.uint8)
    second = counted.layer(counted.dense(1, 24, 1, bits=8), [7], [[0]])
    run = counted.counts(images([[0, 0]], sent), second)
    many = chip(tmp_path, cores=6, mesh=[6, 1])
    counts = found(hardware.price(run, many))
    # Cores 0 to 3 hold the images, core 4 the second layer.
    events_to_cores = 10 * (1 + 2 + 3)
    sums = 6 * 2 * (2 + 2)
    outputs = 3 * 4 + 4 * 3
    assert counts["hop_east_west"] == [events_to_cores + sums + outputs + 4]


def test_positions_may_be_cut_by_hand(tmp_path):
    wanted = [Demand(0, 64, 4, 2, 8, 8, True)]
    built = chip(tmp_path)
    assert [p.positions for p in hardware.place(wanted, built).parts] == [8, 8]
    cut = hardware.place(wanted, built, {"positions_per_core": 3, "cores": [[0, 1, 2]]})
    assert [(p.core, p.neurons, p.first_position, p.positions) for p in cut.parts] == [
        (0, 2, 0, 3), (1, 2, 3, 3), (2, 2, 6, 2),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="layer 1 must be a multiple of 3 cores, one a block of positions, got 2"):
        hardware.place(wanted, built, {"positions_per_core": 3, "cores": [[0, 1]]})


@pytest.mark.parametrize(
    ("name", "turns", "outside"),
    [("softhebb-cifar10-1layer", [6], 0), ("softhebb-cifar10-3layer-half", [3, 3, 3], 0),
     ("softhebb-cifar10-3layer", [6, 6, 6], 3_538_944)],
)  # fmt: skip
def test_presets_for_cifar10_run_on_the_shipped_chip_of_16_cores(name, turns, outside):
    mapping = hardware.place(ns.Chip.from_preset(name), "cmos45-int8")
    assert mapping.turns() == turns
    assert mapping.summary()["external_memory_bytes"] == outside
    assert len(mapping.cores) == 16


def test_tiles_that_come_and_go_wear_the_cells_that_they_share(tmp_path):
    """One tile of 7 neurons at a time: its place is written thrice a sample, and by learning; states once a sample."""
    run, written = layers_of_one_core()
    ends = {"endurance.writes": 1000, "endurance.source": "made up"}
    room = {"cores": 1, "mesh": [1, 1], "synapse_bits_per_core": 9 * 80 + 14 * 16}
    sizes = {f"structure.{name}": value for name, value in (room | TURNS).items()}
    path = described.written(tmp_path, energies=ENERGIES, times=TIMES)
    found = hardware.price(run, hardware.load(path, sizes | ends)).summary()
    by_synapse = np.array([written[run.layers[0].events > i].sum(axis=0) for i in range(10)]).T
    tiles = [slice(0, 7), slice(7, 14), slice(14, 20)]
    again = [int(written[:, tile].sum(axis=0).max()) for tile in tiles[:2]]
    most = 3 * 6 + sum(again) + sum(int(by_synapse[tile].max()) for tile in tiles)
    assert found["writes_per_synapse_max"] == by_synapse.max() < most
    assert found["writes_per_cell_max"] == most
    assert found["lifetime_samples"] == pytest.approx(1000 * 6 / most)
    assert f"one cell, which tiles or states in turns write {most} times" in " ".join(table(found).split())
    # Where all synapses stay, waiting states are written once a sample: more often than any synapse in quiet samples.
    quiet = counted.counts(counted.layer(counted.dense(0, 10, 20), [3] * 6))
    stays = sizes | {"structure.synapse_bits_per_core": 4096} | ends
    assert hardware.price(quiet, hardware.load(path, stays)).summary()["writes_per_cell_max"] == 6
    alone = hardware.price(run, hardware.load(path, ends)).summary()
    assert alone["writes_per_cell_max"] == alone["writes_per_synapse_max"]


def test_a_moving_tile_is_still_there_if_only_one_that_stays_comes_after_it(tmp_path):
    """Tiles of 7, 7 and 6 neurons: room for one that moves and for the smallest, which stays."""
    run, written = layers_of_one_core()
    built = chip(tmp_path, cores=1, mesh=[1, 1], synapse_bits_per_core=7 * 80 + 6 * 80 + 14 * 16, **TURNS)
    report = hardware.price(run, built)
    assert [part.resident for part in report.mapping.parts] == [False, False, True]
    counts = found(report)
    first, second = written[:, :7].sum(axis=1), written[:, 7:14].sum(axis=1)
    assert counts["external_read_bit"] == list(80 * (14 + first))
    assert counts["external_write_bit"] == list(80 * (first + second))
