"""What a dense layer did with a sample: when each stage was done, and which neurons were written."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.dense.memory import Workspace
from neurosim.engine.runner import LayerRunner

NOBODY = np.empty(0, np.int64)


class Marked(NamedTuple):
    """What a run with `marking` noted about a sample.

    Attributes
    ----------
    moments : int64 (neurosim.kernels.dense.layout.MOMENTS,)
        Nanoseconds of the system's clock that never runs backwards, in the order of the stages; the last is 0 if
        nothing was learned.
    written : int64 (any,)
        Neurons whose synapses were written, in order.
    """

    moments: NDArray[np.int64]
    written: NDArray[np.int64]


def marked(layer: DenseLayer, runner: LayerRunner) -> Marked:
    """Return what a runner made with `marking` noted about its last sample."""
    workspace: Workspace = runner.workspace
    moments = workspace.marks.moments[0].copy()
    if not moments[-1] or runner.results is None:
        return Marked(moments, NOBODY)
    count = int((np.abs(runner.results.responses[0]) >= layer.codes.cutoff).sum())
    if layer.codes.gated:
        count = min(count, layer.codes.winners)
    return Marked(moments, workspace.scratch.written[:count].copy())
