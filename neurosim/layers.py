"""Layers: what a layer is made of. The layer at work is in `neurosim.dense`."""

from dataclasses import dataclass, field

import numpy as np

from neurosim.checks import LARGEST, finite, number, one_of, plain, whole
from neurosim.competition import KWTA, Competition, HardWTA, SoftWTA
from neurosim.errors import ConfigError
from neurosim.kernels import dense
from neurosim.rules import Rule, SoftHebb
from neurosim.transmit import Identity, ReLU, Softmax, Transmit, Triangle

UNITS = {"none": dense.RAW, "stream": dense.STREAM_NORM, "sample": dense.SAMPLE_NORM}


@dataclass(frozen=True, slots=True)
class DenseWTA:
    r"""A dense layer of winner-take-all neurons: every input reaches every neuron.

    .. math:: u = W x / m, \qquad y = \mathrm{compete}(u), \qquad w_k \leftarrow a_k w_k + c_k x / m, \qquad z = f(u)

    Parameters
    ----------
    neurons : int
        How many, at least 1.
    competition : SoftWTA, HardWTA or KWTA
        Turns potentials into responses.
    rule : SoftHebb
        Turns a response into decay and growth.
    normalise : {"none", "stream", "sample"}
        The unit :math:`m` in which the layer sees its input: 1; the running mean of :math:`\|x\|` over the stream
        (an exponential mean with a horizon of a thousand samples, once that many are seen); or the sample's own norm.
        With the last two no constant depends on the scale of the data.
    initial : {"uniform", "normal"}
        First weights: :math:`U[0, R\sqrt{3/D}]`, for inputs that are never negative (a negative one is then an
        error), or :math:`N(0, R^2/D)`; :math:`E\|w\|^2 = R^2` with both.
    radius : float
        :math:`R`, positive, at most 1e18. Above 2 on purpose: a neuron that wins shrinks toward norm 1, and so lets
        others win.
    cap : float
        :math:`\kappa`, above 0, at most 1: the largest relative change of a neuron by decay in one update.
    cutoff : float
        Responses of smaller size neither decay nor grow; 0 is the textbook's rule. From 0, below 1.
    window : int
        Samples whose plasticity is summed before it is applied, all seen with the old weights; 1 is on-line learning.
    transmit : Identity, ReLU, Triangle or Softmax
        What the next layer sees.

    Raises
    ------
    ConfigError
        If a constant breaks its rule.
    """

    neurons: int
    competition: Competition = field(kw_only=True)
    rule: Rule = field(kw_only=True)
    normalise: str = field(default="none", kw_only=True)
    initial: str = field(default="uniform", kw_only=True)
    radius: float = field(default=35.0, kw_only=True)
    cap: float = field(default=0.1, kw_only=True)
    cutoff: float = field(default=0.01, kw_only=True)
    window: int = field(default=1, kw_only=True)
    transmit: Transmit = field(default_factory=Identity, kw_only=True)

    def __post_init__(self) -> None:
        plain(self)
        whole("neurons", self.neurons, 1, LARGEST)
        whole("window", self.window, 1, LARGEST)
        one_of("normalise", self.normalise, tuple(UNITS))
        one_of("initial", self.initial, ("uniform", "normal"))
        finite("radius", self.radius, "positive", 0, above=True)
        if self.radius > 1e18:
            raise ConfigError("radius", "positive and at most 1e18", self.radius, "float32 cannot hold its square")
        number("cap", self.cap, "above 0 and at most 1", 0, above=True)
        number("cutoff", self.cutoff, "from 0, below 1", 0)
        if self.cap > 1:
            raise ConfigError("cap", "above 0 and at most 1", self.cap, "a larger step would turn a neuron round")
        if self.cutoff >= 1:
            raise ConfigError("cutoff", "from 0, below 1", self.cutoff, "no neuron would ever learn")
        _kind("competition", self.competition, SoftWTA, HardWTA, KWTA)
        _kind("rule", self.rule, SoftHebb)
        _kind("transmit", self.transmit, Identity, ReLU, Triangle, Softmax)
        if isinstance(self.competition, KWTA) and self.competition.winners > self.neurons:
            raise ConfigError("winners", f"at most the number of neurons, {self.neurons}", self.competition.winners)


def _kind(name: str, value: object, *kinds: type) -> None:
    """Refuse what is none of the kinds."""
    if not isinstance(value, kinds):
        *most, last = (kind.__name__ for kind in kinds)
        raise ConfigError(name, f"a {', '.join(most) + ' or ' if most else ''}{last}", value)


def codes(layer: DenseWTA) -> dense.Constants:
    """Return a layer's constants as the compiled loop takes them."""
    competition, transmit = layer.competition, layer.transmit
    exponent = 1.0
    if isinstance(transmit, Triangle):
        exponent = transmit.power
    if isinstance(transmit, Softmax):
        exponent = 1 / transmit.temperature
    return dense.Constants(
        competition={SoftWTA: dense.SOFT, HardWTA: dense.HARD, KWTA: dense.K_WINNERS}[type(competition)],
        winners=competition.winners if isinstance(competition, KWTA) else 1,
        signed=not isinstance(competition, HardWTA) and competition.signed,
        sharpness=np.float32(competition.sharpness if isinstance(competition, SoftWTA) else 1),
        rate=np.float32(layer.rule.rate),
        power=np.float32(layer.rule.power),
        floor=np.float32(layer.rule.floor),
        cap=np.float32(layer.cap),
        cutoff=np.float32(layer.cutoff),
        units=UNITS[layer.normalise],
        forgetting=np.float32(1e-3),
        negative=layer.initial == "normal",
        transmit={Identity: dense.IDENTITY, ReLU: dense.RELU, Triangle: dense.TRIANGLE, Softmax: dense.SOFTMAX}[
            type(transmit)
        ],
        exponent=np.float32(exponent),
    )
