"""The scope's buttons and sliders: each sends the run a command, and shows what the run then has."""

import math
from typing import Any

from bokeh.models import Button, Div, Select, Slider, Spinner

from neurosim.views.scope.recorder import Recorder

DIGITS = 3  # of a constant that a slider sends
SOFTNESS = (-3.0, 2.8)  # logarithm of ln b: gains from 1.001 to the largest float
RATES = (-6.0, 1.0)  # logarithm of rates
GRID = 0.01  # decades
MOST_DIGITS = 6  # of the number of a layer
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
        self._step.on_click(lambda: order(do="step", samples=_whole(self._count.value)))
        self._layer.on_change("value", lambda _name, _old, _new: self._refresh())
        self._gain.on_change("value", lambda _name, _old, _new: self._title_softness())
        self._rate.on_change("value", lambda _name, _old, _new: self._title_rate())
        self._gain.on_change("value_throttled", lambda _name, _old, _new: self._send_softness())
        self._rate.on_change("value_throttled", lambda _name, _old, _new: self._send_rate())

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
        index = self._index()
        if isinstance(index, str) or (index or 0) >= len(layers):
            return
        chosen = layers if index is None else [layers[index]]
        temperature, rate = chosen[0]["temperature"], chosen[0]["rate"]
        self._gain.disabled = self._rate.disabled = ended
        self._gain.visible = all(layer["softness"] for layer in chosen)
        self._rate.visible = all(layer["rate"] is not None for layer in chosen)
        _set(self._gain, None if temperature is None else 1 / temperature, SOFTNESS)
        _set(self._rate, rate, RATES)
        self._title_softness()
        self._title_rate()

    def _title_softness(self) -> None:
        if not self._gain.visible:
            self._gain_text.text = "this competition has no gain"
        elif _within(self._gain.value, SOFTNESS):
            self._gain_text.text = softness_title(10**self._gain.value)

    def _title_rate(self) -> None:
        if not self._rate.visible:
            self._rate_text.text = "this rule has no rate"
        elif _within(self._rate.value, RATES):
            self._rate_text.text = f"rate {written(self._rate_now())}"

    def _index(self) -> int | str | None:
        """Return the index of the layer that is chosen, None for all; a text that is neither is left as it is."""
        chosen = str(self._layer.value)[:MOST_DIGITS]
        if chosen == "all":
            return None
        return int(chosen) if chosen.isdecimal() and chosen.isascii() else chosen

    def _rate_now(self) -> float:
        """Return the rate of the slider; its left end, where no smaller one was set, is 0."""
        return float(written(10**self._rate.value)) if self._rate.value > RATES[0] else 0.0

    def _send_softness(self) -> None:
        """Send the gain or the temperature, whichever the layers have."""
        if not self._admitted("gain", self._gain.value, SOFTNESS):
            return
        inverse, index = 10**self._gain.value, self._index() or 0
        layers = self._shown[0] if self._shown else []
        shown = layers[index] if isinstance(index, int) and index < len(layers) else {}
        if shown.get("softness") == "temperature":
            self._send(name="temperature", value=float(written(1 / inverse)))
        else:
            self._send(name="gain", value=float(f"{math.exp(inverse):.6g}"))

    def _send_rate(self) -> None:
        if self._admitted("rate", self._rate.value, RATES):
            self._send(name="rate", value=self._rate_now())

    def _admitted(self, name: str, value: float, ends: tuple[float, float]) -> bool:
        """Tell whether a slider is within its ends, and say so where it is not: a page may send anything."""
        if not _within(value, ends):
            self._recorder.refuse(f"the slider of the {name} must be from {ends[0]} to {ends[1]}, got {value!a:.40}")
        return _within(value, ends)

    def _send(self, name: str, value: float) -> None:
        self._recorder.order(do="set", name=name, value=value, layer=self._index())


def _within(value: float, ends: tuple[float, float]) -> bool:
    """Tell whether a slider's value is within its ends, up to rounding; NaN is not."""
    return ends[0] - GRID <= value <= ends[1] + GRID


def _whole(value: Any) -> Any:
    """Return a number as a whole one if it is, and else as it is, for the run to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _set(slider: Slider, value: float | None, ends: tuple[float, float]) -> None:
    """Move a slider to the logarithm of a value, within its ends."""
    if value is not None:
        logarithm = math.log10(value) if value > 0 else ends[0]
        slider.value = min(max(logarithm, ends[0]), ends[1])
