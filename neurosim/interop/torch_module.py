"""A frozen chip with a readout as a module of PyTorch."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.chip.gradients import Float, Passes
from neurosim.errors import ConfigError
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.soft import SoftLabels

if TYPE_CHECKING:
    import torch


def as_torch_module(
    chip: Chip,
    readout: SoftLabels | LinearReadout | None = None,
    *,
    temperature: float | None = None,
    dtype: Float = np.float64,
) -> "torch.nn.Module":
    """Return a module whose forward pass gives log P(c | x), which autograd differentiates: for tools of PyTorch.

    The same function as `neurosim.bayes.Classifier`: of samples (samples, inputs), also as images of any shape that has
    so many inputs, log P(c | x) (samples, classes). Logarithms of probabilities are logits, too. Weights are copied,
    and are buffers, not parameters: nothing trains them. It needs PyTorch, the extra `torch`.

    Parameters
    ----------
    chip, readout, temperature : Chip, SoftLabels or LinearReadout or None, float
        As for `neurosim.bayes.Classifier`.
    dtype : float64 or float32
        Of the buffers, and so of the samples that it takes.

    Raises
    ------
    ConfigError
        If PyTorch is not installed; as for `neurosim.bayes.Classifier`, or if the competition has no gradient.

    Examples
    --------
    >>> import foolbox
    >>> module = ns.interop.as_torch_module(chip, readout).eval()
    >>> model = foolbox.PyTorchModel(module, bounds=(0, 1))
    """
    if find_spec("torch") is None:
        raise ConfigError("PyTorch", "installed", "none", "pip install 'neurosim-chip[torch]'")
    from neurosim.interop.torch_layers import ChipModule

    passes = Passes(chip, readout, temperature=temperature, dtype=dtype)
    passes.check_gradient()
    return ChipModule(passes)
