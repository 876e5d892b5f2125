"""The readout that the papers train: dropout, a linear layer and a softmax, on features that are computed once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, number, whole
from neurosim.errors import ConfigError, SampleError
from neurosim.kernels import readout as kernel
from neurosim.readouts.inputs import Array, as_features, class_labels, whole_labels
from neurosim.readouts.labels import accuracy
from neurosim.readouts.training import NO_ROWS, Trainer, batch_of, blocks_of, first_parameters, refuse, scratch_for
from neurosim.streams.base import UNLABELLED

# When the rate is halved, in fractions of the epochs, as published: for 50 epochs or more, and for 20 or more.
LONG_HALVINGS, SHORT_HALVINGS = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9), (0.5, 0.75)
TOGETHER = 256  # samples predicted at a time


class Epoch(NamedTuple):
    """The progress of training: `SoftmaxReadout.fit` passes it to `watch` after each epoch.

    Attributes
    ----------
    number, epochs : int
        Number of this epoch, from 1, and how many there are.
    rate : float
        Rate of this epoch.
    loss, accuracy : float
        Mean over the training samples, each with dropout and with the weights at that time.
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

    minimised by Adam without weight decay (moments .9 and .999); r is the dropout: zero for inputs that are dropped, a
    scale for the rest. Weights begin in :math:`U[-1/\sqrt{D}, 1/\sqrt{D}]`. Random numbers are counter-based and sums
    have a fixed order, so equal parameters, features and labels give equal bits for any number of threads. Features
    are not scaled, and are read in random order; besides them, training needs memory for three times the weights.

    Parameters
    ----------
    epochs : int
        From 1.
    batch : int
        Samples of a step, from 1; the last step of an epoch has the rest.
    dropout : float
        Probability that an input is dropped in training, from 0, below 1, in steps of 1 / 65536.
    rate : float
        Adam's rate, positive, at most 1.
    halvings : sequence of float, optional
        When the rate is halved, in fractions of the epochs from 0 to 1. By default as published: at .2, .35, .5, .6,
        .7, .8, .9 of 50 epochs or more, at .5 and .75 of 20 or more, never of fewer.
    seed : int
        Seed of the first weights, the order of samples and dropout; from 0, below 2**64.
    threads : int
        From 1; results do not depend on it.

    Attributes
    ----------
    weights_ : float32 (classes, inputs), C order
    bias_ : float32 (classes,)
    samples_ : int
        Number of samples it was fitted on.
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
        if round(dropout * kernel.CERTAIN) >= kernel.CERTAIN:
            raise ConfigError("dropout", "from 0, below 1", dropout, "no input would be left")
        number("rate", rate, "positive, at most 1", 0, above=True)
        if rate > 1:
            raise ConfigError("rate", "positive, at most 1", rate, "Adam moves a weight by about the rate in a step")
        if halvings is None:
            halvings = LONG_HALVINGS if epochs >= 50 else SHORT_HALVINGS if epochs >= 20 else ()
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
            May be a memory map. Features of another type or layout are copied, up to two GiB.
        labels : int64 (samples,)
            From 0, below 10,000; there are as many classes as the largest label plus 1. Samples with the label -1,
            which is none, are left out.
        watch : callable, optional
            Called with an `Epoch` after each epoch; may raise to end the work.
        renew : callable, optional
            Called with the number of each epoch from 2 on, before it begins. Returns other features of the same samples
            to go on with, such as those of images transformed anew, or None to keep the present ones.

        Raises
        ------
        SampleError
            If features are not finite; if labels are out of range, not one for each sample, or all of one class; if a
            copy of the features would be too large; if `renew` returns features of another shape.
        DivergedError
            If a potential leaves the range of float32.
        """
        features = as_features(features)
        labels = class_labels(labels, len(features))
        classes = int(labels.max()) + 1
        parameters = first_parameters(self.seed, features.shape[1], classes)
        self.epochs_ = []
        settings = {"seed": self.seed, "batch": self.batch, "threads": self.threads}
        with Trainer(features, labels, parameters, dropout=self.dropout, **settings) as trainer:
            for epoch in range(self.epochs):
                if renew is not None and epoch > 0:
                    trainer.renew(renew(epoch + 1))
                rate = self.rate / 2 ** sum(epoch >= int(share * self.epochs + 1e-9) for share in self.halvings)
                loss, accuracy = trainer.run(epoch, rate)
                self.epochs_.append(
                    Epoch(number=epoch + 1, epochs=self.epochs, rate=rate, loss=loss, accuracy=accuracy)
                )
                if watch is not None:
                    watch(self.epochs_[-1])
        weights = parameters.weights.transpose(1, 0, 2).reshape(classes, -1)[:, : features.shape[1]]
        self.weights_, self.bias_ = np.ascontiguousarray(weights), parameters.bias[0].copy()
        self.samples_ = int((labels != UNLABELLED).sum())
        return self

    def predict(self, features: Array) -> NDArray[np.int64]:
        """Return the class of the largest potential of each sample: int64 (samples,); ties go to the lowest.

        Raises
        ------
        SampleError
            If features are not finite, or not of the width it was fitted on.
        """
        winners = [u.argmax(axis=1) for u in self._potentials(as_features(features))]
        return np.concatenate(winners).astype(np.int64)

    def score(self, features: Array, labels: NDArray[np.int64]) -> float:
        """Return the share of samples that are labelled correctly, from 0 to 1; those with the label -1 do not count.

        Raises
        ------
        SampleError
            As in `predict`; if labels are not whole numbers, one for each sample, or all of them are -1.
        """
        predicted = self.predict(features)
        return accuracy(predicted, whole_labels(labels, len(predicted)))

    def _potentials(self, features: Array) -> Iterator[Array]:
        """Yield the potentials of the samples, some at a time."""
        if not hasattr(self, "weights_"):
            raise ConfigError("readout", "fitted before it predicts", "an unfitted one")
        classes, inputs = self.weights_.shape
        if features.shape[1] != inputs:
            raise SampleError(f"features must be {inputs} a sample, as those it was fitted on, got {features.shape[1]}")
        parameters = blocks_of(self.weights_, self.bias_)
        blocks = len(parameters.weights)
        scratch, sums = scratch_for(classes), np.empty((blocks, TOGETHER, classes), np.float32)
        no_batch, no_dropout = batch_of(NO_ROWS, classes), kernel.Dropout(np.uint64(0), 0, np.float32(1), 0)
        pace = kernel.Pace(np.float32(0), np.float32(1))
        for start in range(0, len(features), TOGETHER):
            rows = np.arange(start, min(start + TOGETHER, len(features)))
            batch = batch_of(rows, classes)
            kernel.turn(features, 0, blocks, no_batch, batch, no_dropout, pace, parameters, scratch, sums)
            potentials = np.empty((len(rows), classes), np.float32)
            refuse(kernel.add_up(sums, self.bias_, potentials), features, rows)
            yield potentials


def _fractions(halvings: Sequence[float]) -> tuple[float, ...]:
    rule = "fractions of the epochs, from 0 to 1"
    if not isinstance(halvings, Iterable):
        raise ConfigError("halvings", rule, halvings)
    for share in halvings:
        number("halvings", share, rule, 0)
        if share > 1:
            raise ConfigError("halvings", rule, share)
    return tuple(halvings)
