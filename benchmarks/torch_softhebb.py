r"""SoftHebb in PyTorch, one sample at a time, as somebody who knows PyTorch would write it for speed.

The same learners as `neurosim.recipes.softhebb` and the presets of Journé et al. 2023, with plain weights and dense
updates. They are modules whose tensors never move, so that a CUDA graph or `torch.compile` can take a whole step
(`benchmarks.torch_ways`); samples lie on the device, and a counter beside them says which one is next. Per neuron k:

.. math::

    u = W x, \quad y = \mathrm{softmax}(u / \tau), \quad c_k = \eta\, |\,\|w_k\| - 1|^q\, y_k, \quad
    w_k \leftarrow (1 - c_k u_k) w_k + c_k x

with c kept by the cap, and no step where y is below the cutoff.
"""

import numpy as np
import torch
from torch.nn import functional

import neurosim as ns
from neurosim.layers.activations import Identity
from neurosim.layers.rules import schedule

EPSILON = 1e-5  # added to a variance
MOMENTUM = 0.1  # of running statistics in batches, as published


def _below(cutoff: float) -> float:
    """Return the next smaller number: PyTorch's thresholds keep what is larger, the chip also what is equal."""
    return float(np.nextafter(np.float32(cutoff), np.float32(-1)))


class Dense(torch.nn.Module):
    """A dense layer of `neurosim.recipes.softhebb`, at batch 1.

    Norms are followed, not measured: a pass over the weights less.

    Parameters
    ----------
    constants : DenseWTA
        With normalise "sample" or "none".
    weights : float32 (neurons, inputs)
    samples : float32 (samples, inputs)
        What it learns from, in order; a step without samples left is an error.
    """

    PARTS = ("decide", "change")  # of a step, for a compiler that would compute a neuron's numbers for each weight

    def __init__(self, constants: ns.DenseWTA, weights: np.ndarray, samples: np.ndarray) -> None:
        super().__init__()
        if constants.normalise not in ("sample", "none"):
            raise ValueError(f"normalise must be 'sample' or 'none', got {constants.normalise!r}")
        paced = schedule(constants.rule)
        self.unit, self.cap, self.cutoff = constants.normalise == "sample", constants.cap, _below(constants.cutoff)
        self.sharpness, self.rate, self.power = constants.competition.sharpness, paced.rate, paced.power
        self.register_buffer("weights", torch.tensor(weights))
        self.register_buffer("squares", (self.weights * self.weights).sum(1))
        self.register_buffer("samples", torch.tensor(samples))
        self.register_buffer("place", torch.zeros(1, dtype=torch.int64))

    def decide(self) -> tuple[torch.Tensor, ...]:
        """Take the next sample; return potentials, and by how much neurons decay and grow, and along what."""
        x = self.samples.index_select(0, self.place)[0]
        self.place += 1
        if self.unit:
            x = x / torch.linalg.vector_norm(x)
        u = torch.mv(self.weights, x)
        y = functional.threshold(torch.softmax(u * self.sharpness, 0), self.cutoff, 0.0)
        c = torch.minimum(self.rate * (self.squares.sqrt() - 1).abs() ** self.power * y, self.cap / u.abs())
        step = c * u
        decay = 1 - step
        growth = c * c if self.unit else c * c * torch.dot(x, x)
        self.squares.copy_(torch.addcmul(growth, decay, torch.addcmul(2 * step, decay, self.squares)))
        return u, decay, c, x

    def change(self, decay: torch.Tensor, c: torch.Tensor, x: torch.Tensor) -> None:
        """Let all weights decay and grow."""
        self.weights.mul_(decay[:, None]).addr_(c, x)

    def step(self) -> torch.Tensor:
        """Learn from the next sample; return its potentials (neurons,)."""
        u, decay, c, x = self.decide()
        self.change(decay, c, x)
        return u


