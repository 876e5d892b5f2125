"""Features: the function of a response that a linear classifier is fitted to."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.response import Response
from neurosim.errors import SampleError

Array = NDArray[np.float32]

SHARPNESS = np.float32(5)  # of the softmax; potentials are not scaled first


def _triangle(u: Array) -> Array:
    mean = u.mean(axis=1, keepdims=True, dtype=np.float64)  # float32 cannot hold every sum of float32
    return np.asarray(np.maximum(u - mean, 0), np.float32)


def _relu(u: Array) -> Array:
    return np.maximum(u, 0)


def _softmax(u: Array) -> Array:
    shares = np.exp(SHARPNESS * (u - u.max(axis=1, keepdims=True)))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares)


OF_POTENTIALS: dict[str, Callable[[Array], Array]] = {"triangle": _triangle, "relu": _relu, "softmax": _softmax}
KINDS = ("output", *OF_POTENTIALS)


def features(response: Response, kind: str = "output") -> Array:
    r"""Return the features of responses that a classifier is fitted to.

    .. math::

        \mathrm{triangle}: \max(u_k - \bar u, 0), \qquad
        \mathrm{relu}: \max(u_k, 0), \qquad
        \mathrm{softmax}: e^{5 u_k} / \sum_l e^{5 u_l}

    and `output` is z, what the last layer transmits. The softmax takes potentials unscaled, in units of the layer's
    normalised input, so it depends on their scale.

    Parameters
    ----------
    response : Response
        With a leading axis of samples.
    kind : {"output", "triangle", "relu", "softmax"}

    Returns
    -------
    float32 (samples, neurons)
        For a layer that sends images (samples, neurons x rows x columns), flattened in that order; the sums and means
        above then go over the neurons of one position. `output` is the response's own array, not a copy. Values beyond
        float32 are infinite, see `check_finite`.

    References
    ----------
    Coates et al., AISTATS 2011, section 3.2.2: Triangle.
    """
    if kind == "output":
        return response.output
    with np.errstate(over="ignore"):
        values = OF_POTENTIALS[kind](response.potentials)
    return values.reshape(len(values), -1)


def check_finite(values: Array, kind: str) -> None:
    """Refuse features that are not finite, with a SampleError."""
    if not np.isfinite(values).all():
        what = "what the last layer transmits" if kind == "output" else f"features {kind!r}"
        raise SampleError(f"{what} must be finite in float32 to fit a readout, and is not; make the samples smaller")
