"""The recipe of HebbNet is the published network, batch by batch."""

import numpy as np
import pytest
from reference_published import PublishedHebbNet

import neurosim as ns
from neurosim.layers.plain import describe, rebuild


@pytest.mark.parametrize(("neurons", "learners"), [(32, 7), (512, 103)])
def test_ten_updates_are_those_of_the_published_code(neurons, learners):
    rng = np.random.default_rng(5)
    X = ((rng.random((320, 60)) < 0.3) * rng.random((320, 60)) - 0.1307) / 0.3081
    X = X.astype(np.float32)
    W = rng.normal(size=(neurons, 60)).astype(np.float32)
    chip, published = ns.Chip([ns.recipes.hebbnet(neurons)], inputs=60, initial=W), PublishedHebbNet(W.astype(float))
    for batch in X.reshape(10, 32, 60):
        chip.learn(batch, chunk=7)
        assert published.learn(batch.astype(np.float64)) == learners
        np.testing.assert_allclose(chip.layers[0].weights, published.W, rtol=0, atol=1e-5 * np.abs(published.W).max())
    np.testing.assert_allclose(chip.layers[0].state.traces, published.T, atol=1e-5 * published.T.max())


@pytest.mark.parametrize("changed", [{"competition": ns.SparseGate()}, {"rule": ns.HebbNet(rate=0.05)}])
def test_each_of_the_two_alone_is_another_network(changed):
    rng = np.random.default_rng(5)
    X, W = rng.random((32, 60)).astype(np.float32), rng.normal(size=(32, 60)).astype(np.float32)
    chip, published = (
        ns.Chip([ns.recipes.hebbnet(32, **changed)], inputs=60, initial=W).learn(X),
        PublishedHebbNet(W.astype(float)),
    )
    published.learn(X.astype(np.float64))
    assert np.abs(chip.layers[0].weights - published.W).max() > 1e-3


def test_of_any_number_as_many_learn_as_reach_the_quantile():
    rng = np.random.default_rng(0)
    for neurons in (1, 2, 3, 10, 11, 32, 100, 128, 512, 2048):
        for share in (0.001, 0.1, 0.2, 0.25, 0.5, 0.9, 1.0):
            sizes = rng.permutation(neurons) + 1.0
            learn = (sizes >= np.quantile(sizes, 1 - share) * (1 - 1e-12)).sum()
            assert ns.SparseGate(share=share, quantile=True).numbers(neurons)["winners"] == learn, (neurons, share)


def test_a_state_file_of_an_older_version_means_what_it_meant():
    assert describe(ns.SparseGate()) == {"kind": "SparseGate", "share": 0.2, "signed": True}
    assert rebuild({"kind": "HebbNet", "rate": 0.05, "averaging": 0.95}) == ns.HebbNet(rate=0.05, starts_at_mean=False)
    new = ns.recipes.hebbnet(10)
    assert rebuild(describe(new)) == new
