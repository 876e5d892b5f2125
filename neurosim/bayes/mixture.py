"""Mixtures of von Mises-Fisher distributions: what a soft winner-take-all layer takes its samples to be drawn from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.bayes import bessel
from neurosim.bayes.layers import direct, model_layer
from neurosim.bayes.sampling import draw
from neurosim.bayes.units import unit_blocks
from neurosim.checks import LARGEST, plain_number, truth, whole
from neurosim.chip.activation_slopes import log_sum, softmax
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.outside.arrays import numbers
from neurosim.streams import Stream

Array = NDArray[np.float64]
BLOCK = 1 << 21  # numbers of float64 that a block of samples, or of their posteriors, may have
TOLERANCE = 1e-6  # of norms, and of the sum of shares


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    r"""A mixture of von Mises-Fisher distributions on the unit sphere, all of one concentration.

    .. math::

        p(x) = \sum_k q_k C_D(\kappa)\, e^{\kappa \mu_k \cdot x / \|x\|}, \qquad
        P(k \mid x) = \frac{q_k e^{\kappa \mu_k \cdot x / \|x\|}}{\sum_l q_l e^{\kappa \mu_l \cdot x / \|x\|}}

    Densities are by area of the sphere, in nats, so they may be large: at 784 inputs the uniform one has 1,497 nats.
    Only the direction of a sample counts. A sample of zeros has none: `log_density` and `posterior`, which have a row
    for each sample, refuse it; means over samples (`log_likelihood`, `em_step`) leave it out, as readouts do. Samples
    are a stream that can be read again, or an array (samples, inputs) of any real numbers, and are converted to float64
    a block at a time.

    Parameters
    ----------
    directions : float64 (components, inputs)
        :math:`\mu_k`, each of norm one; two inputs at least.
    concentration : float
        :math:`\kappa`, above 0, at most 1e8.
    shares : float64 (components,), optional
        :math:`q_k`, from 0, with the sum 1; by default all equal.

    Raises
    ------
    ConfigError
        If one breaks its rule.

    References
    ----------
    Banerjee, Dhillon, Ghosh and Sra, J. Machine Learning Research 6 (2005) 1345, section 3; Moraitis et al., SoftHebb,
    Neuromorph. Comput. Eng. 2 (2022) 044017, for the layer as such a mixture.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.bayes import Mixture
    >>> chip = ns.Chip([ns.recipes.softhebb(50)], inputs=64).learn(ns.open_stream("digits:train"))
    >>> mixture = Mixture.of(chip)
    >>> better = mixture.em_step(ns.open_stream("digits:train"), shares=False)
    """

    directions: Array
    concentration: float
    shares: Array = None  # type: ignore[assignment]  # `__post_init__` makes None equal shares

    def __post_init__(self) -> None:
        directions = np.array(numbers("directions", self.directions, refuse=ConfigError), np.float64)
        if directions.ndim != 2 or 0 in directions.shape:
            raise ConfigError("directions", "an array (components, inputs)", directions.shape)
        norms = np.linalg.norm(directions, axis=1)
        wrong = ~(abs(norms - 1) <= TOLERANCE)  # NaN is
        if wrong.any():
            raise ConfigError("directions", "of norm one", float(norms[wrong][0]))
        count = len(directions)
        values = np.full(count, 1 / count) if self.shares is None else self.shares
        shares = np.array(numbers("shares", values, refuse=ConfigError), np.float64)
        if shares.shape != (count,) or not (shares >= 0).all() or not abs(shares.sum() - 1) <= TOLERANCE:
            raise ConfigError("shares", f"{count} numbers from 0 with the sum 1", shares)
        concentration = plain_number(self.concentration)
        bessel.check(directions.shape[1], concentration)
        for name, value in (("directions", directions), ("shares", shares)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        object.__setattr__(self, "concentration", concentration)

    def __repr__(self) -> str:
        return f"Mixture({self.components} components, {self.inputs} inputs, concentration={self.concentration:g})"

    @property
    def components(self) -> int:
        """Number of components, neurons of a layer."""
        return len(self.directions)

    @property
    def inputs(self) -> int:
        """Width of a sample."""
        return int(self.directions.shape[1])

    @classmethod
    def of(cls, chip: Chip, layer: int = -1) -> "Mixture":
        r"""Return the mixture that a layer implies: :math:`\mu_k = w_k / \|w_k\|` and :math:`\kappa = 1 / \tau`.

        Shares are those that the bias `LogPrior` has learned, and equal without it. The layer's own responses are
        :math:`\mathrm{softmax}(r_k \cos_k / \tau + \ln q)` with the norms :math:`r_k = \|w_k\|`. Where all are one,
        they are the mixture's posterior. A neuron of norm 2 competes as if it were twice as concentrated, without the
        normaliser of such a density, so it wins more than its share. Layers of the recipes start with norms of 5, and
        SoftHebb brings them to one.

        A deeper layer sees what the layer before it transmits: its mixture takes the samples of `layer_inputs`.

        Parameters
        ----------
        chip : Chip
        layer : int
            Index of the layer, by default the last.

        Raises
        ------
        ConfigError
            If the layer's responses are no posterior of such a mixture: it must be dense, with `SoftWTA`, not signed,
            not of the winner only, with the identity for activation, `lebesgue` 2, and with `normalise="sample"`.
            (With another unit the concentration would be :math:`\|x\| / \tau`, another one for each sample.)
        ConcurrentUseError
            If another thread is using the chip.
        """
        weights, sharpness, shares = model_layer(chip, layer)
        return cls(direct(weights), sharpness, shares)  # type: ignore[arg-type]  # None as above

    def log_density(self, samples: Stream | ArrayLike) -> Array:
        """Return the logarithm of each sample's density, in nats: float64 (samples,).

        Raises
        ------
        SampleError
            If a sample is of zeros or not finite, the width is another, or there is none.
        """
        return np.concatenate([log_sum(self._log_joint(units)) for units in self._units(samples, leave_out=False)])

    def log_likelihood(self, samples: Stream | ArrayLike) -> float:
        """Return the mean of the samples' log densities, in nats; samples of zeros are left out.

        Raises
        ------
        SampleError
            If a sample is not finite, the width is another, or all are of zeros.
        """
        total, count = 0.0, 0
        for units in self._units(samples, leave_out=True):
            total, count = total + float(log_sum(self._log_joint(units)).sum()), count + len(units)
        return total / count

    def posterior(self, samples: Stream | ArrayLike) -> Array:
        """Return each component's probability, given the sample: float64 (samples, components).

        Raises
        ------
        SampleError
            As in `log_density`.
        """
        return np.concatenate([softmax(self._log_joint(units)) for units in self._units(samples, leave_out=False)])

    def em_step(
        self, samples: Stream | ArrayLike, *, shares: bool = True, concentration: bool = False
    ) -> "Mixture":  # fmt: skip
        r"""Return the mixture after one step of expectation maximisation; its likelihood of the samples is no lower.

        .. math::

            s_k = \sum_n P(k \mid x_n) \frac{x_n}{\|x_n\|}, \qquad \mu_k = \frac{s_k}{\|s_k\|}, \qquad
            q_k = \frac1N \sum_n P(k \mid x_n), \qquad A_D(\kappa) = \frac1N \sum_k \|s_k\|

        A component that has no sample at all keeps its direction.

        Parameters
        ----------
        samples : Stream or (samples, inputs)
            Samples of zeros are left out.
        shares : bool
            Whether to estimate shares. A layer without `LogPrior` has equal ones: False is what it can reach.
        concentration : bool
            Whether to estimate the concentration; a chip's is a constant, :math:`1 / \tau`.

        Raises
        ------
        SampleError
            As in `log_likelihood`.
        ConfigError
            If the concentration has no estimate, because the samples hardly differ from the directions.

        References
        ----------
        Banerjee et al. 2005, section 3, the soft moVMF, here with one concentration for all components.
        """
        truth("shares", shares)
        truth("concentration", concentration)
        sums, mass, count = np.zeros(self.directions.shape), np.zeros(self.components), 0
        for units in self._units(samples, leave_out=True):
            posterior = softmax(self._log_joint(units))
            sums += posterior.T @ units
            mass += posterior.sum(axis=0)
            count += len(units)
        lengths = np.linalg.norm(sums, axis=1)
        directions = np.where(lengths[:, None] > 0, sums, self.directions)
        length = float(lengths.sum()) / count
        kappa = bessel.concentration_of(self.inputs, length) if concentration else self.concentration
        return Mixture(direct(directions), kappa, mass / mass.sum() if shares else self.shares)

    def em(
        self, samples: Stream | ArrayLike, steps: int, *, shares: bool = True, concentration: bool = False
    ) -> "Mixture":  # fmt: skip
        """Return the mixture after so many times `em_step`; other parameters and errors are those of `em_step`."""
        whole("steps", steps, 0, LARGEST)
        mixture = self
        for _ in range(steps):
            mixture = mixture.em_step(samples, shares=shares, concentration=concentration)
        return mixture

    def cosine_to_em_step(self, samples: Stream | ArrayLike) -> float:
        r"""Return how near the directions are to those of an EM step, 1 at a fixed point: :math:`\sum_k q_k \cos_k`.

        The cosines are between directions before and after the step, and q the shares after it, so that a component
        without samples does not count.

        Raises
        ------
        SampleError
            As in `log_likelihood`.
        """
        after = self.em_step(samples)
        return float(after.shares @ (self.directions * after.directions).sum(axis=1))

    def sample(self, count: int, seed: int) -> tuple[Array, NDArray[np.int64]]:
        """Draw samples of norm one: float64 (count, inputs), and their components, int64 (count,).

        Each is a function of the seed and of its number, so the first ones are the same for every count.

        Parameters
        ----------
        count : int
            At least 1.
        seed : int
            From 0, below 2**64.

        Raises
        ------
        ConfigError
            If one is out of range.

        References
        ----------
        Wood, Commun. Statist. Simulation 23 (1994) 157, algorithm VM*.
        """
        whole("count", count, 1, LARGEST)
        whole("seed", seed, 0, 2**64 - 1)
        return draw(self.directions, self.concentration, self.shares, count, seed)

    def _log_joint(self, units: Array) -> Array:
        """Return ln q_k + ln p(x | k) of unit vectors: float64 (samples, components)."""
        with np.errstate(divide="ignore"):  # a share of zero has the logarithm -inf
            offsets = np.log(self.shares) + bessel.log_normaliser(self.inputs, self.concentration)
        joint: Array = units @ self.directions.T
        joint *= self.concentration
        joint += offsets
        return joint

    def _units(self, samples: Stream | ArrayLike, *, leave_out: bool) -> Iterator[Array]:
        """Give the samples at norm one, a block at a time; those of zeros are left out, or refused."""
        size = max(1, BLOCK // max(self.inputs, self.components))
        return unit_blocks(samples, self.inputs, size, leave_out=leave_out)
