"""Classifiers to take gradients from where a classifier's own lead nowhere."""

import copy

import numpy as np

from neurosim.errors import ConfigError
from neurosim.readouts.soft import SoftLabels

FAINT = 1e-100  # share of a class in neurons of another: so small that it has no weight, but its logarithm is finite


def sharpened(readout: SoftLabels) -> SoftLabels:
    r"""Return soft labels in which every neuron votes for its most frequent class alone, to take gradients from.

    Most neurons respond to a few samples of other classes, too. Near a sample of which the chip is sure, P(c | x) of
    another class c is then little more than the winner's own :math:`P(c \mid k)`, which does not change with x: the
    gradient leads nowhere. With these labels it leads to the nearest neurons of other classes:

    .. math:: \log P(c \mid x) = \log \sum_{k: \hat c_k = c} y_k, \qquad \hat c_k = \arg\max_c P(c \mid k)

    Parameters
    ----------
    readout : SoftLabels
        Fitted; it stays as it is.

    Raises
    ------
    ConfigError
        If the readout is another, or not fitted.

    References
    ----------
    Athalye, Carlini and Wagner, Obfuscated gradients give a false sense of security, ICML 2018.
    """
    if not isinstance(readout, SoftLabels) or not hasattr(readout, "shares_"):
        raise ConfigError("readout", "fitted SoftLabels", readout)
    sharp = copy.copy(readout)
    sharp.shares_ = np.full_like(readout.shares_, FAINT)
    sharp.shares_[np.arange(len(sharp.shares_)), readout.shares_.argmax(axis=1)] = 1
    return sharp
