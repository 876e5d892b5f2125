"""A chip on described hardware: what it learns is the same, and every sample has its cost."""

import described
import numpy as np
import pytest

import neurosim as ns


@pytest.fixture
def plain(tmp_path):
    return ns.hardware.load(described.written(tmp_path), {"structure.synapse_bits_per_core": 65536})


def test_it_learns_the_same_bits_and_tells_what_that_costs(plain):
    layers = [ns.recipes.softhebb(9, transmit=ns.ReLU()), ns.recipes.softhebb(4, bias=ns.Conscience())]
    placed, alone = (ns.Chip(layers, inputs=64, seed=2) for _ in range(2))
    placed = ns.hardware.on(placed, plain)
    costs = []
    for x, _ in list(ns.open_stream("digits"))[:30]:
        priced, response = placed.learn_one(x), alone.learn_one(x)
        for name in ("potentials", "responses", "winner", "output"):
            assert np.array_equal(getattr(priced, name), getattr(response, name))
        costs.append(priced.cost)
    assert placed.chip.state_sha256 == alone.state_sha256
    for cost in costs:
        parts = cost.inference_J + cost.learning_J + cost.routing_J + cost.static_J
        assert cost.energy_J == pytest.approx(parts, rel=1e-12, abs=0)
        assert cost.energy_low_J < cost.energy_J < cost.energy_high_J
        assert cost.latency_s > 0
    run = ns.hardware.count(ns.Chip(layers, inputs=64, seed=2), ns.open_stream("digits"), samples=30)
    report = ns.hardware.price(run, plain)
    assert [cost.energy_J for cost in costs] == pytest.approx(report.energy_J[1], rel=1e-12, abs=0)
    assert [cost.latency_s for cost in costs] == pytest.approx(report.schedule.latency_s, rel=1e-12, abs=0)


def test_responding_changes_nothing_and_costs_no_learning(plain):
    chip = ns.Chip([ns.recipes.softhebb(9)], inputs=64)
    placed, before = ns.hardware.on(chip, plain), chip.state_sha256
    priced = placed.respond_one(np.ones(64))
    assert chip.state_sha256 == before
    assert priced.cost.learning_J == 0
    assert priced.cost.operations["synaptic_operation"] == 64 * 9
    assert priced.cost.operations["weight_update"] == 0


def test_a_label_teaches(plain):
    layer = ns.recipes.supervised_softhebb(3)
    placed = ns.hardware.on(ns.Chip([layer], inputs=64), plain)
    assert placed.learn_one(np.ones(64), 1).cost.operations["weight_update"] == 64


def test_bad_samples_and_chips_without_a_price_of_learning_are_refused(plain, tmp_path):
    placed = ns.hardware.on(ns.Chip([ns.recipes.softhebb(9)], inputs=64), plain)
    with pytest.raises(ns.SampleError, match="must have the shape"):
        placed.learn_one(np.ones(63))
    with pytest.raises(ns.SampleError, match="must be finite"):
        placed.learn_one(np.full(64, np.nan))
    assert placed.learn_one(np.ones(64)).cost.operations["synaptic_operation"] == 64 * 9  # and goes on
    energies = {"synaptic_operation": 1}
    unpriced = ns.hardware.load(described.written(tmp_path, energies=energies))
    placed = ns.hardware.on(ns.Chip([ns.recipes.softhebb(4)], inputs=64), unpriced)
    before = placed.chip.state_sha256
    with pytest.raises(ns.ConfigError, match=r"energy.weight_update of plain must be given"):
        placed.learn_one(np.ones(64))
    assert placed.chip.state_sha256 == before
    with pytest.raises(ns.ConfigError, match="network must be small enough for the 4 cores"):
        ns.hardware.on(ns.Chip([ns.recipes.softhebb(99)], inputs=64), plain)
