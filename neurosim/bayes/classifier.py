"""A chip with a readout as a classifier that has gradients."""

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.gradients import Passes
from neurosim.chip.last_layer import Float
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.soft import SoftLabels

Samples = NDArray[np.float64] | NDArray[np.float32]


class Classifier:
    r"""A frozen chip of dense layers with a readout: log P(c | x) and its gradient with respect to x.

    With soft labels, of potentials u of the last layer:

    .. math::

        \log P(c \mid x) = \log \sum_k y_k P(c \mid k), \qquad y = \mathrm{softmax}(f(u) / \tau + \ln q)

    q are the shares of a `LogPrior`, without one 1 / K. Everything is computed in NumPy in one dtype, from weights
    that are copied once: what the chip learns later has no influence. Samples may be any finite numbers, also negative
    ones that a layer with `initial="uniform"` would not respond to: the function goes on there.

    Parameters
    ----------
    chip : Chip
        Of dense layers. Its last layer competes by `SoftWTA`, neither signed nor winner_only, or by `Corrected`; by
        anything with a `LinearReadout`, which reads potentials.
    readout : SoftLabels, LinearReadout or None
        None: the last layer is taught by the delta rule (`Corrected`), and its softmax is P(c | x).
    temperature : float, optional
        :math:`\tau` in place of the last layer's, as for an attack through a smoother chip. It turns a `HardWTA`, which
        has log P(c | x) with soft labels but no gradient, into the softmax of which it is the limit.
    dtype : float64 or float32
        Of the arithmetic; results are float64.

    Attributes
    ----------
    classes : int
        Column c of log P(c | x) is label c.

    Raises
    ------
    ConfigError
        If a layer is convolutional; if the readout is another, not fitted, or fitted to another width; if the last
        layer's responses are not P(k | x); if the temperature is out of range, or the readout takes potentials.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017: the layer as a Bayesian generative model.

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn(ns.open_stream("digits:train"))
    >>> readout = ns.SoftLabels(smoothing=1e-3)
    >>> for response, labels in chip.respond_blocks(ns.open_stream("digits:train")):
    ...     readout.add(response, labels)
    >>> classifier = ns.bayes.Classifier(chip, readout.finish())
    >>> samples, labels = next(ns.open_stream("digits:test").blocks(size=10))
    >>> classifier.gradient(samples, labels).shape
    (10, 64)
    """

    def __init__(
        self,
        chip: Chip,
        readout: SoftLabels | LinearReadout | None = None,
        *,
        temperature: float | None = None,
        dtype: Float = np.float64,
    ) -> None:
        self._passes = Passes(chip, readout, temperature=temperature, dtype=dtype)
        self.classes = self._passes.head.classes

    def log_proba(self, samples: Samples) -> NDArray[np.float64]:
        """Return log P(c | x), in nats: float64 (samples, classes).

        Minus infinity for a class that the readout never saw, unless it is smoothed.

        Raises
        ------
        SampleError
            If samples are not finite numbers (samples, inputs).
        """
        return self._passes.log_proba(samples)

    def gradient(self, samples: Samples, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return d log P(label | x) / dx of each sample: float64 (samples, inputs).

        At a sample of zeros, where x / |x| has no slope, it is 0.

        Raises
        ------
        ConfigError
            If the last layer is a `HardWTA`, the readout `SoftLabels`, and no temperature was given.
        SampleError
            As in `log_proba`; if labels are not one for each sample, or if one is of a class that no sample can have.
        """
        return self._passes.gradient(samples, labels)

    def predict(self, samples: Samples) -> NDArray[np.int64]:
        """Return the most probable label of each sample: int64 (samples,); ties go to the lowest."""
        return np.asarray(self.log_proba(samples).argmax(axis=1))
