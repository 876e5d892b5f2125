"""A few samples that came together: one by one through memory that is ready, which beats preparing a call for them."""

import numpy as np

from neurosim.chip.pipeline import Pipeline
from neurosim.chip.wanted import Wanted
from neurosim.engine.results import Results
from neurosim.engine.samples import Array
from neurosim.online.listener import Batch, Teller
from neurosim.online.report import Report
from neurosim.streams import Block

MOST = 12  # samples; to prepare a call for a chunk takes as long as so many calls that are ready


class Few:
    """Takes a few samples to the chip, each by itself, and tells of them together.

    Parameters
    ----------
    report : Report
    teller : Teller, optional
    wanted : Wanted, optional
        What those who are told want.
    """

    def __init__(self, report: Report, teller: Teller | None, wanted: Wanted | None) -> None:
        self._report, self._teller, self._wanted = report, teller, wanted or Wanted()
        self._nanoseconds = np.zeros(MOST, np.int64)
        self._of: Results | None = None  # the single sample's results that those of several are kept from

    def push(self, pipeline: Pipeline, block: Block, number: int) -> None:
        """Take the samples of a block, at most `MOST`; the first has a number, counted since the run began.

        Raises
        ------
        NeurosimError
            As `Pipeline.take_one` does, when those before were told of.
        """
        samples, labels = block
        first = count = 0
        try:
            for i in range(len(samples)):
                nanoseconds = pipeline.take_one(samples[i], None if labels is None else labels.item(i))
                if nanoseconds is None:  # passed over: the numbers of those told of together have no gap
                    self._tell(block, first, count, number)
                    first, count = i + 1, 0
                    continue
                self._report.add_one(nanoseconds)
                if self._teller is not None:
                    if pipeline.one is not self._of:  # the first, or the chip's constants have changed
                        self._prepare(pipeline.one)
                    self._nanoseconds[count] = nanoseconds
                    for several, single in self._pairs:
                        several[count] = single[0]
                count += 1
        finally:
            self._tell(block, first, count, number)

    def _prepare(self, results: Results) -> None:
        """Have memory for the results of several samples."""
        told, pairs = results, list[tuple[Array, Array]]()
        wanted = [name for name, is_wanted in self._wanted._asdict().items() if is_wanted]
        for name in (*wanted, "winners"):
            single = getattr(results, name)
            if len(single):
                several = np.empty((MOST, *single.shape[1:]), single.dtype)
                pairs.append((several, single))
                told = told._replace(**{name: several})
        self._of, self._pairs, self._told = results, pairs, [told.cut(0, count) for count in range(MOST + 1)]

    def _tell(self, block: Block, first: int, count: int, number: int) -> None:
        """Tell of samples of a block."""
        if self._teller is not None and count:
            samples, labels = block if count == len(block.samples) else block.part(first, first + count)
            self._teller.tell(Batch(number + first, self._told[count], labels, samples, self._nanoseconds[:count]))
