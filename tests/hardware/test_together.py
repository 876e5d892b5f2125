"""All that a description can say at once: what is counted adds up over the parts, and is what is timed and paid for."""

import random
from itertools import count

import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.counting.operations import by_width, operations
from neurosim.hardware.counting.traffic import operations_of, sent_by
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.flow import load, plan

ENERGIES = described.ENERGIES | {"external_read_bit": 31, "external_write_bit": 37, "wake": 41}
TIMES = described.TIMES | {"external_bit": 0.5, "memory_access": 4, "input": 6, "wake": 300}
MEMORY = """
[memory]
layout = "{layout}"
word_bits = 40
banks = {banks}
ports = {ports}
accumulators = "{accumulators}"
source = "made up"
"""
STATES = """
[power_states]
gated = "{gated}"
sleep_after_s = 2e-6
"""
PAID_AS = {"learning": "memory", "accumulator": "memory", "state": "memory", "reload": "memory"}
CHANCES = np.random.default_rng(0)
IMAGES = (CHANCES.random((8, 2, 6, 6)) * (CHANCES.random((8, 2, 6, 6)) < 0.3)).astype(np.float32)
ROWS = (CHANCES.random((20, 30)) * (CHANCES.random((20, 30)) < 0.4)).astype(np.float32)


def convolution(neurons, **more):
    return ns.ConvWTA(
        neurons, kernel=3, competition=ns.SoftWTA(temperature=0.5), rule=ns.SoftHebb(rate=0.01), normalise="none",
        cutoff=0.1, initial="normal", transmit=ns.ReLU(), **more,
    )  # fmt: skip


def networks():
    """Return a dense and a convolutional chip, each with its samples."""
    dense = [ns.recipes.softhebb(30, weight_bits=8), ns.recipes.softhebb(17, weight_bits=4), ns.recipes.softhebb(5)]
    return {
        "dense": (ns.Chip(dense, inputs=30), ROWS),
        "convolutional": (ns.Chip([convolution(7, padding=1, stride=2), convolution(3)], inputs=(2, 6, 6)), IMAGES),
    }


def drawn(folder, seed):
    """Return a described chip, a placement and arrivals, each feature drawn apart."""
    draw = random.Random(seed)
    words = {
        "layout": draw.choice(["input_major", "neuron_major", "transposable"]), "banks": draw.choice([1, 3]),
        "ports": draw.choice([1, 2]), "accumulators": draw.choice(["registers", "memory"]),
    }  # fmt: skip
    states, memory = draw.random() < 0.6, draw.random() < 0.7
    text = described.text(energies=ENERGIES, times=TIMES)
    for name, milliwatts in (("idle", 7), ("sleep", 1)):
        text += described.constant("power", name, milliwatts, "mW") if states else ""
    text += MEMORY.format(**words) if memory else ""
    text += STATES.format(gated=draw.choice(["chip", "core"])) if states else ""
    if not states:
        text = "\n\n".join(part for part in text.split("\n\n") if ".wake]" not in part)
    if not memory:
        text = "\n\n".join(part for part in text.split("\n\n") if "memory_access]" not in part)
    (folder / "all.toml").write_text(text)
    cores = draw.choice([4, 9, 16])
    changes = {
        "cores": cores, "mesh": [int(cores**0.5)] * 2, "neurons_per_core": draw.choice([8, 64]), "weight_bits": 8,
        "synapse_bits_per_core": draw.choice([2100, 2**20]), "datapath": draw.choice(["event-driven", "dense"]),
        "convolution": draw.choice(["shared", "unrolled"]), "multicast": draw.random() < 0.5,
        "lanes": draw.choice([1, 3]), "time_multiplexed": True, "external_bits": 10**8,
    }  # fmt: skip
    chip = hardware.load(folder / "all.toml", {f"structure.{name}": value for name, value in changes.items()})
    placement = {"strategy": draw.choice(["rows", "spread"]), "positions_per_core": draw.choice([None, 4])}
    return chip, placement, draw.choice([None, ns.latency.Period(100_000)])


