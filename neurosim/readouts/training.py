"""The training of a softmax readout, batch by batch, in compiled code."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned, randomness
from neurosim.errors import DivergedError, SampleError
from neurosim.kernels import readout as kernel
from neurosim.readouts.inputs import Array, as_features
from neurosim.streams.base import UNLABELLED

WEIGHTS, ORDER, DROPOUT = 201, 202, 203  # purposes of random numbers, distinct from those of a chip
NO_ROWS = np.empty(0, np.int64)  # of a batch without samples: there is nothing to learn, or nothing to integrate


class Trainer:
    """The training of one fit: what its epochs and threads share.

    Parameters
    ----------
    features : float32 (samples, inputs)
    labels : int64 (samples,)
        Samples with the label -1 are left out.
    parameters : kernel.Parameters
        Trained in place.
    seed, batch, dropout, threads
        As for `SoftmaxReadout`.
    """

    def __init__(
        self,
        features: Array,
        labels: NDArray[np.int64],
        parameters: kernel.Parameters,
        *,
        seed: int,
        batch: int,
        dropout: float,
        threads: int,
    ) -> None:
        self.features, self.labels, self.parameters = features, labels, parameters
        self.rows = np.flatnonzero(labels != UNLABELLED)
        self.seed, self.batch = seed, batch
        blocks, classes, _ = parameters.weights.shape
        self.threads = min(threads, blocks)
        self.cuts = [blocks * thread // self.threads for thread in range(self.threads + 1)]
        self.scratch = [scratch_for(classes) for _ in range(self.threads)]
        self.sums = np.empty((blocks, batch, classes), np.float32)
        self.dropout = _dropout(dropout, seed, features.shape[1])
        self.steps = 0
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def renew(self, features: Array | None) -> None:
        """Go on with other features of the same samples; None keeps the present ones."""
        if features is None:
            return
        features = as_features(features)
        if features.shape != self.features.shape:
            raise SampleError(f"renewed features must be {self.features.shape} as those before, got {features.shape}")
        self.features = features

    def run(self, epoch: int, rate: float) -> tuple[float, float]:
        """Train for an epoch; return the mean loss and the share of samples that were classified correctly."""
        count, classes = len(self.rows), self.parameters.weights.shape[1]
        order = self.rows[randomness.permutation(self.seed, ORDER, epoch, count)]
        losses, right = np.empty(count, np.float32), 0
        past, pace = batch_of(NO_ROWS, classes), kernel.Pace(np.float32(0), np.float32(1))
        for start in range(0, count, self.batch):
            rows = order[start : start + self.batch]
            following = batch_of(rows, classes, self.steps * self.batch * self.dropout.words)
            self._learn_and_integrate(past, following, pace)
            self.steps += 1
            past, pace = following, pace_of(rate, self.steps)
            potentials = np.empty((len(rows), classes), np.float32)
            refuse(kernel.add_up(self.sums, self.parameters.bias[0], potentials), self.features, rows)
            batch_losses = losses[start : start + len(rows)]
            right += kernel.meet(potentials, self.labels[rows], pace, self.parameters.bias, past.slopes, batch_losses)
        self._learn_and_integrate(past, batch_of(NO_ROWS, classes), pace)
        return float(losses.mean(dtype=np.float64)), right / count

    # A pool synchronises the threads once a batch: some fifty microseconds of a batch's thousands. Numba's own threads
    # would synchronise as often, but they break if two Python threads call them.
    def _learn_and_integrate(self, past: kernel.Batch, following: kernel.Batch, pace: kernel.Pace) -> None:
        """Let the threads learn one batch and integrate the next."""
        dropout, parameters, sums = self.dropout, self.parameters, self.sums

        def work(thread: int) -> None:
            first, last, scratch = self.cuts[thread], self.cuts[thread + 1], self.scratch[thread]
            kernel.turn(self.features, first, last, past, following, dropout, pace, parameters, scratch, sums)

        others = [] if self._pool is None else [self._pool.submit(work, thread) for thread in range(1, self.threads)]
        work(0)
        for other in others:
            other.result()


def pace_of(rate: float, step: int) -> kernel.Pace:
    """Return Adam's rate with the corrections of its moments at a step, from 1."""
    return kernel.Pace(np.float32(rate / (1 - 0.9**step)), np.float32(1 / np.sqrt(1 - 0.999**step)))


def first_parameters(seed: int, inputs: int, classes: int) -> kernel.Parameters:
    """Return random weights and bias, as they are before the first step."""
    bound = 1 / np.sqrt(inputs)
    shares = randomness.uniform(seed, WEIGHTS, 0, (inputs + 1) * classes)
    first = ((2 * shares - 1) * bound).astype(np.float32)
    return blocks_of(first[: inputs * classes].reshape(classes, inputs), first[inputs * classes :])


def blocks_of(weights: Array, bias: Array) -> kernel.Parameters:
    """Return weights (classes, inputs) and bias in the kernel's layout, with moments of zero."""
    classes, inputs = weights.shape
    blocks = -(-inputs // kernel.BLOCK)
    shape = (blocks, classes, kernel.BLOCK)
    parameters = kernel.Parameters(
        weights=aligned.zeros(shape),
        means=aligned.zeros(shape),
        squares=aligned.zeros(shape),
        bias=np.zeros((3, classes), np.float32),
    )
    for block in range(blocks):
        columns = weights[:, block * kernel.BLOCK : (block + 1) * kernel.BLOCK]
        parameters.weights[block, :, : columns.shape[1]] = columns
    parameters.bias[0] = bias
    return parameters


def _dropout(probability: float, seed: int, inputs: int) -> kernel.Dropout:
    """Return the dropout of inputs with some probability, as the kernel takes it."""
    threshold = round(probability * kernel.CERTAIN)
    inputs_per_word = kernel.LINE if threshold == kernel.EVEN else kernel.FIELDS
    return kernel.Dropout(
        key=randomness.words(seed, DROPOUT, 0, 1)[0],
        threshold=threshold,
        scale=np.float32(kernel.CERTAIN / (kernel.CERTAIN - threshold)),
        words=-(-inputs // inputs_per_word),
    )


def batch_of(rows: NDArray[np.int64], classes: int, first: int = 0) -> kernel.Batch:
    """Return the batch of the samples in these rows; `first` is the number of its first random word."""
    return kernel.Batch(rows, np.uint64(first % 2**64), np.empty((len(rows), classes), np.float32))


def scratch_for(classes: int) -> kernel.Scratch:
    """Return one thread's working memory."""
    return kernel.Scratch(
        tile=aligned.zeros((kernel.GROUP * kernel.BLOCK,)),
        lanes=aligned.zeros((kernel.LINE,)),
        gradient=aligned.zeros((classes, kernel.BLOCK)),
    )


def refuse(bad: int, features: Array, rows: NDArray[np.int64]) -> None:
    """Raise the error for sample `bad` of a batch, whose potentials are not finite; -1 stands for none."""
    if bad < 0:
        return
    row = int(rows[bad])
    wrong = ~np.isfinite(features[row])
    if wrong.any():
        i = int(np.argmax(wrong))
        raise SampleError(f"features must be finite in float32, got {features[row, i]} at sample {row}, input {i}")
    raise DivergedError(
        f"potentials of the readout must stay finite, but left float32's range at sample {row}, whose features "
        f"go up to {np.abs(features[row]).max()}; make the features smaller, or the rate"
    )
