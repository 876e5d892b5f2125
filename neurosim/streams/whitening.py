"""Whitening: what samples have in common is taken out, by a matrix that is fitted on the first of them."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import finite, whole
from neurosim.errors import ConfigError
from neurosim.outside.arrays import numbers
from neurosim.streams.base import Stream, check_stream
from neurosim.streams.transforms import Draws, Image

WIDEST = 8192  # numbers in a sample: the matrix has the square of that


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Whiten:
    r"""Samples whose numbers are uncorrelated and of variance one, and look like what they were made of (ZCA).

    .. math:: y = W (x - \mu), \qquad W = V (\Lambda + \epsilon)^{-1/2} V^\top, \qquad C = V \Lambda V^\top

    with the mean :math:`\mu` and the covariance C of the samples that it was fitted on. Make it by `fit`.

    Parameters
    ----------
    mean : array
        :math:`\mu`, in the shape of a sample.
    matrix : array (inputs, inputs)
        W.

    Raises
    ------
    ConfigError
        If the matrix has not a row and a column for each number of the mean, or something is not finite.

    References
    ----------
    Bell and Sejnowski, Vision Research 37 (1997) 3327; with :math:`\epsilon` Krizhevsky, Learning multiple layers of
    features from tiny images (2009).
    """

    purpose: ClassVar[int] = 0
    draws: ClassVar[int] = 0
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = False

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in ("mean", "matrix"):
            array = numbers(name, getattr(self, name), refuse=ConfigError).astype(np.float32)  # a copy
            if not np.isfinite(array).all():
                raise ConfigError(name, "finite numbers", "some that are not")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        width = self.mean.size
        if self.matrix.shape != (width, width):
            raise ConfigError("matrix", f"of {width} rows and columns, as the mean has numbers", self.matrix.shape)

    @classmethod
    def fit(cls, stream: Stream, *, samples: int = 10_000, epsilon: float = 1e-3) -> "Whiten":
        r"""Return the whitening of a stream's first samples.

        It takes an eigendecomposition, so seconds for MNIST and half a minute for CIFAR-10. Other machines may round
        the matrix differently: to go on with a run there, keep the matrix.

        Parameters
        ----------
        stream : Stream
            Of samples of at most 8,192 numbers.
        samples : int
            How many of them, at least 2; all, if there are fewer.
        epsilon : float
            :math:`\epsilon`, positive, in units of the samples' variance (pixels are from 0 to 1). Directions of less
            variance are noise, which whitening would make as large as the rest.

        Raises
        ------
        ConfigError
            If a constant is out of range, the stream has wider samples, or fewer than two.
        """
        check_stream("stream to whiten", stream)
        whole("samples", samples, 2)
        finite("epsilon", epsilon, "positive", 0, above=True)
        if stream.inputs > WIDEST:
            raise ConfigError("stream to whiten", f"of at most {WIDEST} numbers a sample", stream.inputs)
        pieces, count = [np.empty((0, stream.inputs))], 0
        for block in stream.blocks(size=samples):
            pieces.append(block.samples[: samples - count].astype(np.float64))
            count += len(pieces[-1])
            if count == samples:
                break
        first = np.concatenate(pieces)
        if len(first) < 2:
            raise ConfigError("stream to whiten", "of at least 2 samples", len(first))
        mean = first.mean(axis=0)
        first -= mean
        variances, directions = np.linalg.eigh(first.T @ first / len(first))
        matrix = (directions / np.sqrt(np.maximum(variances, 0) + epsilon)) @ directions.T
        return cls(mean.reshape(stream.shape).astype(np.float32), matrix.astype(np.float32))

    def __repr__(self) -> str:
        return f"Whiten(inputs={self.mean.size}, sha256='{self._digest()}')"

    def _digest(self) -> str:
        return hashlib.sha256(self.mean.tobytes() + self.matrix.tobytes()).hexdigest()[:16]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged; raise ConfigError if it is not that of the samples it was fitted on."""
        if shape != self.mean.shape:
            raise ConfigError("stream to transform", f"of the shape {self.mean.shape} that Whiten was fitted on", shape)
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the sample whitened."""
        whitened: NDArray[Any] = self.matrix @ (image - self.mean).ravel()
        return whitened.reshape(image.shape)

    def apply_all(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return many samples whitened, (samples, ...): one product of matrices, so other roundings than `apply`'s."""
        whitened: NDArray[Any] = (samples.reshape(len(samples), -1) - self.mean.ravel()) @ self.matrix.T
        return whitened.reshape(samples.shape)