class Conv(torch.nn.Module):
    """A convolutional layer of a SoftHebb preset; without weights on its own, it sends what it has learned from.

    In windows of one image, statistics run and the cap bounds a step; in larger ones, as published, statistics are the
    window's and the step is divided by its largest change.

    Parameters
    ----------
    layer : neurosim.engine.conv.layer.ConvLayer
        Whose constants and state it takes over.
    convolve : bool
        If true, products are cuDNN's convolutions, if not, products of matrices, on patches that are cut out once.
    """

    def __init__(self, layer, convolve: bool = False) -> None:
        super().__init__()
        constants = self.constants = layer.constants
        if not getattr(constants.competition, "signed", False) or constants.activation != Identity():
            raise ValueError(f"layer must be of a preset softhebb-cifar10-3layer, got {constants}")
        self.convolve, self.paced = convolve, schedule(constants.rule)
        self.sharpness, self.cutoff = constants.competition.sharpness, _below(constants.cutoff)
        self.register_buffer("weights", torch.tensor(layer.weights.reshape(constants.neurons, -1)))
        self.register_buffer("means", torch.tensor(layer.state.means))
        self.register_buffer("variances", torch.tensor(layer.state.variances))
        measured = layer.state.counters[layer.kernel_layout.MEASURED]
        self.register_buffer("measured", torch.tensor(float(measured)))

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """Take mean and variance out of the channels."""
        if self.constants.normalise == "window":
            return functional.batch_norm(x, self.means, self.variances, None, None, True, MOMENTUM, EPSILON)
        self.measured += 1
        weight = torch.clamp(1 / self.measured, min=1 / self.constants.horizon)
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        away = mean - self.means
        self.variances.add_(weight * away * away).lerp_(variance, weight)
        self.means.add_(weight * away)
        return functional.batch_norm(x, self.means, self.variances, eps=EPSILON)

    def potentials(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return potentials (positions, neurons), and what of the images they are of."""
        constants, channels = self.constants, x.shape[1]
        if constants.padding:
            x = functional.pad(x, [constants.padding] * 4, mode="reflect")
        if self.convolve:
            x = x.contiguous(memory_format=torch.channels_last)
            kernel = self.weights.view(-1, channels, constants.kernel, constants.kernel)
            return functional.conv2d(x, kernel, stride=constants.stride).permute(0, 2, 3, 1).flatten(0, 2), x
        patches = x.unfold(2, constants.kernel, constants.stride).unfold(3, constants.kernel, constants.stride)
        patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, self.weights.shape[1])
        return patches @ self.weights.T, patches

    def grow(self, weights: torch.Tensor, c: torch.Tensor, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Add to weights, in place, the sum over positions of c times what `potentials` saw there."""
        if not self.convolve:
            return weights.addmm_(c.T, x)
        kernel = (len(weights), x.shape[1], self.constants.kernel, self.constants.kernel)
        c = c.view(*shape, -1).permute(0, 3, 1, 2)
        grown = torch.nn.grad.conv2d_weight(x, kernel, c, stride=self.constants.stride)
        return weights.add_(grown.reshape(weights.shape))

    def learn(self, u: torch.Tensor, x: torch.Tensor, shape: tuple[int, ...]) -> None:
        """Move all neurons; those that lose unlearn."""
        constants, w = self.constants, self.weights
        y = torch.softmax(u * self.sharpness, 1)
        y = torch.where(u == u.amax(1, keepdim=True), y, -y)
        if constants.cutoff:
            y = functional.hardshrink(y, self.cutoff)
        rates = self.paced.rate * (torch.linalg.vector_norm(w, dim=1) - 1).abs() ** self.paced.power
        change = -(y * u).sum(0)
        if constants.step == "largest":
            step = self.grow(w * change[:, None], y, x, shape)
            w.addcmul_(step, (rates / step.abs().amax())[:, None])
            return
        change = change * rates / len(u)
        bound = torch.clamp(constants.cap / change.abs(), max=1)
        w.mul_((1 + bound * change)[:, None])
        self.grow(w, y * (bound * rates / len(u)), x, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Learn from images; return what is sent of them, by the weights before."""
        constants, pool = self.constants, self.constants.pool
        side = [(size + 2 * constants.padding - constants.kernel) // constants.stride + 1 for size in x.shape[2:]]
        shape = (len(x), *side)
        u, seen = self.potentials(self.normalise(x))
        sent = torch.relu(u - u.mean(1, keepdim=True))
        if constants.transmit.power != 1:
            sent = sent**constants.transmit.power
        self.learn(u, seen, shape)
        sent = sent.view(*shape, -1).permute(0, 3, 1, 2)
        pooled = functional.max_pool2d if isinstance(pool, ns.MaxPool) else functional.avg_pool2d
        return pooled(sent, pool.size, pool.stride, pool.padding)


class Deep(torch.nn.Module):
    """The layers of a chip that is one of the presets softhebb-cifar10-3layer; a step takes a window of images.

    Parameters
    ----------
    chip : Chip
        Whose constants and state it takes over; its windows are empty.
    images : float32 (images, channels, height, width)
        What it learns from, in order.
    convolve : bool
        As for `Conv`.
    """

    PARTS = ("step",)

    def __init__(self, chip: ns.Chip, images: np.ndarray, convolve: bool = False) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(*(Conv(layer, convolve) for layer in chip.layers))
        window = chip.layers[0].constants.window
        self.register_buffer("samples", torch.tensor(images))
        self.register_buffer("place", torch.arange(window))

    def step(self) -> torch.Tensor:
        """Learn from the next images; return what the last layer sends."""
        x = self.samples.index_select(0, self.place)
        self.place += len(self.place)
        return self.layers(x)
