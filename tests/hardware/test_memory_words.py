"""Words of memory: counted, priced and timed as a replay finds them that walks each access address by address."""

import os
from pathlib import Path

import counted
import described
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_memory import Core, steps

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.energy import energy
from neurosim.hardware.timeline.flow import load, plan

LAYOUTS = ("input_major", "neuron_major", "transposable")
PLAIN = {"rule": ns.SoftHebb(rate=0.05), "radius": 3.0, "initial": "normal"}
SOFT = ns.SoftWTA(temperature=0.2)
INPUTS, NEURONS = 37, 13
ACCESS = 3_000  # picoseconds of an access, far more than the arithmetic beside it
MEMORY = """
[memory]
layout = "{layout}"
word_bits = {word_bits}
banks = {banks}
ports = {ports}
tag_bits = {tag_bits}
source = "made up"

"""


def chip(tmp_path, layout, *, word_bits=40, banks=1, ports=1, tag_bits=0, cores=1, **changes):
    """Return a description with words of memory: an operation takes 2 ps, an access 3 ns."""
    table = MEMORY.format(layout=layout, word_bits=word_bits, banks=banks, ports=ports, tag_bits=tag_bits)
    times = {"synaptic_operation": 0.002, "weight_update": 0.002, "neuron_update": 5, "memory_access": ACCESS / 1000}
    path = described.written(tmp_path, times=times, head=described.PLAIN + table)
    wide = {"neurons_per_core": -(-NEURONS // cores), "synapse_bits_per_core": 10**7}
    return hardware.load(path, {f"structure.{name}": value for name, value in (wide | changes).items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("chips")


def samples(count=24, inputs=INPUTS, seed=0):
    random = np.random.default_rng(seed)
    x = random.random((count, inputs)) * (random.random((count, inputs)) < 0.3)
    x[:, 0] += 0.01  # none is blank
    return x.astype(np.float32)


LAYERS = {
    "dense": ns.DenseWTA(NEURONS, competition=SOFT, cutoff=0.05, **PLAIN),
    "few bits": ns.DenseWTA(NEURONS, competition=SOFT, cutoff=0.05, weight_bits=5, **PLAIN),
    "folded": ns.DenseWTA(NEURONS, competition=SOFT, leak=0.5, **PLAIN),
    "window": ns.DenseWTA(NEURONS, competition=SOFT, window=4, cutoff=0.05, **PLAIN),
}


def replayed(core, part, x, written, whole, window=1):
    """Return words read, their steps, words updated and their steps, for each sample."""
    rows = []
    here = range(part.first, part.first + part.neurons)
    for n, sample in enumerate(x):
        read, taken = core.integrate([np.flatnonzero(sample)])
        begun = n - n % window
        active = sorted({i for seen in x[begun : n + 1] for i in np.flatnonzero(seen)})
        chosen = [k - part.first for k in here if written[n, k]]
        updated, learned = core.learn(active, chosen, {k - part.first for k in here if whole[n, k]})
        rows.append((len(read), taken, updated, learned))
    return rows


def services(mapping, run, kind, core):
    """Return the services, in picoseconds, of one kind of load on a core: (samples,)."""
    planned = plan(mapping)
    _, served = load(planned, mapping, run)
    (found,) = [
        place for place, carried in enumerate(planned.loads) if (carried.kind, carried.share.core) == (kind, core)
    ]
    return served[:, found]


def check(mapping, run, expected):
    """Compare the words of all parts, their energy, and the time that each part's core takes with the replay."""
    spent = operations(mapping, run)
    read = np.sum([[row[0] for row in rows] for rows in expected], axis=0)
    updated = np.sum([[row[2] for row in rows] for rows in expected], axis=0)
    assert spent["memory_read_word"].tolist() == read.tolist()
    assert spent["learning_read_word"].tolist() == spent["learning_write_word"].tolist() == updated.tolist()
    price = energy(mapping.hardware, spent)
    bits = mapping.hardware.memory.word_bits
    assert price.operations["memory_read_word"]["energy_J"] == pytest.approx(
        read.mean() * bits * 23e-12, rel=1e-12, abs=0
    )
    learning = updated * bits * (23 + 29) + run.layers[0].writes * 7
    assert price.parts["learning"][1] == pytest.approx(learning * 1e-12, rel=1e-12, abs=0)
    by_neuron = mapping.hardware.memory.layout == "neuron_major"
    for part, rows in zip(mapping.parts, expected, strict=True):
        learned = services(mapping, run, "writes", part.core)
        assert learned.tolist() == [row[3] * ACCESS for row in rows]
        taken = [sum(row[1]) * ACCESS for row in rows]
        if by_neuron:
            gathered = services(mapping, run, "updates", part.core)
            assert gathered.tolist() == [time + part.sites * 5000 for time in taken]
            assert not services(mapping, run, "events", part.core).any()
        else:
            events = services(mapping, run, "events", part.core) * run.layers[0].events
            assert events.tolist() == taken


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dense", {}),
        ("dense", {"cores": 2, "banks": 4}),
        ("dense", {"banks": 3, "ports": 2, "word_bits": 17}),
        ("few bits", {"tag_bits": 1, "word_bits": 32, "banks": 2}),
        ("folded", {"banks": 4}),
        ("window", {"cores": 3, "ports": 3}),
    ],
)
def test_words_of_a_dense_layer_are_those_of_the_replay(tmp_path, name, layout, options):
    layer, x = LAYERS[name], samples()
    run = hardware.count(ns.Chip([layer], inputs=INPUTS, seed=3), x)
    mapping = hardware.place([run.layers[0].demand], chip(tmp_path, layout, **options))
    assert len(mapping.parts) == options.get("cores", 1)
    width = (layer.weight_bits or 8) + options.get("tag_bits", 0)
    per_word = options.get("word_bits", 40) // width
    expected = []
    for part in mapping.parts:
        core = Core(
            layout, INPUTS, part.neurons, per_word, banks=options.get("banks", 1), ports=options.get("ports", 1)
        )
        taken = run.layers[0]
        expected.append(replayed(core, part, x, taken.written, taken.whole, layer.window))
        if layout != "transposable":
            assert part.synapse_bits == core.words_stored() * mapping.hardware.memory.word_bits
    assert sum(row[2] for rows in expected for row in rows) > 0
    if name == "folded":
        assert run.layers[0].whole.any()
    check(mapping, run, expected)


@given(
    st.sampled_from(LAYOUTS), st.integers(1, 30), st.integers(1, 20), st.integers(8, 90), st.integers(1, 9),
    st.integers(1, 4), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_size_and_any_bits_are_those_of_the_replay(folder, layout, inputs, neurons, word_bits, banks, ports, seed):
    random = np.random.default_rng(seed)
    active, written = random.random((3, inputs)) < 0.4, random.random((3, neurons)) < random.random()
    whole = written & (random.random((3, neurons)) < 0.3)
    layer = counted.layer(counted.dense(0, inputs, neurons), active.sum(axis=1), written)
    layer = layer._replace(inputs_packed=np.packbits(active, axis=1), whole_packed=np.packbits(whole, axis=1))
    run = counted.counts(layer)
    built = chip(folder, layout, word_bits=word_bits, banks=banks, ports=ports, neurons_per_core=neurons)
    mapping = hardware.place([layer.demand], built)
    core = Core(layout, inputs, neurons, word_bits // 8, banks=banks, ports=ports)
    (part,) = mapping.parts
    check(mapping, run, [replayed(core, part, active, written, whole)])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stored", ["shared", "unrolled"])
def test_words_of_a_convolution_are_those_of_the_replay(tmp_path, layout, stored):
    x, run = counted.sparse_images()
    changes = {"neurons_per_core": 1000, "convolution": stored}
    mapping = hardware.place([run.layers[0].demand], chip(tmp_path, layout, banks=3, **changes))
    (part,) = mapping.parts
    core = Core(layout, 18, 7, 40 // 8, banks=3, copies=9 if stored == "unrolled" else 1)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    read, waited, updated, learned = [], [], [], []
    for n in range(5):
        corners = [(2 * row, 2 * column) for row in range(3) for column in range(3)]
        patches = [padded[n, :, top : top + 3, left : left + 3].transpose(1, 2, 0) for top, left in corners]
        words, taken = core.integrate([np.flatnonzero(patch) for patch in patches])
        read.append(len(words))
        waited.append(sum(taken))
        chosen = np.flatnonzero(run.layers[0].written[n]).tolist()
        changed, spent = core.learn([], chosen, set(chosen))
        updated.append(changed)
        learned.append(spent)
    found = operations(mapping, run)
    assert found["memory_read_word"].tolist() == read
    assert found["learning_write_word"].tolist() == updated
    assert sum(updated) > 0
    assert services(mapping, run, "writes", 0).tolist() == [spent * ACCESS for spent in learned]
    if layout == "neuron_major":
        gathered = [spent * ACCESS + part.sites * 5000 for spent in waited]
        assert services(mapping, run, "updates", 0).tolist() == gathered
    else:  # each event takes an equal share of the rows, rounded up; two words of three banks in each row
        events = run.layers[0].events
        assert services(mapping, run, "events", 0).tolist() == (-(-np.array(waited) // events) * ACCESS).tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stored", ["shared", "unrolled"])
def test_a_dense_datapath_reads_every_word_once_all_events_are_in(tmp_path, layout, stored):
    x = np.random.default_rng(4).random((3, 1, 4, 4)).astype(np.float32)
    rule = ns.SoftHebb(rate=0.01)
    convolution = ns.ConvWTA(7, kernel=3, competition=SOFT, rule=rule, normalise="none", initial="normal")
    for layer, shape, inputs, positions in ((LAYERS["dense"], 16, 16, 1), (convolution, (1, 4, 4), 9, 4)):
        run = hardware.count(ns.Chip([layer], inputs=shape, seed=0), x if positions > 1 else x.reshape(3, 16))
        changes = {"datapath": "dense", "neurons_per_core": 1000, "convolution": stored}
        mapping = hardware.place([run.layers[0].demand], chip(tmp_path, layout, banks=3, ports=2, **changes))
        copies = positions if stored == "unrolled" else 1
        core = Core(layout, inputs, layer.neurons, 40 // 8, banks=3, ports=2, copies=copies)
        read, _ = core.integrate([range(inputs)] * positions)
        assert set(operations(mapping, run)["memory_read_word"].tolist()) == {len(read)}
        gathered = steps(read, 3, 2) * ACCESS + mapping.parts[0].sites * 5000
        assert set(services(mapping, run, "updates", 0).tolist()) == {gathered}
        assert not services(mapping, run, "events", 0).any()


def test_accumulators_in_memory_by_hand(tmp_path):
    layer, x = LAYERS["dense"], samples()
    run = hardware.count(ns.Chip([layer], inputs=INPUTS, seed=3), x)
    path = tmp_path / "plain.toml"
    rows = -(-NEURONS // (40 // 16))  # words of 40 bits hold two sums of 16
    assert rows == 7
    for layout, times in (("input_major", run.layers[0].events + 1), ("neuron_major", np.ones(24))):
        chip(tmp_path, layout)
        path.write_text(path.read_text().replace("[memory]", '[memory]\naccumulators = "memory"'))
        wide = {"structure.neurons_per_core": NEURONS, "structure.synapse_bits_per_core": 10**7}
        mapping = hardware.place([run.layers[0].demand], hardware.load(path, wide))
        found = operations(mapping, run)
        assert found["accumulator_read_word"].tolist() == (times * rows).tolist()
        assert found["accumulator_write_word"].tolist() == (times * rows).tolist()
    chip(tmp_path, "input_major")
    path.write_text(path.read_text().replace("[memory]", '[memory]\naccumulators = "memory"'))
    mapping = hardware.place([run.layers[0].demand], hardware.load(path, wide))
    # Seven words are read and written for each event; of synapses only three.
    assert set(services(mapping, run, "events", 0).tolist()) == {14 * ACCESS}


def test_arithmetic_still_bounds_the_time(tmp_path):
    run = hardware.count(ns.Chip([LAYERS["dense"]], inputs=INPUTS, seed=3), samples())
    described_chip = chip(tmp_path, "input_major", banks=32, ports=4)
    slow = hardware.load(tmp_path / "plain.toml", {
        "structure.neurons_per_core": NEURONS, "structure.synapse_bits_per_core": 10**7,
        "time.synaptic_operation.value": 100, "time.weight_update.value": 100,
    })  # fmt: skip
    demands = [run.layers[0].demand]
    for built, each in ((described_chip, 13 * 2), (slow, 13 * 100_000)):
        expected = max(each, ACCESS)
        assert set(services(hardware.place(demands, built), run, "events", 0).tolist()) == {expected}


def test_an_access_has_a_band_of_its_own(tmp_path):
    run = hardware.count(ns.Chip([LAYERS["dense"]], inputs=INPUTS, seed=3), samples())
    chip(tmp_path, "neuron_major")
    wide = {"structure.neurons_per_core": NEURONS, "structure.synapse_bits_per_core": 10**7}
    for high, longest in ((ACCESS // 500, 2.01), (ACCESS, 1000)):
        built = hardware.load(tmp_path / "plain.toml", wide | {"time.memory_access.high": high})
        report = hardware.price(run, built)
        assert (report.ends[0].latency_s < report.schedule.latency_s).all()
        ratio = report.ends[1].latency_s / report.schedule.latency_s
        assert (ratio > longest / 4).all()
        assert (ratio <= longest).all()


def test_words_may_have_a_price_of_their_own_and_untimed_accesses_are_told(tmp_path):
    run = hardware.count(ns.Chip([LAYERS["dense"]], inputs=INPUTS, seed=3), samples())
    table = MEMORY.format(layout="input_major", word_bits=40, banks=1, ports=1, tag_bits=0)
    energies = described.ENERGIES | {"memory_read_word": 100, "memory_write_word": 300}
    path = described.written(tmp_path, energies=energies, head=described.PLAIN + table)
    wide = {"structure.neurons_per_core": NEURONS, "structure.synapse_bits_per_core": 10**7}
    report = hardware.price(run, hardware.load(path, wide))
    priced = report.energy.operations
    assert priced["memory_read_word"]["each_J"] == pytest.approx(100e-12)
    assert priced["learning_write_word"]["each_J"] == pytest.approx(300e-12)
    assert "memory_read_bit" not in priced
    assert report.schedule.untimed == ("memory_access",)


@pytest.mark.slow
def test_learning_of_a_thousand_neurons_takes_nearly_a_word_for_each_synapse():
    """784 to 1,000 with a cutoff of 0.01, after 59,000 digits, on three cores: 727 writes in 712 words, not in 91."""
    root = os.environ.get("NEUROSIM_DATA")
    if root is None or not Path(root).is_dir():
        pytest.skip("NEUROSIM_DATA is not set, or no folder")
    chip = ns.Chip([ns.recipes.softhebb(1000, weight_bits=8, cutoff=0.01)], inputs=784)
    run = hardware.count(chip, ns.open_stream("mnist:train", root=root), warm_up=59_000, samples=1000)
    wide = {"structure.synapse_bits_per_core": 2_200_000}  # three cores, as without padding
    laid = hardware.price(run, hardware.load("cmos45-int8", wide))
    spent = operations(laid.mapping, run)
    assert len(laid.mapping.parts) == 3
    assert 720 < spent["weight_update"].mean() < 735
    assert 0.97 < spent["learning_write_word"].mean() / spent["weight_update"].mean() < 1
    assert 14e-9 < laid.energy.parts["learning"][1].mean() < 15e-9
    times = np.mean([services(laid.mapping, run, "writes", core) for core in range(3)])
    assert 0.92e6 < times < 0.98e6  # picoseconds
