"""The training of a softmax readout, batch by batch, in compiled code."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned, randomness
from neurosim.errors import DivergedError, SampleError
from neurosim.kernels import head
from neurosim.readouts.inputs import Array, as_features

WEIGHTS, ORDER, DROPOUT = 201, 202, 203  # purposes of random numbers, apart from those of a chip
NOBODY = np.empty(0, np.int64)


class Trainer:
    """One fit at work: the parts that an epoch and its threads share.

    Parameters
    ----------
    features : float32 (samples, inputs)
    labels : int64 (samples,)
    parameters : head.Parameters
        Trained in place.
    seed, batch, dropout, threads
        As of `SoftmaxReadout`.
    """

    def __init__(
        self,
        features: Array,
        labels: NDArray[np.int64],
        parameters: head.Parameters,
        *,
        seed: int,
        batch: int,
        dropout: float,
        threads: int,
    ) -> None:
        self.features, self.labels, self.parameters = features, labels, parameters
        self.seed, self.batch = seed, batch
        blocks, classes, _ = parameters.weights.shape
        self.threads = min(threads, blocks)
        self.cuts = [blocks * place // self.threads for place in range(self.threads + 1)]
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
        """Take other features of the same samples, if there are any."""
        if features is None:
            return
        features = as_features(features)
        if features.shape != self.features.shape:
            raise SampleError(f"renewed features must be {self.features.shape} as those before, got {features.shape}")
        self.features = features

    def run(self, epoch: int, rate: float) -> tuple[float, float]:
        """Train for an epoch; return the mean loss and the share that was right."""
        count, classes = len(self.labels), self.parameters.weights.shape[1]
        order = randomness.permutation(self.seed, ORDER, epoch, count)
        losses, right = np.empty(count, np.float32), 0
        past, pace = batch_of(NOBODY, classes), head.Pace(np.float32(0), np.float32(1))
        for start in range(0, count, self.batch):
            rows = order[start : start + self.batch]
            following = batch_of(rows, classes, self.steps * self.batch * self.dropout.words)
            self._turn(past, following, pace)
            self.steps += 1
            past, pace = following, pace_of(rate, self.steps)
            potentials = np.empty((len(rows), classes), np.float32)
            refuse(head.add_up(self.sums, self.parameters.bias[0], potentials), self.features, rows)
            part = losses[start : start + len(rows)]
            right += head.meet(potentials, self.labels[rows], pace, self.parameters.bias, past.slopes, part)
        self._turn(past, batch_of(NOBODY, classes), pace)
        return float(losses.mean(dtype=np.float64)), right / count

    # The threads meet at every batch, by a pool: a handoff is some fifty microseconds of a batch's thousands. Numba's
    # own threads would meet as often, but break where two Python threads call them.
    def _turn(self, past: head.Batch, following: head.Batch, pace: head.Pace) -> None:
        """Let the threads learn one batch and integrate the next."""

        def work(thread: int) -> None:
            first, last, scratch = self.cuts[thread], self.cuts[thread + 1], self.scratch[thread]
            given = self.dropout, pace, self.parameters, scratch, self.sums
            head.turn(self.features, first, last, past, following, *given)

        others = [] if self._pool is None else [self._pool.submit(work, thread) for thread in range(1, self.threads)]
        work(0)
        for other in others:
            other.result()


def pace_of(rate: float, step: int) -> head.Pace:
    """Return Adam's rate with the corrections of its moments at a step, from 1."""
    return head.Pace(np.float32(rate / (1 - 0.9**step)), np.float32(1 / np.sqrt(1 - 0.999**step)))


def first_parameters(seed: int, inputs: int, classes: int) -> head.Parameters:
    """Return the parameters before the first step: weights and bias are random."""
    bound = 1 / np.sqrt(inputs)
    shares = randomness.uniform(seed, WEIGHTS, 0, (inputs + 1) * classes)
    first = ((2 * shares - 1) * bound).astype(np.float32)
    return blocks_of(first[: inputs * classes].reshape(classes, inputs), first[inputs * classes :])


def blocks_of(weights: Array, bias: Array) -> head.Parameters:
    """Return weights (classes, inputs) and bias as the kernel keeps them, with moments of zero."""
    classes, inputs = weights.shape
    blocks = -(-inputs // head.BLOCK)
    shape = (blocks, classes, head.BLOCK)
    parameters = head.Parameters(
        aligned.zeros(shape), aligned.zeros(shape), aligned.zeros(shape), np.zeros((3, classes), np.float32)
    )
    for block in range(blocks):
        part = weights[:, block * head.BLOCK : (block + 1) * head.BLOCK]
        parameters.weights[block, :, : part.shape[1]] = part
    parameters.bias[0] = bias
    return parameters


def _dropout(probability: float, seed: int, inputs: int) -> head.Dropout:
    threshold = round(probability * head.CERTAIN)
    each = head.LINE if threshold == head.EVEN else head.FIELDS
    key = randomness.words(seed, DROPOUT, 0, 1)[0]
    return head.Dropout(key, threshold, np.float32(head.CERTAIN / (head.CERTAIN - threshold)), -(-inputs // each))


def batch_of(rows: NDArray[np.int64], classes: int, first: int = 0) -> head.Batch:
    """Return a batch of samples, by their rows; `first` numbers its first random word."""
    return head.Batch(rows, np.uint64(first % 2**64), np.empty((len(rows), classes), np.float32))


def scratch_for(classes: int) -> head.Scratch:
    """Return one thread's working memory."""
    return head.Scratch(
        tile=aligned.zeros((head.GROUP * head.BLOCK,)),
        lanes=aligned.zeros((head.LINE,)),
        gradient=aligned.zeros((classes, head.BLOCK)),
    )


def refuse(bad: int, features: Array, rows: NDArray[np.int64]) -> None:
    """Say why a sample of a batch has no finite potentials."""
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
