"""A proof of robustness: how far a sample may move before a chip that names by its winner can name it otherwise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def certified_radii(weights: Array, names: NDArray[np.int64], samples: Array, labels: Any, norm: str) -> Array:
    r"""Return for each sample a distance within which the neuron of the largest w.x surely has the sample's label.

    .. math:: r = \min_{j: c_j \ne c} \max_{k: c_k = c} \frac{(w_k - w_j) \cdot x}{\lVert w_k - w_j \rVert_*}

    since a change d of x changes (w_k - w_j).x by at most \|w_k - w_j\|_* \|d\|, by Hölder's inequality: the dual
    norm of L-infinity is L1, that of L2 is L2. Samples with other names have 0 or less. It is a lower bound: samples
    beyond it may be safe too, but nothing was proved of them.

    Parameters
    ----------
    weights : float64 (neurons, inputs)
        w, of a single layer.
    names : int64 (neurons,)
        The label that each neuron stands for.
    samples : float64 (samples, inputs)
    labels : int64 (samples,)
    norm : {"linf", "l2"}
    """
    potentials = samples @ weights.T
    radii = np.full(len(samples), np.inf)
    for label in np.unique(labels):
        own, others = np.flatnonzero(names == label), np.flatnonzero(names != label)
        rows = np.flatnonzero(labels == label)
        if len(own) == 0:
            radii[rows] = -np.inf
        elif len(others):
            lengths = np.maximum(_dual(weights[own], weights[others], norm), np.finfo(float).tiny)
            for row in rows:  # pairs of neurons of one sample at a time: those of all would not fit into memory
                leads = potentials[row, own, None] - potentials[row, others]
                radii[row] = (leads / lengths).max(axis=0).min()
    return radii


def _dual(first: Array, second: Array, norm: str) -> Array:
    """Return the dual norms of all differences of rows of two matrices."""
    if norm == "linf":
        return np.array([np.abs(second - row).sum(axis=1) for row in first])
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))
