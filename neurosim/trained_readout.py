"""The readout that the papers train: dropout, a linear layer and its softmax, on features that are computed once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned, randomness
from neurosim.checks import LARGEST, number, whole
from neurosim.errors import ConfigError, DivergedError, SampleError
from neurosim.kernels import head
from neurosim.readouts import check_classes

Array = NDArray[np.float32]

WEIGHTS, ORDER, DROPOUT = 201, 202, 203  # purposes of random numbers, apart from those of a chip
LONG = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the epochs, from 50 on, the published halvings of the rate
SHORT = (0.5, 0.75)  # from 20 epochs on
COPY_BYTES = 2 << 30  # features of another type or layout that may be copied
TOGETHER = 256  # samples predicted at a time
NOBODY = np.empty(0, np.int64)


class Epoch(NamedTuple):
    """How training goes: what `SoftmaxReadout.fit` tells its `watch` after each epoch.

    Attributes
    ----------
    number, epochs : int
        This one, from 1, and how many there are.
    rate : float
        Of this epoch.
    loss, accuracy : float
        Mean over the training samples as they came, with dropout and the weights of the moment.
    """

    number: int
    epochs: int
    rate: float
    loss: float
    accuracy: float


class SoftmaxReadout:
    r"""A linear softmax classifier on features, trained in batches as the published protocol trains its head.

    .. math::

        u = W (r \odot x) + b, \qquad L = -\frac{1}{n} \sum \log \mathrm{softmax}(u)_\mathrm{label}

    minimised by Adam without weight decay (moments .9 and .999); r drops inputs and scales what is kept. First weights
    are :math:`U[-1/\sqrt{D}, 1/\sqrt{D}]`. Random numbers are counted, and sums have a fixed order: equal parameters,
    features and labels give equal bits, whatever the threads. Features are taken as they are, and read in any order;
    beside them training takes three times the weights.

    Parameters
    ----------
    epochs : int
        From 1.
    batch : int
        Samples of a step, from 1; the last of an epoch has what is left.
    dropout : float
        Probability that an input is dropped in training, from 0, below 1, in steps of 1 / 65536.
    rate : float
        Of Adam, positive.
    halvings : sequence of float, optional
        When the rate is halved, in fractions of the epochs from 0 to 1. By default as published: at .2, .35, .5, .6,
        .7, .8, .9 of 50 epochs or more, at .5 and .75 of 20 or more, never of fewer.
    seed : int
        Of first weights, order and dropout; from 0, below 2**64.
    threads : int
        From 1; results do not depend on it.

    Attributes
    ----------
    weights_ : float32 (classes, inputs), C order
    bias_ : float32 (classes,)
    samples_ : int
        Samples it was fitted on.
    epochs_ : list of Epoch

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    References
    ----------
    Journé et al., Hebbian deep learning without feedback, ICLR 2023, and its published code: the head. Kingma and Ba,
    ICLR 2015: Adam. Srivastava et al., JMLR 15 (2014) 1929: dropout.
    """

    weights_: Array
    bias_: Array

    def __init__(
        self,
        *,
        epochs: int = 50,
        batch: int = 64,
        dropout: float = 0.5,
        rate: float = 1e-3,
        halvings: Sequence[float] | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        for name, value in (("epochs", epochs), ("batch", batch), ("threads", threads)):
            whole(name, value, 1, LARGEST)
        whole("seed", seed, 0, 2**64 - 1)
        dropout, rate = (value.item() if isinstance(value, np.generic) else value for value in (dropout, rate))
        number("dropout", dropout, "from 0, below 1", 0)
        if round(dropout * head.CERTAIN) >= head.CERTAIN:
            raise ConfigError("dropout", "from 0, below 1", dropout, "no input would be left")
        number("rate", rate, "positive, at most 1", 0, above=True)
        if rate > 1:
            raise ConfigError("rate", "positive, at most 1", rate, "Adam moves a weight by about the rate in a step")
        if halvings is None:
            halvings = LONG if epochs >= 50 else SHORT if epochs >= 20 else ()
        halvings = _fractions(halvings)
        self.epochs, self.batch, self.dropout, self.rate = epochs, batch, dropout, rate
        self.halvings, self.seed, self.threads = halvings, seed, threads
        self.samples_ = 0
        self.epochs_: list[Epoch] = []

    def fit(
        self,
        features: Array,
        labels: NDArray[np.int64],
        watch: Callable[[Epoch], object] | None = None,
        *,
        renew: Callable[[int], Array | None] | None = None,
    ) -> "SoftmaxReadout":
        """Train on features and their labels.

        Parameters
        ----------
        features : float32 (samples, inputs), C order
            Also a memory map. Of another type or layout they are copied, up to two GiB.
        labels : int64 (samples,)
            From 0, below 10,000; as many classes as the largest one and 1.
        watch : callable, optional
            Is given an `Epoch` after each; may raise to end the work.
        renew : callable, optional
            Is given the number of each epoch from 2 on, before it, and returns other features of the same samples, from
            then on, as of images transformed anew; or None to go on with those there are.

        Raises
        ------
        SampleError
            If features are not finite, labels are out of range, not one a sample or of one class, or a copy of the
            features would not fit; if `renew` returns features of another shape.
        DivergedError
            If a potential leaves the range of float32.
        """
        features = as_features(features)
        labels = _as_labels(labels, len(features))
        classes = int(labels.max()) + 1
        parameters = _first_parameters(self.seed, features.shape[1], classes)
        self.epochs_ = []
        with _Trainer(self, features, labels, parameters) as trainer:
            for epoch in range(self.epochs):
                if renew is not None and epoch > 0:
                    trainer.renew(renew(epoch + 1))
                rate = self.rate / 2 ** sum(epoch >= int(part * self.epochs + 1e-9) for part in self.halvings)
                loss, accuracy = trainer.run(epoch, rate)
                self.epochs_.append(Epoch(epoch + 1, self.epochs, rate, loss, accuracy))
                if watch is not None:
                    watch(self.epochs_[-1])
        weights = parameters.weights.transpose(1, 0, 2).reshape(classes, -1)[:, : features.shape[1]]
        self.weights_, self.bias_ = np.ascontiguousarray(weights), parameters.bias[0].copy()
        self.samples_ = len(labels)
        return self

    def predict(self, features: Array) -> NDArray[np.int64]:
        """Return the class of the largest potential of each sample: int64 (samples,); ties go to the lowest.

        Raises
        ------
        SampleError
            If features are not finite, or not of the width it was fitted on.
        """
        parts = [u.argmax(axis=1) for u in self._potentials(as_features(features))]
        return np.concatenate(parts).astype(np.int64)

    def score(self, features: Array, labels: NDArray[np.int64]) -> float:
        """Return the share of samples that are given their label, from 0 to 1.

        Raises
        ------
        SampleError
            As in `predict`; if labels are not whole numbers, one a sample.
        """
        predicted = self.predict(features)
        return float((predicted == _whole_labels(labels, len(predicted))).mean())

    def _potentials(self, features: Array) -> Iterator[Array]:
        if not hasattr(self, "weights_"):
            raise ConfigError("readout", "fitted before it predicts", "one that is not")
        classes, inputs = self.weights_.shape
        if features.shape[1] != inputs:
            raise SampleError(f"features must be {inputs} a sample, as those it was fitted on, got {features.shape[1]}")
        parameters = _blocks(self.weights_, self.bias_)
        blocks = len(parameters.weights)
        scratch, sums = _scratch(classes), np.empty((blocks, TOGETHER, classes), np.float32)
        nobody, nothing = _batch(NOBODY, classes), head.Dropout(np.uint64(0), 0, np.float32(1), 0)
        pace = head.Pace(np.float32(0), np.float32(1))
        for start in range(0, len(features), TOGETHER):
            rows = np.arange(start, min(start + TOGETHER, len(features)))
            batch = _batch(rows, classes)
            head.turn(features, 0, blocks, nobody, batch, nothing, pace, parameters, scratch, sums)
            potentials = np.empty((len(rows), classes), np.float32)
            _refuse(head.add_up(sums, self.bias_, potentials), features, rows)
            yield potentials


class _Trainer:
    """One fit at work: the parts that an epoch and its threads share."""

    def __init__(
        self, readout: SoftmaxReadout, features: Array, labels: NDArray[np.int64], parameters: head.Parameters
    ) -> None:
        self.readout, self.features, self.labels, self.parameters = readout, features, labels, parameters
        blocks, classes, _ = parameters.weights.shape
        self.threads = min(readout.threads, blocks)
        self.cuts = [blocks * place // self.threads for place in range(self.threads + 1)]
        self.scratch = [_scratch(classes) for _ in range(self.threads)]
        self.sums = np.empty((blocks, readout.batch, classes), np.float32)
        self.dropout = _dropout(readout.dropout, readout.seed, features.shape[1])
        self.steps = 0
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None

    def __enter__(self) -> "_Trainer":
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
        order = randomness.permutation(self.readout.seed, ORDER, epoch, count)
        losses, right = np.empty(count, np.float32), 0
        past, pace = _batch(NOBODY, classes), head.Pace(np.float32(0), np.float32(1))
        for start in range(0, count, self.readout.batch):
            rows = order[start : start + self.readout.batch]
            following = _batch(rows, classes, self.steps * self.readout.batch * self.dropout.words)
            self._turn(past, following, pace)
            self.steps += 1
            past, pace = following, pace_of(rate, self.steps)
            potentials = np.empty((len(rows), classes), np.float32)
            _refuse(head.add_up(self.sums, self.parameters.bias[0], potentials), self.features, rows)
            part = losses[start : start + len(rows)]
            right += head.meet(potentials, self.labels[rows], pace, self.parameters.bias, past.slopes, part)
        self._turn(past, _batch(NOBODY, classes), pace)
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


def _fractions(halvings: Sequence[float]) -> tuple[float, ...]:
    rule = "fractions of the epochs, from 0 to 1"
    if not isinstance(halvings, Iterable):
        raise ConfigError("halvings", rule, halvings)
    for part in halvings:
        number("halvings", part, rule, 0)
        if part > 1:
            raise ConfigError("halvings", rule, part)
    return tuple(halvings)


def pace_of(rate: float, step: int) -> head.Pace:
    """Return Adam's rate with the corrections of its moments at a step, from 1."""
    return head.Pace(np.float32(rate / (1 - 0.9**step)), np.float32(1 / np.sqrt(1 - 0.999**step)))


