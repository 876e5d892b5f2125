"""What the gain explorer's buttons set, and what they say."""

from typing import NamedTuple

__all__ = ["PRESETS", "Preset"]

DEFAULT = (0.62, 0.35, 0.81, 0.48, 0.74, 0.2, 0.55, 0.41)
# Cosines of the first digit of mnist:test with the first weights of twelve neurons, seed 0: docs/explorer.md.
HIGH_DIMENSIONS = (0.270, 0.284, 0.288, 0.269, 0.312, 0.286, 0.325, 0.295, 0.294, 0.300, 0.297, 0.284)


class Preset(NamedTuple):
    """A button.

    Attributes
    ----------
    id, name : str
        Of the button; the name is what it says.
    potentials : tuple of float
        Empty: those that are shown stay.
    sharpness : float
        ln(gain) = 1 / temperature.
    note : str
        What there is to see.
    """

    id: str
    name: str
    potentials: tuple[float, ...]
    sharpness: float
    note: str


PRESETS = (
    Preset(
        "softmax", "Plain softmax: b = e", DEFAULT, 1.0,
        "The usual softmax. Potentials from 0 to 1 make responses that differ by a factor of e at most, so this is a "
        "weak competition: all neurons respond, and all learn much the same.",
    ),
    Preset(
        "uniform", "Uniform: b → 1", (), 0.001,
        "Near a gain of 1 the potentials hardly matter. Each of K neurons responds by 1 / K, the entropy is ln K, and "
        "every sample teaches all neurons alike.",
    ),
    Preset(
        "hard", "Nearly hard: b → ∞", (), 1000.0,
        "The winner takes all: the entropy is 0, and one neuron alone learns from the sample. This is the hard "
        "competition, which the soft one has as its limit.",
    ),
    Preset(
        "rivals", "Two close rivals", (0.80, 0.78, 0.55, 0.5, 0.45, 0.4, 0.3, 0.2), 20.0,
        "Responses stand in the ratio of b to the power of the difference. At this gain, e^20, the rivals, 0.02 apart, "
        "share the sample by 60 to 40, and the others are out. To part the two takes e^200.",
    ),
    Preset(
        "clear", "A clear winner", (0.92, 0.45, 0.42, 0.4, 0.38, 0.35, 0.3, 0.25), 12.0,
        "One neuron is far ahead and has nearly all of the response already at a small gain, e^12. Its step is small, "
        "though: the nearer its weights are to the input, the less there is to learn.",
    ),
    Preset(
        "dimensions", "High dimensions: b = e", HIGH_DIMENSIONS, 1.0,
        "In many dimensions cosines lie close together: these are a real digit's, of 784 pixels, with random weights, "
        "and within 0.06. The plain softmax is uniform to within 6 %: nobody competes.",
    ),
    Preset(
        "enough", "High dimensions: enough gain", HIGH_DIMENSIONS, 100.0,
        "The same potentials at the temperature 0.01, a gain of e^100: differences of 0.01 count, and a few neurons "
        "share the sample. That is why gains are large, and why neurosim's recipes have this temperature.",
    ),
)  # fmt: skip
