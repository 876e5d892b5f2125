"""Layers: what a layer is made of. The layer at work is in `neurosim.engine.dense.layer`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from neurosim.checks import LARGEST, finite, fraction, number, one_of, plain, truth, whole
from neurosim.errors import ConfigError
from neurosim.layers import limits
from neurosim.layers.activations import Identity, Transmit
from neurosim.layers.biases import Bias
from neurosim.layers.competition import Competition
from neurosim.layers.devices import Crossbar, Devices
from neurosim.layers.families import NEWER, Family
from neurosim.layers.own_competitions import CompetitionMaker
from neurosim.layers.own_rules import RuleMaker
from neurosim.layers.rules import Rule

LONGEST_WINDOW = 4096  # samples: their products with one another are kept
INITIAL = ("uniform", "normal", "zeros", "samples")
UNITS = ("none", "stream", "sample")
STEPS = ("capped", "largest")
ROUNDINGS = ("stochastic", "nearest")

UNKNOWN = "a class of your own is unknown to compiled code"
SUBCLASS = {  # what to do in place of a subclass
    "competition": "one of your own is a function that neurosim.competition decorates",
    "rule": "one of your own is a function that neurosim.rule decorates",
}


@dataclass(frozen=True, slots=True)
class DenseWTA:
    r"""A dense layer of winner-take-all neurons: every input reaches every neuron.

    .. math::

        u = W x / m, \qquad y = \mathrm{compete}(f(u) + b), \qquad
        w_k \leftarrow a_k w_k + c_k x / m, \qquad z = g(u)

    Parameters
    ----------
    neurons : int
        How many, at least 1.
    competition : any of `neurosim.layers.competition`
        Turns drives :math:`f(u) + b` into responses: `SoftWTA`, `HardWTA`, ...; `docs/rules.md` lists all.
    rule : any of `neurosim.layers.rules`, or one's own (see `rule`)
        Turns a response into decay and growth: `SoftHebb`, `Oja`, ...; `docs/rules.md` lists all.
    activation : any of `neurosim.layers.activations`
        :math:`f`, what of the potentials competes: `Identity`, `ReLU`, ...
    bias : any of `neurosim.layers.biases`, optional
        :math:`b`, by which the competition makes up for habits: `Conscience`, ...
    normalise : {"none", "stream", "sample"}
        The unit :math:`m` in which the layer sees its input: 1; the running mean of :math:`\|x\|` over the stream
        (an exponential mean with a horizon of a thousand samples, once that many are seen); or the sample's own norm.
        With the last two no constant depends on the scale of the data.
    initial : {"uniform", "normal", "zeros", "samples"}
        First weights: :math:`U[0, R\sqrt{3/D}]`, for inputs that are never negative (a negative one is then an
        error), or :math:`N(0, R^2/D)`; :math:`E\|w\|^2 = R^2` with both. With `renormalise` their norm is one.
        Or zeros, which no radius scales, for what learns from its error (`Corrected`).
        Or the stream's own samples, of any sign: the k-th sample that is learned from, blank ones left out, becomes
        neuron k, :math:`w_k = R x / \|x\|`, which counts as its first win, whatever the sample's modulator; nothing
        else is learned from it, and no window waits for it. Until then a neuron's weights are zero, and it comes behind
        all neurons that have begun. Inputs may have any sign. Not with a competition by label, nor without a winner.
    radius : float
        :math:`R`, positive, at most 1e18. Above 2 on purpose: a neuron that wins shrinks toward norm 1, and so lets
        others win.
    cap : float
        :math:`\kappa`, above 0, at most 1: the largest relative change of a neuron by decay in one update (rules that
        mix neurons have no such number, and no cap).
    cutoff : float
        Responses of smaller size neither decay nor grow; 0 is the textbook's rule. From 0, below 1.
    window : int
        Samples whose plasticity is summed before it is applied, all seen with the old weights; 1 is on-line learning.
    lebesgue : float
        :math:`p`, from 1 to 16, of the potential :math:`u_k = \sum_i \mathrm{sign}(w_{ki}) |w_{ki}|^{p-1} x_i` and of
        every norm of weights. 2 is the plain product; any other costs a power for each synapse. 1 leaves of weights
        their signs, so that neurons differ only where some weights are negative.
    renormalise : bool
        If true, every update ends with the neurons that it moved at norm one.
    leak : float
        From 0, below 1: the share of its weights that every neuron loses per sample.
    eligibility : float
        :math:`\lambda`, from 0, below 1. Above 0 a step waits in a trace for the modulator of `Chip.learn_one`:
        :math:`e \leftarrow \lambda e + (a - 1) w + c x,\ w \leftarrow w + m e`. Every sample counts as time: one that
        teaches nothing, of zeros or without the label it takes, adds no step, but the trace decays and the modulator
        acts, as a reward does that comes late. The trace takes as much memory as the weights, and a modulator other
        than 0 costs inputs x neurons.
    transmit : any of `neurosim.layers.activations`
        :math:`g`, what the next layer sees.
    weight_bits : int, optional
        From 2 to 16: synapses are whole numbers of so many bits, as a chip's memory holds them, and one float32 scale a
        neuron, :math:`w_{ki} = s_k q_{ki}` with :math:`|q| \le 2^{bits-1} - 1`. Decay is the scale's, growth is
        rounded: `docs/weight-bits.md`. Without, synapses are float32.
    rounding : {"stochastic", "nearest"}
        How growth becomes whole numbers: by chance, so that its mean is kept, or to the nearest, which loses small
        steps. Of `weight_bits`, and of the `states` of `devices`.
    instruments : bool
        Whether to keep step sizes and a record of what neurons do (`neurosim.instruments`); changes no weight.
    weight_sum : float, optional
        If given, positive, at most 1e18: first weights have, and every update ends with the neurons that it moved at,
        this sum of :math:`|w_{ki}|`, in place of `renormalise` (Diehl and Cook 2015: 78.4 for 784 inputs). It is
        measured anew each time, which costs all inputs of each neuron that moves.
    step : {"capped", "largest"}
        How a step is kept within bounds. "capped": by the neuron itself, by `cap`. "largest": the layer's whole step is
        divided by its largest change of a synapse, and then multiplied by each neuron's rate (Journé et al. 2023); no
        neuron of a chip could know that number without being told. Of a modulator only the sign is left, and zero;
        those of a window's samples, or of neurons, count in proportion to one another. It costs inputs x neurons, on
        the CPU alone.
    devices : Crossbar, optional
        What synapses are made of, with what real cells do to them: `docs/devices.md`. Without, they are exact. On the
        CPU alone.

    Raises
    ------
    ConfigError
        If a constant breaks its rule, or two do not go together.

    Warns
    -----
    StabilityWarning
        If weights may grow, or responses swing, without bound, or all potentials are equal.
    """

    neurons: int
    competition: Competition = field(kw_only=True)
    rule: Rule = field(kw_only=True)
    activation: Transmit = field(default_factory=Identity, kw_only=True)
    bias: Bias | None = field(default=None, kw_only=True)
    normalise: str = field(default="none", kw_only=True)
    initial: str = field(default="uniform", kw_only=True)
    radius: float = field(default=35.0, kw_only=True)
    cap: float = field(default=0.1, kw_only=True)
    cutoff: float = field(default=0.01, kw_only=True)
    window: int = field(default=1, kw_only=True)
    lebesgue: float = field(default=2.0, kw_only=True)
    renormalise: bool = field(default=False, kw_only=True)
    leak: float = field(default=0.0, kw_only=True)
    eligibility: float = field(default=0.0, kw_only=True)
    transmit: Transmit = field(default_factory=Identity, kw_only=True)
    instruments: bool = field(default=True, kw_only=True)
    weight_bits: int | None = field(default=None, kw_only=True, metadata=NEWER)
    rounding: str = field(default="stochastic", kw_only=True, metadata=NEWER)
    weight_sum: float | None = field(default=None, kw_only=True, metadata=NEWER)
    step: str = field(default="capped", kw_only=True, metadata=NEWER)
    devices: Crossbar | None = field(default=None, kw_only=True, metadata=NEWER)

    def __post_init__(self) -> None:
        plain(self)
        if isinstance(self.rule, RuleMaker):
            object.__setattr__(self, "rule", self.rule())
        if isinstance(self.competition, CompetitionMaker):
            object.__setattr__(self, "competition", self.competition())
        whole("neurons", self.neurons, 1, LARGEST)
        whole("window", self.window, 1, LONGEST_WINDOW)
        one_of("normalise", self.normalise, UNITS)
        one_of("initial", self.initial, INITIAL)
        check_common(self)
        for name in ("leak", "eligibility"):
            number(name, getattr(self, name), "from 0, below 1", 0)
            if getattr(self, name) >= 1:
                raise ConfigError(name, "from 0, below 1", getattr(self, name))
        number("lebesgue", self.lebesgue, "from 1 to 16", 1)
        if self.lebesgue > 16:
            raise ConfigError("lebesgue", "from 1 to 16", self.lebesgue)
        _check_power("radius", self.radius, self.lebesgue)
        truth("renormalise", self.renormalise)
        if self.weight_bits is not None:
            whole("weight_bits", self.weight_bits, 2, 16)
        one_of("rounding", self.rounding, ROUNDINGS)
        if self.weight_sum is not None:
            _check_size("weight_sum", self.weight_sum)
            _check_power("weight_sum", self.weight_sum, self.lebesgue)
        one_of("step", self.step, STEPS)
        check_kind("competition", self.competition, Competition.members.values())
        check_kind("rule", self.rule, Rule.members.values())
        check_kind("activation", self.activation, Transmit.members.values())
        check_kind("bias", self.bias, (*Bias.members.values(), NoneType))
        check_kind("transmit", self.transmit, Transmit.members.values())
        check_kind("devices", self.devices, (*Devices.members.values(), NoneType))
        limits.check(self)


def check_common(layer: Any) -> None:
    """Refuse constants that neither a dense nor a convolutional layer can have."""
    _check_size("radius", layer.radius)
    fraction("cap", layer.cap, "a larger step would turn a neuron round")
    number("cutoff", layer.cutoff, "from 0, below 1", 0)
    if layer.cutoff >= 1:
        raise ConfigError("cutoff", "from 0, below 1", layer.cutoff, "no neuron would ever learn")
    truth("instruments", layer.instruments)


def _check_size(name: str, size: Any) -> None:
    """Refuse a size of weights that is not positive, or whose square float32 cannot hold."""
    finite(name, size, "positive", 0, above=True)
    if size > 1e18:
        raise ConfigError(name, "positive and at most 1e18", size, "float32 cannot hold its square")


def _check_power(name: str, size: float, lebesgue: float) -> None:
    """Refuse a size of weights from which float32 cannot hold a norm to the power of p."""
    if size**lebesgue > 1e36:
        raise ConfigError(f"{name} to the power of lebesgue", "at most 1e36", (size, lebesgue))


def check_kind(name: str, value: object, kinds: Iterable[type[Any]]) -> None:
    """Refuse a value that is of none of these kinds."""
    kinds = tuple(kinds)
    if type(value) not in kinds:
        *most, last = ("None" if kind is NoneType else kind.__name__ for kind in kinds)
        advice = SUBCLASS.get(name, UNKNOWN) if isinstance(value, Family) else ""
        raise ConfigError(name, f"a {', '.join(most) + ' or ' if most else ''}{last}", value, advice)
