"""Why a layer does not admit a sample."""

import numpy as np

from neurosim.engine.samples import Array


def refusal(sample: Array, number: int, where: str, negative: bool) -> str:
    """Return why a layer does not admit a sample, as a sentence.

    Parameters
    ----------
    sample : float32 (inputs,)
    number : int
        Of the sample, from 0.
    where : str
        Name of the layer.
    negative : bool
        Whether the layer admits inputs below zero.
    """
    for rule, broken in (
        ("finite", ~np.isfinite(sample)),
        (
            "at least 0 (initial='uniform' makes weights for such inputs; take initial='samples' or 'normal', as "
            "neurosim stream --initial samples does)",
            (sample < 0) & (not negative),
        ),
    ):
        if broken.any():
            i = int(np.argmax(broken))
            return f"sample {number}, input {i} of {where} must be {rule}, got {sample[i]}"
    return (
        f"sample {number} of {where} must have a norm within float32's range, got inputs up to {np.abs(sample).max()}"
    )