def paid(name, chip):
    """Return low, nominal and high joules of one operation."""
    what, _, rest = name.partition("_")
    key = f"{PAID_AS[what]}_{rest}" if what in PAID_AS else name.replace("growth_operation", "synaptic_operation")
    times = 40 if key.endswith("_word") else 1
    constant = chip.energy[key.replace("_word", "_bit")]
    return np.array([constant.low, constant.value, constant.high]) * times


def statics(chip, states, end):
    """Return the mean static energy of a sample, from how long the chip is in which state."""
    power = {name: getattr(constant, end) for name, constant in chip.power.items()}
    active = power["static"] * states.active_s
    if chip.power_states is not None and chip.power_states.gated == "core":
        active = power["idle"] * states.active_s + (power["static"] - power["idle"]) * states.serving_s
    gaps = power.get("idle", power["static"]) * states.idle_s + power.get("sleep", 0) * states.asleep_s
    wakes = getattr(chip.energy["wake"], end) * states.wakes if "wake" in chip.energy else 0
    return (active + gaps + power["static"] * states.waking_s + wakes).mean()


@pytest.fixture(scope="module")
def runs():
    return {name: hardware.count(chip, x) for name, (chip, x) in networks().items()}


@pytest.mark.parametrize("name", ["dense", "convolutional"])
@pytest.mark.parametrize("seed", range(16))
def test_everything_at_once_adds_up(tmp_path, runs, name, seed):
    run = runs[name]
    tries = count(seed, 100)
    while True:
        chip, placement, arrivals = drawn(tmp_path, next(tries))
        try:
            report = hardware.price(run, chip, placement=placement, arrivals=arrivals)
            break
        except ConfigError:  # the layers do not fit, not even in turns
            continue
    mapping, found = report.mapping, operations(report.mapping, run)
    densely = chip.structure.is_dense
    for layer, counted in enumerate(run.layers):
        parts = mapping.of(layer)
        written = sum(counted.writes_on(part) * part.copies for part in parts)
        assert np.array_equal(written, counted.writes * mapping.stored(layer))
        assert np.array_equal(sum(operations_of(counted, part, densely) for part in parts), counted.done(densely))
        if layer + 1 < len(run.layers):
            assert np.array_equal(sum(sent_by(counted, part) for part in parts), run.layers[layer + 1].events)
    for operation, by_bits in by_width(mapping, run).items():
        assert np.array_equal(sum(by_bits.values()), found[operation])
    planned = plan(mapping)
    played = simulation.simulate(planned.network, np.arange(run.samples) * 10**11, *load(planned, mapping, run))
    links = [place for place, link in enumerate(planned.network.resources) if link.startswith("link")]
    assert played.served[links].sum() == (found["hop_east_west"] + found["hop_north_south"]).sum()
    joules = sum(paid(operation, chip) * counts.mean() for operation, counts in found.items())
    ends = zip((report.ends[0], report.schedule, report.ends[1]), ("low", "value", "high"), strict=True)
    static = np.array([statics(chip, timed.states, end) for timed, end in ends])
    assert report.mean_energy_J == pytest.approx(joules + static, rel=1e-9, abs=0)
    assert sum(filter(None, report.summary()["energy_split_J"].values())) == pytest.approx(
        joules[1] + static[1], rel=1e-9, abs=0
    )


@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_one_by_one_costs_what_the_run_costs(tmp_path, runs, name):
    chip, _, _ = drawn(tmp_path, 3)
    report = hardware.price(runs[name], chip)
    network, x = networks()[name]
    placed = hardware.on(network, chip)
    for n in range(3):
        cost = placed.learn_one(x[n]).cost
        energies = [cost.energy_low_J, cost.energy_J, cost.energy_high_J]
        assert energies == pytest.approx(report.energy_J[:, n].tolist(), rel=1e-9, abs=0)
        assert cost.latency_s == pytest.approx(report.schedule.latency_s[n], rel=1e-12, abs=0)
