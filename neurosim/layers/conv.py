"""Convolutional layers: what a layer of images is made of. The layer at work is in `neurosim.engine.conv.layer`."""

from dataclasses import dataclass, field
from types import NoneType
from typing import NamedTuple

from neurosim.checks import LARGEST, number, one_of, plain, truth, whole
from neurosim.errors import ConfigError
from neurosim.layers import limits
from neurosim.layers.activations import Identity, Transmit, Triangle
from neurosim.layers.biases import Bias
from neurosim.layers.competition import Competition
from neurosim.layers.dense import STEPS, check_common, check_kind
from neurosim.layers.families import NEWER
from neurosim.layers.own_competitions import CompetitionMaker
from neurosim.layers.own_rules import RuleMaker
from neurosim.layers.rules import Rule

NORMALISATIONS = ("none", "running", "sample", "layer", "window")
ANSWERS = ("at once", "window")
LONGEST_WINDOW = 256  # images: the patches of all of them are in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    size: int
    stride: int
    padding: int = 0

    def __post_init__(self) -> None:
        plain(self)
        whole("size of a pool", self.size, 1, LARGEST)
        whole("stride of a pool", self.stride, 1, LARGEST)
        whole("padding of a pool", self.padding, 0, self.size // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool(_Pool):
    """Send the largest response of each square of positions; places beyond the border count for nothing.

    Parameters
    ----------
    size, stride : int
        Of the squares, at least 1.
    padding : int
        Places beyond the border, at most half the size.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPool(_Pool):
    """Send the mean response of each square of positions; places beyond the border count as zeros.

    Parameters
    ----------
    size, stride : int
        Of the squares, at least 1.
    padding : int
        Places beyond the border, at most half the size.
    """


@dataclass(frozen=True, slots=True)
class ConvWTA:
    r"""A convolutional layer of winner-take-all neurons: all of them compete at every position of an image.

    .. math::

        u_{pk} = w_k \cdot x_p, \qquad y_p = \mathrm{compete}(f(u_p) + b), \qquad
        w_k \leftarrow w_k + \tfrac{1}{P} \sum_p \left[ (a_{pk} - 1) w_k + c_{pk} x_p \right], \qquad
        z = \mathrm{pool}(g(u))

    with :math:`x_p` the normalised image's patch at position p, of P, and one pair :math:`(a_{pk}, c_{pk})` from the
    rule for each neuron and position.

    Parameters
    ----------
    neurons : int
        How many, at least 1: the channels of what it sends.
    kernel : int
        Height and width of a patch, at least 1.
    stride : int
        Pixels between patches, at least 1.
    padding : int
        Pixels added at every border by reflection; less than the image's height and width.
    competition : SoftWTA, HardWTA, KWTA without a temperature, Ranked, or one's own (see `competition`)
        Turns drives :math:`f(u) + b` into responses, at every position apart. Signed, the losers unlearn: on images
        this is what makes learning better than first weights (Journé et al. 2023).
    rule : Hebb, Oja, Instar, SoftHebb, or one's own that asks for no trace and no total (see `rule`)
        Turns a response into decay and growth.
    activation : Identity, ReLU or Triangle
        :math:`f`, what of the potentials competes.
    normalise : {"running", "sample", "layer", "window", "none"}
        What takes mean and variance out of the input. By channel: the statistics of all images so far, of equal weight
        up to `horizon` images and exponential from there; of this image alone; or of the images of a window, which
        then all learn at its end (see `answers` for what they respond by). "layer" takes all channels of an image as
        one.
    horizon : float
        Images that the running statistics look back, at least 1.
    momentum : float
        From 0, below 1. Above 0, running statistics move by so much of each window's, at its end, from mean 0 and
        variance 1; the variance that moves them is the unbiased one, as in batch normalisation. With
        `normalise="window"`; `horizon` then says nothing.
    answers : {"at once", "window"}
        By what a layer that learns in windows sends its images on: by running statistics, at once; or, with
        `normalise="window"`, by those of the window, at its end and before it learns, as a published network does in
        training. Layers that follow then get whole windows only: `Chip.learn` needs samples in multiples of the window.
    warm_up : int
        Images at the start that move the running statistics alone.
    initial : {"normal", "uniform"}
        First weights, as in `DenseWTA`, by the size of a patch.
    radius : float
        :math:`R`, positive, at most 1e18: :math:`E\|w\|^2 = R^2` of the first weights.
    step : {"capped", "largest"}
        How a step is kept within bounds. "capped": by the neuron itself, by `cap`. "largest": the layer's whole step is
        divided by its largest change of a synapse, and then multiplied by each neuron's rate (Journé et al. 2023); no
        neuron of a chip could know that number without being told.
    cap : float
        :math:`\kappa`, above 0, at most 1: the largest relative change of a neuron by decay in one update.
    cutoff : float
        Responses of smaller size neither decay nor grow; from 0, below 1. What few are left are learned one by one.
    window : int
        Images whose plasticity is summed before it is applied, all seen with the old weights; 1 is on-line learning.
    transmit : Triangle, ReLU or Identity
        :math:`g`, what of the potentials is sent; Triangle's mean is over the neurons at one position.
    pre_triangle : bool
        Whether :math:`\max(u_k - \bar u, 0)` takes the place of the potential :math:`u_k` everywhere: in the
        competition, the decay and what is sent, as in a published preset. With `step="largest"`.
    pool : MaxPool or MeanPool, optional
        What is made of the positions.
    instruments : bool
        Whether to keep step sizes and a record of what neurons do (`neurosim.instruments`); changes no weight.
    bias : any of `neurosim.layers.biases`, optional
        :math:`b`, by which the competition makes up for habits: `Conscience`, ... What it follows is the mean over the
        positions of an image, such as the share of them that a neuron has won, and it moves once an update.
    renormalise : bool
        If true, first weights have norm one, and every update ends with the neurons that it moved at norm one.

    Raises
    ------
    ConfigError
        If a constant breaks its rule, or two do not go together.

    Warns
    -----
    StabilityWarning
        If weights may grow without bound.

    References
    ----------
    Journé et al., "Hebbian deep learning without feedback", ICLR 2023.
    """

    neurons: int
    kernel: int = field(kw_only=True)
    stride: int = field(default=1, kw_only=True)
    padding: int = field(default=0, kw_only=True)
    competition: Competition = field(kw_only=True)
    rule: Rule = field(kw_only=True)
    activation: Transmit = field(default_factory=Identity, kw_only=True)
    normalise: str = field(default="running", kw_only=True)
    horizon: float = field(default=500.0, kw_only=True)
    warm_up: int = field(default=0, kw_only=True)
    initial: str = field(default="normal", kw_only=True)
    radius: float = field(default=25.0, kw_only=True)
    step: str = field(default="capped", kw_only=True)
    cap: float = field(default=0.1, kw_only=True)
    cutoff: float = field(default=0.0, kw_only=True)
    window: int = field(default=1, kw_only=True)
    transmit: Transmit = field(default_factory=Triangle, kw_only=True)
    pool: MaxPool | MeanPool | None = field(default=None, kw_only=True)
    instruments: bool = field(default=True, kw_only=True)
    bias: Bias | None = field(default=None, kw_only=True, metadata=NEWER)
    renormalise: bool = field(default=False, kw_only=True, metadata=NEWER)
    momentum: float = field(default=0.0, kw_only=True, metadata=NEWER)
    answers: str = field(default="at once", kw_only=True, metadata=NEWER)
    pre_triangle: bool = field(default=False, kw_only=True, metadata=NEWER)

    def __post_init__(self) -> None:
        plain(self)
        if isinstance(self.rule, RuleMaker):
            object.__setattr__(self, "rule", self.rule())
        if isinstance(self.competition, CompetitionMaker):
            object.__setattr__(self, "competition", self.competition())
        whole("neurons", self.neurons, 1, LARGEST)
        whole("kernel", self.kernel, 1, LARGEST)
        whole("stride", self.stride, 1, LARGEST)
        whole("padding", self.padding, 0, LARGEST)
        whole("window", self.window, 1, LONGEST_WINDOW)
        whole("warm_up", self.warm_up, 0, LARGEST)
        one_of("normalise", self.normalise, NORMALISATIONS)
        one_of("initial", self.initial, ("normal", "uniform"))
        one_of("step", self.step, STEPS)
        number("horizon", self.horizon, "at least 1", 1)
        number("momentum", self.momentum, "from 0, below 1", 0)
        one_of("answers", self.answers, ANSWERS)
        truth("pre_triangle", self.pre_triangle)
        check_common(self)
        for name, family in (
            ("competition", Competition),
            ("rule", Rule),
            ("activation", Transmit),
            ("transmit", Transmit),
        ):
            check_kind(name, getattr(self, name), [kind for kind in family.members.values() if kind.images])
        check_kind("bias", self.bias, (*Bias.members.values(), NoneType))
        truth("renormalise", self.renormalise)
        check_kind("pool", self.pool, (MaxPool, MeanPool, NoneType))
        limits.check_images(self)


class Geometry(NamedTuple):
    """Sizes of a convolutional layer on images of one size."""

    rows: int
    columns: int
    pooled_rows: int
    pooled_columns: int


def geometry(layer: ConvWTA, shape: tuple[int, ...], where: str) -> Geometry:
    """Return how many positions there are, before and after the pool.

    Raises
    ------
    ConfigError
        If the shape is no image's, or the image is smaller than what slides over it.
    """
    if len(shape) != 3:
        raise ConfigError(f"inputs of {where}", "images (channels, height, width)", shape)
    _, height, width = shape
    if layer.padding >= min(height, width):
        raise ConfigError(f"padding of {where}", f"below its images' {height} x {width} pixels", layer.padding)
    if layer.kernel > min(height, width) + 2 * layer.padding:
        size = f"{height} x {width} pixels and {layer.padding} of padding"
        raise ConfigError(f"kernel of {where}", f"at most its images' size, {size}", layer.kernel)
    rows, columns = ((side + 2 * layer.padding - layer.kernel) // layer.stride + 1 for side in (height, width))
    if layer.pool is None:
        return Geometry(rows, columns, rows, columns)
    if layer.pool.size > min(rows, columns) + 2 * layer.pool.padding:
        size = f"{rows} x {columns} and {layer.pool.padding} of padding"
        raise ConfigError(f"pool of {where}", f"at most its positions' size, {size}", layer.pool.size)
    pooled = ((side + 2 * layer.pool.padding - layer.pool.size) // layer.pool.stride + 1 for side in (rows, columns))
    return Geometry(rows, columns, *pooled)
