"""Constants are shown as the Python that makes them again."""

import pytest

import neurosim as ns
from neurosim.layers.expressions import chip_expression, expression
from neurosim.layers.plain import describe

LAYERS = [
    ns.recipes.softhebb(7, rate=ns.NormAdaptiveRate(0.5, floor=0.01)),
    ns.recipes.supervised_softhebb(5),
    ns.recipes.krotov_hopfield(9),
    ns.recipes.k_wta(4),
    ns.DenseWTA(6, competition=ns.KWTA(2, signed=True), rule=ns.Oja(rate=0.1), bias=ns.Conscience(), weight_bits=4),
    ns.ConvWTA(
        3, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1), horizon=float("inf"),
        pool=ns.MaxPool(size=2, stride=2),
    ),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer.rule).__name__)
def test_the_expression_of_a_layer_makes_it(layer):
    for constants in (layer, describe(layer)):
        assert eval(expression(constants), {"ns": ns}) == layer
    assert "cutoff" not in expression(layer), "defaults are left out"


@pytest.mark.parametrize("name", ns.presets.names())
def test_the_expression_of_a_chip_makes_it(name):
    layers, shape = ns.presets.preset(name).layers, ns.presets.preset(name).shape
    small = ns.Chip(layers[:1], inputs=shape, seed=3)
    again = eval(chip_expression(small), {"ns": ns})
    assert (again.state_sha256, again.shape, again.seed) == (small.state_sha256, small.shape, 3)


def test_a_rule_of_ones_own_has_its_bare_name():
    @ns.rule
    def leaky(response, decay, rate=0.05):
        return 1 - decay, rate * response

    rule = leaky(decay=0.25, rate=0.1)
    assert expression(rule) == "leaky(rate=0.1, decay=0.25)"
    assert eval(expression(rule), {"leaky": leaky}) == rule
    assert expression(leaky(decay=0.25, averaging=0.2)) == "leaky(rate=0.05, decay=0.25, averaging=0.2)"


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError):
        expression({"kind": "Import", "name": "os"})
