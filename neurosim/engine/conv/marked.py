"""What a convolutional layer did with an image: when each stage was done, and how much was learned."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.conv.memory import Workspace
from neurosim.engine.runner import LayerRunner
from neurosim.kernels.conv import layout


class Marked(NamedTuple):
    """What a run with `marking` noted about an image.

    Attributes
    ----------
    moments : int64 (neurosim.kernels.conv.layout.MOMENTS,)
        Nanoseconds of the system's clock that never runs backwards, in the order of the stages; 0 for a stage that did
        not take place.
    call : int
        Nanoseconds of the whole call: Python's, and waking the threads, beside the stages.
    threads : int
        How many carried the image.
    events : int
        Responses above the cutoff, of those that were learned from; 0 if nothing was learned.
    places : int
        Positions that had one of them.
    written : int
        Neurons that had something to learn.
    """

    moments: NDArray[np.int64]
    call: int
    threads: int
    events: int = 0
    places: int = 0
    written: int = 0


def marked(layer: ConvLayer, runner: LayerRunner, call: int) -> Marked:
    """Return what a runner made with `marking` noted about its last image, whose call took `call` nanoseconds."""
    workspace: Workspace = runner.workspace
    moments = workspace.marks.moments[0].copy()
    if not moments[layout.LEARNED] or runner.results is None:
        return Marked(moments, call, workspace.threads)
    scratch = workspace.scratch
    responses = runner.results.responses[0] if layer.constants.window == 1 else scratch.responses
    above = np.abs(responses) >= layer.codes.cutoff
    moved = (scratch.changes != 0) | (scratch.overlaps != 0)
    counts = int(above.sum()), int(above.any(axis=1).sum()), int(moved.sum())
    return Marked(moments, call, workspace.threads, *counts)
