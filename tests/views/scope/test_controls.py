"""What buttons and sliders send, also where a page sends nonsense for their values."""

import math

import pytest

pytest.importorskip("bokeh")
from bokeh.events import ButtonClick

from neurosim.views.scope.controls import RATES, SOFTNESS, Controls

LAYERS = [
    {"name": "one", "softness": "temperature", "temperature": 0.5, "gain": math.exp(2), "rate": 0.1},
    {"name": "two", "softness": None, "temperature": None, "gain": None, "rate": None},
]


class Recorder:
    def __init__(self):
        self.orders, self.refused = [], []

    def order(self, **command):
        self.orders.append(command)

    def refuse(self, why):
        self.refused.append(why)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def controls(recorder):
    made = Controls(recorder)
    made.update(LAYERS[:1], "held")
    return {model.name: model for model in made.all} | {"update": made.update}


def release(slider, value):
    slider.trigger("value_throttled", None, value)


@pytest.mark.parametrize(
    ("value", "samples"), [(1, 1), (7.0, 7), (2.5, 2.5), (0, 0), (-3, -3), (None, None), (math.inf, math.inf)]
)
def test_a_step_is_what_the_field_says_and_never_another_number(controls, recorder, value, samples):
    controls["count"].value = value
    controls["step"]._trigger_event(ButtonClick(controls["step"]))
    assert recorder.orders == [{"do": "step", "samples": samples}]
    assert type(recorder.orders[0]["samples"]) is type(samples)


@pytest.mark.parametrize("name", ["gain", "rate"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 400.0, -400.0, 1e300])
def test_a_slider_beyond_its_ends_is_refused_in_words(controls, recorder, name, value):
    text = controls[f"{name}_text"].text
    controls[name].value = value
    release(controls[name], value)
    assert recorder.orders == []
    low, high = {"gain": SOFTNESS, "rate": RATES}[name]
    assert recorder.refused == [f"the slider of the {name} must be from {low} to {high}, got {value}"]
    assert controls[f"{name}_text"].text == text


@pytest.mark.parametrize("layer", ["7", "-1", "", "one", "²", "x" * 5000])
def test_a_layer_that_is_none_is_left_to_the_run_to_refuse(controls, recorder, layer):
    controls["layer"].value = layer
    controls["rate"].value = -2.0
    release(controls["rate"], -2.0)
    release(controls["gain"], 0.0)
    assert recorder.orders[0]["name"] == "rate"
    assert {order["layer"] for order in recorder.orders} == {7 if layer == "7" else layer[:6]}


def test_sliders_send_the_constant_that_the_layer_has(controls, recorder):
    controls["gain"].value = math.log10(4)
    release(controls["gain"], math.log10(4))
    controls["rate"].value = RATES[0]
    release(controls["rate"], RATES[0])
    assert recorder.orders == [
        {"do": "set", "name": "temperature", "value": 0.25, "layer": None},
        {"do": "set", "name": "rate", "value": 0.0, "layer": None},
    ]


def test_there_is_no_slider_for_a_constant_that_a_layer_does_not_have(controls):
    assert controls["gain"].visible
    assert controls["rate"].visible
    controls["update"](LAYERS, "held")
    controls["layer"].value = "1"
    assert not controls["gain"].visible
    assert not controls["rate"].visible
    assert controls["gain_text"].text == "this competition has no gain"
    assert controls["rate_text"].text == "this rule has no rate"
    controls["layer"].value = "0"
    controls["update"](LAYERS, "ended")
    assert controls["gain"].visible
    assert controls["gain"].disabled
