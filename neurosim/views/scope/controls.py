"""The scope's buttons and sliders: each sends the run a command, and shows what the run then has."""

import math
from typing import Any

from bokeh.models import Button, Div, Select, Slider, Spinner

from neurosim.views.scope.recorder import Recorder

DIGITS = 3  # of a constant that a slider sends
SOFTNESS = (-3.0, 2.8)  # logarithm of ln b: gains from 1.001 to the largest float
RATES = (-6.0, 1.0)  # logarithm of rates
GRID = 0.01  # decades
WIDTH = 340  # pixels of the longest slider: the page fits a telephone


def written(value: float | None) -> str:
    """Return a constant as text."""
    return "none" if value is None else f"{value:.{DIGITS}g}"


def softness_title(inverse: float) -> str:
    """Return what is written above the slider of ln b = 1 / T."""
    gain = math.exp(inverse)
    return f"gain b = {written(gain)}, temperature T = 1 / ln b = {written(1 / inverse)}"


class Controls:
    """Buttons and sliders of one browser's page.

    Parameters
    ----------
    recorder : Recorder

    Attributes
    ----------
    all : tuple of widgets
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._layers = recorder, 0
        self._shown: tuple[list[dict[str, Any]], bool] | None = None  # layers, and whether the run has ended
        buttons = [
            Button(label=label, name=name, width=width, button_type=kind)
            for name, label, kind, width in (
                ("pause", "Pause", "default", 80), ("resume", "Go on", "primary", 80), ("step", "Step", "default", 80),
            )
        ]  # fmt: skip
        self._pause, self._resume, self._step = buttons
        self._count = Spinner(name="count", value=1, low=1, high=10**6, step=1, width=110, title="samples a step")
        self._layer = Select(name="layer", title="change", width=130, options=[("all", "all layers")], value="all")
        self._gain = Slider(
            name="gain", start=SOFTNESS[0], end=SOFTNESS[1], value=0, step=GRID, show_value=False, width=WIDTH
        )
        self._rate = Slider(name="rate", start=RATES[0], end=RATES[1], value=0, step=GRID, show_value=False, width=240)
        self._gain_text, self._rate_text = (Div(name=f"{name}_text", width=240) for name in ("gain", "rate"))
        self._gain_text.width = WIDTH
        self.all = (
            *buttons, self._count, self._layer, self._gain, self._rate, self._gain_text, self._rate_text,
        )  # fmt: skip
        self._connect()

    def _connect(self) -> None:
        order = self._recorder.order
        self._pause.on_click(lambda: order(do="pause"))
        self._resume.on_click(lambda: order(do="resume"))
        self._step.on_click(lambda: order(do="step", samples=int(self._count.value or 1)))
        self._layer.on_change("value", lambda _name, _old, _new: self._refresh())
        self._gain.on_change("value", lambda _name, _old, _new: self._title_softness())
        self._rate.on_change("value", lambda _name, _old, _new: self._title_rate())
        self._gain.on_change("value_throttled", lambda _name, _old, _new: self._send_softness())
        self._rate.on_change(
            "value_throttled", lambda _name, _old, _new: self._send(name="rate", value=self._rate_now())
        )

    def update(self, layers: list[dict[str, Any]], status: str) -> None:
        """Show what the run does, and the constants that its layers have."""
        ended = status == "ended"
        self._pause.disabled = ended or status == "held"
        self._resume.disabled = self._step.disabled = ended or status != "held"
        if len(layers) != self._layers:
            self._layers = len(layers)
            self._layer.options = [("all", "all layers"), *((str(i), f"layer {i + 1}") for i in range(len(layers)))]
            self._layer.visible = len(layers) > 1
        if (layers, ended) != self._shown:
            self._shown = layers, ended
            self._refresh()

    def _refresh(self) -> None:
        """Set the sliders to the constants of the layer that is chosen, the first of all."""
        if self._shown is None or not self._shown[0]:
            return
        layers, ended = self._shown
        chosen = layers if self._layer.value == "all" else [layers[int(self._layer.value)]]
        temperature, rate = chosen[0]["temperature"], chosen[0]["rate"]
        self._gain.disabled = ended or not all(layer["softness"] for layer in chosen)
        self._rate.disabled = ended or any(layer["rate"] is None for layer in chosen)
        _set(self._gain, None if temperature is None else 1 / temperature, SOFTNESS)
        _set(self._rate, rate, RATES)
        self._title_softness()
        self._title_rate()

    def _title_softness(self) -> None:
        disabled = self._gain.disabled and not self._ended()
        self._gain_text.text = "this competition has no gain" if disabled else softness_title(10**self._gain.value)

    def _title_rate(self) -> None:
        disabled = self._rate.disabled and not self._ended()
        self._rate_text.text = "this rule has no rate" if disabled else f"rate {written(self._rate_now())}"

    def _ended(self) -> bool:
        return self._shown is not None and self._shown[1]

    def _rate_now(self) -> float:
        """Return the rate of the slider; its left end, where no smaller one was set, is 0."""
        return float(written(10**self._rate.value)) if self._rate.value > RATES[0] else 0.0

    def _send_softness(self) -> None:
        """Send the gain or the temperature, whichever the layers have."""
        inverse = 10**self._gain.value
        layers = self._shown[0] if self._shown else []
        index = 0 if self._layer.value == "all" else int(self._layer.value)
        if layers and layers[index]["softness"] == "temperature":
            self._send(name="temperature", value=float(written(1 / inverse)))
        else:
            self._send(name="gain", value=float(f"{math.exp(inverse):.6g}"))

    def _send(self, name: str, value: float) -> None:
        layer = None if self._layer.value == "all" else int(self._layer.value)
        self._recorder.order(do="set", name=name, value=value, layer=layer)


def _set(slider: Slider, value: float | None, ends: tuple[float, float]) -> None:
    """Move a slider to the logarithm of a value, within its ends."""
    if value is not None:
        logarithm = math.log10(value) if value > 0 else ends[0]
        slider.value = min(max(logarithm, ends[0]), ends[1])
