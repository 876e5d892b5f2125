"""Layers for surfaces around events."""

from typing import Any

from neurosim.layers.biases import Conscience
from neurosim.layers.competition import HardWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import Instar, Rate

GAIN = 0.25  # of homeostasis, in Grimaldi et al.'s code


def homeostatic(
    neurons: int, *, rate: Rate = 0.01, gain: float = GAIN, horizon: float = 20_000, **constants: Any
) -> DenseWTA:
    r"""Return the layer that is nearest to Grimaldi et al.'s: a hard competition, in which who wins often is held back.

    .. math::

        \mathrm{winner} = \arg\max_k \left( \cos(w_k, x) + g (1 - K p_k) \right), \qquad
        w \leftarrow \mathrm{unit}(w + \eta (x - w)), \qquad p_k \leftarrow p_k + (z_k - p_k) / h

    Theirs multiplies the cosine by :math:`e^{g (1 - K n_k / \sum n)}`, with counts since the beginning, moves by
    :math:`\eta \cos(w, x)`, with :math:`\eta = 0.01 / (1 + n_k / 20000)`, and leaves norms below one. As theirs, it
    responds without homeostasis when it does not learn.

    Parameters
    ----------
    neurons : int
        K.
    rate : float or schedule
        :math:`\eta`.
    gain : float
        g, not negative.
    horizon : float
        h in events, at least 1.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Grimaldi et al., A robust event-driven approach to always-on object recognition, Neural Networks 178 (2024) 106415.
    """
    mine: dict[str, Any] = {
        "competition": HardWTA(), "rule": Instar(rate=rate),
        "bias": Conscience(rate=1 / horizon, strength=gain * neurons), "renormalise": True,
    }  # fmt: skip
    return DenseWTA(neurons, **(mine | constants))
