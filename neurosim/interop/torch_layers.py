"""The forward pass of `neurosim.chip.gradients` in PyTorch, written anew: autograd finds the gradient."""

from typing import Any

import numpy as np
import torch
from torch import nn

from neurosim.chip.gradients import SMALLEST, LayerPass, Passes
from neurosim.layers.activations import Identity, ReLU, Softmax, Transmit, Triangle
from neurosim.readouts.heads import LinearHead, SoftHead

Tensor = Any  # PyTorch is not there where types are checked


class Activation(nn.Module):  # type: ignore[misc]
    """A function of the potentials."""

    def __init__(self, function: Transmit) -> None:
        super().__init__()
        self.function = function

    def forward(self, u: Tensor) -> Tensor:
        """Return f(u) of (samples, neurons)."""
        match self.function:
            case Identity():
                return u
            case ReLU():
                return torch.relu(u)
            case Triangle(power=power):
                above = u - u.mean(dim=1, keepdim=True)
                active = above > 0  # a power has no finite slope at 0, which would become NaN
                return torch.where(active, torch.where(active, above, 1) ** power, 0)
            case Softmax(exponent=exponent):
                return torch.softmax(u * exponent, dim=1)
        raise AssertionError(f"a module for {type(self.function).__name__}")


class Potentials(nn.Module):  # type: ignore[misc]
    """A dense layer up to its potentials."""

    def __init__(self, layer: LayerPass) -> None:
        super().__init__()
        self.by_sample, self.mean_norm = layer.by_sample, layer.mean_norm
        self.register_buffer("weights", torch.tensor(layer.weights))

    def forward(self, samples: Tensor) -> Tensor:
        """Return u of (samples, inputs); of a sample of zeros it is 0, and so is its slope."""
        squares = (samples * samples).sum(dim=1, keepdim=True)
        blank = squares < SMALLEST
        if self.by_sample:
            samples = samples * torch.where(blank, 1, squares).rsqrt()
        elif self.mean_norm is not None:
            samples = samples / self.mean_norm
        return torch.where(blank, 0, samples) @ self.weights


class LogShares(nn.Module):  # type: ignore[misc]
    """The softmax of the last layer: ln P(k | x) of the potentials."""

    def __init__(self, layer: LayerPass, sharpness: float) -> None:
        super().__init__()
        self.activation, self.sharpness = Activation(layer.constants.activation), sharpness
        self.register_buffer("log_prior", torch.tensor(layer.log_prior))

    def forward(self, u: Tensor) -> Tensor:
        """Return ln P(k | x): (samples, neurons)."""
        return torch.log_softmax(self.activation(u) * self.sharpness + self.log_prior, dim=1)


class SoftNames(nn.Module):  # type: ignore[misc]
    """Soft labels: log P(c | x) of ln P(k | x)."""

    def __init__(self, head: SoftHead) -> None:
        super().__init__()
        self.classes = head.classes
        known = np.flatnonzero(~np.isneginf(head.log_shares).all(axis=1))
        self.register_buffer("labels", torch.tensor(known))
        self.register_buffer("log_shares", torch.tensor(head.log_shares[known]))

    def forward(self, log_posterior: Tensor) -> Tensor:
        """Return log P(c | x): (samples, classes), minus infinity for a label of which no neuron has a share."""
        values = [torch.logsumexp(log_posterior + shares, dim=1) for shares in self.log_shares]
        return _for_all(torch.stack(values, dim=1), self.labels, self.classes)


class LinearNames(nn.Module):  # type: ignore[misc]
    """A linear readout: log P(c | x) of the potentials."""

    def __init__(self, head: LinearHead) -> None:
        super().__init__()
        self.features, self.classes = Activation(head.function), head.classes
        for name in ("weights", "intercepts", "labels"):
            self.register_buffer(name, torch.tensor(getattr(head, name)))

    def forward(self, u: Tensor) -> Tensor:
        """Return log P(c | x): (samples, classes), minus infinity for a label that was not in training."""
        values = torch.log_softmax(self.features(u) @ self.weights + self.intercepts, dim=1)
        return _for_all(values, self.labels, self.classes)


def _for_all(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return columns of some labels as columns of all; minus infinity, without a slope, for those of no neuron."""
    return values.new_full((len(values), classes), -torch.inf).index_copy(1, labels, values)


class ChipModule(nn.Sequential):  # type: ignore[misc]
    """Layers, softmax and readout of a frozen chip, one after another."""

    def __init__(self, passes: Passes) -> None:
        stages = [nn.Flatten()]
        for layer in passes.layers[:-1]:
            stages += [Potentials(layer), Activation(layer.constants.transmit)]
        last = passes.layers[-1]
        stages.append(Potentials(last))
        if passes.sharpness is not None and passes.head.of_shares:
            stages.append(LogShares(last, passes.sharpness))
        if isinstance(passes.head, SoftHead):
            stages.append(SoftNames(passes.head))
        elif isinstance(passes.head, LinearHead):
            stages.append(LinearNames(passes.head))
        super().__init__(*stages)