def as_features(features: Any) -> Array:
    """Return features as the kernel takes them, without a copy if they are so.

    Raises
    ------
    SampleError
        If they are no array (samples, inputs) of real numbers, or a copy would be too large.
    """
    given = _array("features", features)
    if given.ndim != 2 or given.size == 0 or given.dtype.kind not in "biuf":
        raise SampleError(f"features must be numbers (samples, inputs), got {given.dtype} of shape {given.shape}")
    if (given.dtype != np.float32 or not given.flags.c_contiguous) and 4 * given.size > COPY_BYTES:
        raise SampleError(
            f"features must be float32 in C order where a copy takes {4 * given.size} bytes, got {given.dtype}; "
            f"at most {COPY_BYTES} bytes are copied: write them so, as FeatureCache does"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused when it is met
        return np.ascontiguousarray(given, np.float32)


def _array(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # rows of several lengths
        raise SampleError(f"{name} must be an array of numbers, got {type(values).__name__}: {error}") from None


def _whole_labels(labels: Any, count: int) -> NDArray[Any]:
    given = _array("labels", labels)
    if given.dtype.kind not in "iu" or given.shape != (count,):
        got = f"{given.dtype} of shape {given.shape}"
        raise SampleError(f"labels must be whole numbers, one for each of {count} samples, got {got}")
    return given


def _as_labels(labels: Any, count: int) -> NDArray[np.int64]:
    given = _whole_labels(labels, count)
    if given.min() < 0:
        raise SampleError(f"labels must be at least 0 to train a readout, got {given.min()}")
    check_classes(given)
    if given.min() == given.max():
        raise SampleError(f"labels must be of two classes at least to fit a readout, got only {given[0]}")
    return np.ascontiguousarray(given, np.int64)


def _first_parameters(seed: int, inputs: int, classes: int) -> head.Parameters:
    """Return the parameters before the first step: weights and bias are random."""
    bound = 1 / np.sqrt(inputs)
    shares = randomness.uniform(seed, WEIGHTS, 0, (inputs + 1) * classes)
    first = ((2 * shares - 1) * bound).astype(np.float32)
    return _blocks(first[: inputs * classes].reshape(classes, inputs), first[inputs * classes :])


def _blocks(weights: Array, bias: Array) -> head.Parameters:
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


def _batch(rows: NDArray[np.int64], classes: int, first: int = 0) -> head.Batch:
    return head.Batch(rows, np.uint64(first % 2**64), np.empty((len(rows), classes), np.float32))


def _scratch(classes: int) -> head.Scratch:
    return head.Scratch(
        tile=aligned.zeros((head.GROUP * head.BLOCK,)),
        lanes=aligned.zeros((head.LINE,)),
        gradient=aligned.zeros((classes, head.BLOCK)),
    )


def _refuse(bad: int, features: Array, rows: NDArray[np.int64]) -> None:
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
