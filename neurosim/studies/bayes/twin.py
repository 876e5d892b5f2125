"""A twin of the chip by backpropagation: as many hidden neurons, the same input, one pass; in PyTorch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import LARGEST, finite, one_of, whole
from neurosim.chip.samples import as_classes
from neurosim.errors import ConfigError, SampleError
from neurosim.outside.arrays import numbers

if TYPE_CHECKING:
    import torch

OPTIMISERS = ("sgd", "adam")
WEIGHTS, ORDER = 111, 112  # purposes of random numbers, distinct from those of a chip and of the published head
TOGETHER = 1000  # samples whose activations are in memory at a time
RATES = {"sgd": (0.015, 0.03, 0.06, 0.12), "adam": (5e-4, 1e-3, 2e-3, 4e-3)}  # tried for batches of one
NORM = 9.2  # mean norm of MNIST's samples, for which SGD's rates are
FEW = 3000  # training samples, up to which the smaller batches are tried


class Twin:
    r"""A network with one hidden layer that backpropagation has trained, as a classifier with gradients.

    .. math::

        \log P(c \mid x) = \log \mathrm{softmax}_c(V \max(W s x / |x| + b, 0) + d)

    with s the mean norm of the samples that it was trained on. The input is thus that of the chip, each sample at the
    same norm, in the unit in which the usual first weights work.

    Parameters
    ----------
    parameters : sequence of float32 arrays
        W (neurons, inputs), b (neurons,), V (classes, neurons), d (classes,).
    scale : float
        s.

    Attributes
    ----------
    classes : int
        Column c of log P(c | x) is label c.
    """

    def __init__(self, parameters: Sequence[NDArray[np.float32]], scale: float) -> None:
        self.parameters, self.scale = tuple(parameters), scale
        self.classes = len(self.parameters[3])

    def log_proba(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Return log P(c | x), in nats: float64 (samples, classes); computed in float32 if samples are float32."""
        torch, rows = _torch(), _rows(samples)
        weights = _tensors(torch, self.parameters, rows.dtype)
        log_proba = np.empty((len(rows), self.classes))
        with torch.no_grad():
            for first in range(0, len(rows), TOGETHER):
                potentials = _forward(torch, weights, self.scale, torch.from_numpy(rows[first : first + TOGETHER]))
                log_proba[first : first + TOGETHER] = torch.log_softmax(potentials, dim=1).numpy()
        return log_proba

    def gradient(self, samples: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return d log P(label | x) / dx of each sample: float64 (samples, inputs); computed as `log_proba` is."""
        torch, rows = _torch(), _rows(samples)
        answers = torch.from_numpy(as_classes(labels, len(rows), self.classes))
        weights = _tensors(torch, self.parameters, rows.dtype)
        gradient = np.empty(rows.shape)
        for first in range(0, len(rows), TOGETHER):
            inputs = torch.from_numpy(rows[first : first + TOGETHER]).requires_grad_(True)
            potentials = _forward(torch, weights, self.scale, inputs)
            loss = torch.nn.functional.cross_entropy(potentials, answers[first : first + TOGETHER], reduction="sum")
            gradient[first : first + TOGETHER] = -torch.autograd.grad(loss, inputs)[0].numpy()
        return gradient

    def predict(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Return the most probable label of each sample: int64 (samples,)."""
        return np.asarray(self.log_proba(samples).argmax(axis=1))

    def accuracy(self, samples: NDArray[Any], labels: NDArray[np.int64]) -> float:
        """Return the share of samples, from 0 to 1, whose most probable label is theirs."""
        return float((self.predict(samples) == labels).mean())


def train(
    samples: NDArray[Any],
    labels: NDArray[np.int64],
    classes: int,
    *,
    neurons: int,
    optimiser: str = "sgd",
    rate: float,
    batch: int = 8,
    epochs: int = 1,
    decay: bool = True,
    seed: int = 0,
) -> Twin:
    """Return a twin trained by the mean cross-entropy of each batch; equal seeds give equal bits on equal machines.

    Parameters
    ----------
    samples : (samples, inputs) float32 or float64
        Not all zero; trained on in float32.
    labels : (samples,) int64
        From 0 to `classes` - 1.
    classes, neurons : int
    optimiser : {"sgd", "adam"}
        Plain stochastic gradient descent, or Adam with the usual constants (.9, .999).
    rate : float
        Learning rate at the start; positive.
    batch, epochs : int
    decay : bool
        Whether the rate falls linearly to 0 at the end of the last epoch. It must know when that will be.
    seed : int
        Seed of the first weights (He's initialisation, biases 0) and of the order of the samples in each epoch.

    Raises
    ------
    ConfigError
        If PyTorch is not installed, or a number is out of range.
    SampleError
        If samples are not such an array, or labels not one of the classes for each.

    References
    ----------
    Kingma and Ba, ICLR 2015, arXiv 1412.6980 (Adam); He et al., ICCV 2015, arXiv 1502.01852 (first weights).
    """
    torch = _torch()
    for name, value, low in (("classes", classes, 2), ("neurons", neurons, 1), ("batch", batch, 1)):
        whole(name, value, low, LARGEST)
    whole("epochs", epochs, 1, LARGEST)
    one_of("optimiser", optimiser, OPTIMISERS)
    finite("rate", rate, "positive", 0, above=True)
    rows = _rows(samples).astype(np.float32, copy=False)
    answers = as_classes(labels, len(rows), classes)
    scale = _mean_norm(rows)
    weights = [
        w.requires_grad_(True) for w in _tensors(torch, _first(rows.shape[1], neurons, classes, seed), np.float32)
    ]
    with _one_thread(torch):
        _descend(torch, weights, scale, _batches(rows, answers, batch, epochs, seed), optimiser, rate, decay)
    return Twin([weight.detach().numpy() for weight in weights], scale)


class Choice(NamedTuple):
    """What was chosen on held-out samples: the constants, the accuracy there from 0 to 1, and how many were trained."""

    rate: float
    batch: int
    accuracy: float
    trainings: int


def candidates(optimiser: str, count: int, norm: float = NORM) -> list[tuple[float, int]]:
    """Return the rates and batches that are tried for one pass over `count` samples of this mean norm.

    Rates grow by the square root of the batch, along which the best ones were found to move. A step of SGD moves
    potentials by its rate times the squared norm of the input, so its rates are for equal products of the two.
    """
    batches = (1, 8) if count <= FEW else (8, 32)
    factor = (NORM / norm) ** 2 if optimiser == "sgd" else 1.0
    return [(rate * factor * batch**0.5, batch) for batch in batches for rate in RATES[optimiser]]


def chosen(
    train_set: tuple[NDArray[Any], NDArray[np.int64]],
    held_out: tuple[NDArray[Any], NDArray[np.int64]],
    classes: int,
    *,
    neurons: int,
    optimiser: str,
    decay: bool = True,
    seed: int = 0,
) -> Choice:
    """Return the best rate and batch for one pass over a training set, by accuracy on held-out samples.

    Each set is a pair of samples and labels, as `train` takes them. Of equal ones the first candidate is chosen.
    """
    one_of("optimiser", optimiser, OPTIMISERS)
    tried = candidates(optimiser, len(train_set[0]), _mean_norm(_rows(train_set[0])))
    found = [
        train(*train_set, classes, neurons=neurons, optimiser=optimiser, rate=rate, batch=batch, decay=decay, seed=seed)
        for rate, batch in tried
    ]
    accuracies = [twin.accuracy(*held_out) for twin in found]
    best = int(np.argmax(accuracies))
    return Choice(*tried[best], accuracies[best], len(tried))


def _torch() -> Any:
    if find_spec("torch") is None:
        raise ConfigError("PyTorch", "installed", "none", "pip install 'neurosim-chip[torch]'")
    import torch

    return torch


def _rows(samples: NDArray[Any]) -> NDArray[Any]:
    """Return samples in C order, float32 if they are, otherwise float64."""
    array = numbers("samples", samples)
    if array.ndim != 2:
        raise SampleError(f"samples must be numbers (samples, inputs), got shape {array.shape}")
    rows = np.ascontiguousarray(array, np.float32 if array.dtype == np.float32 else np.float64)
    return rows if rows.flags.writeable else rows.copy()  # PyTorch has no tensors that are read-only


def _mean_norm(rows: NDArray[Any]) -> float:
    scale = float(np.linalg.norm(rows, axis=1).mean()) if len(rows) else 0.0
    if not 0 < scale < np.inf:
        raise SampleError(f"samples to train on must have a positive mean norm, got {scale:g} of {len(rows)} samples")
    return scale


def _tensors(torch: Any, arrays: Sequence[NDArray[Any]], dtype: Any) -> "list[torch.Tensor]":
    return [torch.from_numpy(array.astype(dtype)) for array in arrays]


def _forward(torch: Any, weights: "Sequence[torch.Tensor]", scale: float, samples: "torch.Tensor") -> "torch.Tensor":
    """Return the potentials of the classes: (samples, classes)."""
    functional = torch.nn.functional
    first, first_bias, last, last_bias = weights
    inputs = scale * functional.normalize(samples, dim=1)
    return functional.linear(torch.relu(functional.linear(inputs, first, first_bias)), last, last_bias)


def _first(inputs: int, neurons: int, classes: int, seed: int) -> list[NDArray[np.float32]]:
    """Return the parameters before training: normal weights of variance 2 / inputs of their layer, biases 0."""
    parameters = list[NDArray[np.float32]]()
    for layer, (rows, columns) in enumerate(((neurons, inputs), (classes, neurons))):
        deviation = np.sqrt(2 / columns)
        weights = randomness.normal(seed, WEIGHTS, layer, rows * columns, deviation, np.float32)
        parameters += [weights.reshape(rows, columns), np.zeros(rows, np.float32)]
    return parameters


def _batches(
    samples: NDArray[Any], labels: NDArray[np.int64], batch: int, epochs: int, seed: int
) -> list[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Return the batches of all epochs, in their order."""
    made = []
    for epoch in range(epochs):
        order = randomness.permutation(seed, ORDER, epoch, len(labels))
        made += [(samples[rows], labels[rows]) for rows in np.split(order, range(batch, len(order), batch))]
    return made


def _descend(torch: Any, weights: Any, scale: float, batches: Any, optimiser: str, rate: float, decay: bool) -> None:
    """Take one step for each batch."""
    step = torch.optim.SGD(weights, lr=rate) if optimiser == "sgd" else torch.optim.Adam(weights, lr=rate, fused=True)
    for number, (samples, labels) in enumerate(batches):
        if decay:
            step.param_groups[0]["lr"] = rate * (1 - number / len(batches))
        step.zero_grad()
        potentials = _forward(torch, weights, scale, torch.from_numpy(samples))
        torch.nn.functional.cross_entropy(potentials, torch.from_numpy(labels)).backward()
        step.step()


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Let PyTorch compute in one thread: sums of several would depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
