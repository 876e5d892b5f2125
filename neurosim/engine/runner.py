"""The one way through a layer: chunks of samples, in memory that is prepared for them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST
from neurosim.engine.base import WorkingLayer
from neurosim.engine.executor import NOT_TIMED, Call, Counts
from neurosim.engine.results import Results, Taken
from neurosim.engine.samples import Samples, single
from neurosim.errors import NeurosimError


class _Wanted(NamedTuple):
    """Which results are wanted: see `Executor.results`."""

    rows: int
    outputs: bool
    counting: bool


class LayerRunner:
    """Takes chunks of samples through a layer, learning or not, in memory that is used again for the next chunk.

    A runner is for one caller at a time. One for single samples binds the compiled code to its memory for a sample: a
    run is then little more than one call of compiled code.

    Parameters
    ----------
    layer : WorkingLayer
    chunk : int
        Samples that a run takes, as a rule; with 1, the compiled code is bound.
    rows : int
        Samples whose potentials and responses are kept: `chunk`, 1 for the last one's, or 0 for none.
    outputs : bool
        Whether what the layer transmits is computed.
    threads : int
        Threads that share the work of a sample, where that pays.
    counting, marking : bool
        Whether what each sample costs is counted, and whether the moments are noted at which the stages of the last
        sample were done.
    timing : bool
        Whether it is noted how long each sample took.
    samples : Samples, optional
        Memory for the single sample, such as the results of the layer before; by default it is made here.
    results : Results, optional
        Memory for the single sample's results; by default it is made here.
    workspace : optional
        Working memory of another runner of the layer, for as many threads and as much counting and marking, if the two
        are never at work at the same time; by default it is made here.

    Attributes
    ----------
    samples : Samples or None
        Memory for a single sample. A caller that writes the sample there passes this to `run`, and nothing is copied.
    results : Results or None
        Memory that the next run writes its results to; None before the first one, unless it is for a single sample.
    begun : int64 (2,) or (0,)
        When the single sample was taken up and when it was done, in nanoseconds, if that is noted.

    Raises
    ------
    DeviceError
        If the layer's device cannot count, or note moments.
    """

    def __init__(
        self,
        layer: WorkingLayer,
        chunk: int,
        *,
        rows: int = 1,
        outputs: bool = True,
        threads: int = 1,
        counting: bool = False,
        marking: bool = False,
        timing: bool = False,
        samples: Samples | None = None,
        results: Results | None = None,
        workspace: Any = None,
    ) -> None:
        self.layer, self.samples, self.results = layer, samples, results
        self._executor, self._recording = layer.executor, layer.constants.instruments
        self._wanted = _Wanted(rows, outputs, counting)
        self._window = layer.answers_after if outputs else 1
        self._timing, self._nanoseconds = timing, NOT_TIMED
        self.begun = np.zeros(2 if timing else 0, np.int64)
        self._at_once = 1 if marking else LARGEST  # samples of a call; the workspace has the moments of one
        self.workspace = self._executor.workspace(threads, counting, marking) if workspace is None else workspace
        self._learn: Callable[[], Counts] | None = None
        self._respond: Callable[[], Counts] | None = None
        self._ran: set[bool] = set()  # whether a single sample was learned, whether one was responded to
        if chunk == 1:
            self.samples = single(layer.inputs) if samples is None else samples
            self.results = self._memory(1) if results is None else results
            self._whole = Taken(self.results, 1, None)

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but what is bound to addresses in this process."""
        return self.__dict__ | {"_learn": None, "_respond": None}

    def bound(self, learning: bool) -> Callable[[], Counts]:
        """Return the compiled code as bound to the memory for a single sample; see `Executor.run` for what it returns.

        Who calls it takes the record of the instruments that may then be due.
        """
        bound = self._learn if learning else self._respond
        if bound is None:
            bound = self._executor.bind(self._single_call(learning))
            self._learn, self._respond = (bound, self._respond) if learning else (self._learn, bound)
        return bound

    def run(self, samples: Samples, learning: bool, first: int = 0) -> Taken:
        """Take samples through the layer one by one, learning from each in turn if `learning`.

        Samples from outside must have gone through `WorkingLayer.fitting`; outputs of another layer need not.

        Parameters
        ----------
        samples : Samples
        learning : bool
            If false, nothing in the layer changes.
        first : int
            Number of the first sample, for errors.

        Returns
        -------
        Taken
            The next run writes over its results.
        """
        if samples is not self.samples:
            if self.samples is None or len(samples.values) != 1:
                return self._run_chunk(samples, learning, first)
            self._copy_in(samples)
        call = self._learn if learning else self._respond
        done, neuron = call() if call is not None else self._run_unbound(learning)
        if done == 0:
            return Taken(self._whole.results, 0, self.fault(first, neuron))
        if self._timing:
            self._moments_of(1)
            np.subtract(self.begun[1:], self.begun[:1], out=self._nanoseconds[:1])
        if learning and self._recording:
            self.layer.record_if_due()
        return self._whole

    def nanoseconds(self, samples: int) -> NDArray[np.int64]:
        """Return how long each of the first `samples` of the last run took, by the clock inside the loop: a view.

        From the moment at which the loop took the sample up to that at which its results were written and the layer had
        learned from it. On a device, where no clock runs inside, an equal share of the call.
        """
        return self._nanoseconds[:samples]

    def fault(self, number: int, neuron: int) -> NeurosimError:
        """Return what is wrong with the single sample, whose number is given: see `WorkingLayer.fault`."""
        assert self.samples is not None
        return self.layer.fault(self.samples.values[0], number, neuron)

    def hand_over(self, taken: Taken) -> Results:
        """Return the results of the last run, for the caller to keep: no later run writes to them."""
        results = taken.results.cut(0, taken.done)
        if self.samples is not None:
            return results.copy()  # what the compiled code is bound to stays
        self.results = None
        return results

    def _run_chunk(self, samples: Samples, learning: bool, first: int) -> Taken:
        """Take samples through the layer, in as many calls as records fall due, or in a call for each sample."""
        values, end, done = samples.values, len(samples.values), 0
        results, begun = self._results_of(end), self._moments_of(end)
        recording = learning and self._recording
        while done < end:
            stop = min(end, done + min(self._at_once, self.layer.until_record() if recording else end))
            moments = begun[: stop - done + 1]
            wanted = results.cut(done, stop)
            if learning and self._window > 1:  # with rows for all images of a window that a record cuts
                wanted = wanted._replace(outputs=results.outputs[done - done % self._window : stop])
            call = Call(samples.cut(done, stop), learning, self.workspace, wanted, moments)
            count, neuron = self._executor.run(call)
            if self._timing:
                np.subtract(moments[1 : count + 1], moments[:count], out=self._nanoseconds[done : done + count])
            done += count
            if done < stop:
                return Taken(results, done, self.layer.fault(values[done], first + done, neuron))
            if recording:
                self.layer.record_if_due()
        return Taken(results, done, None)

    def _results_of(self, samples: int) -> Results:
        """Return memory for the results of a chunk: that of the chunk before, if it is large enough."""
        if self.samples is not None:  # a chunk where single samples were expected
            return self._memory(samples)
        if self.results is None or len(self.results.winners) < samples:
            self.results = self._memory(samples)
        return self.results.cut(0, samples)

    def _moments_of(self, samples: int) -> NDArray[np.int64]:
        """Return memory for the moments of a chunk, and have some for how long each sample took."""
        if self._timing and len(self._nanoseconds) < samples:
            self._nanoseconds = np.zeros(samples, np.int64)
            self._begun_memory = np.zeros(samples + 1, np.int64)
        return self._begun_memory if self._timing else NOT_TIMED

    def _memory(self, samples: int) -> Results:
        rows, outputs, counting = self._wanted
        return self._executor.results(samples, min(rows, samples), outputs, counting)

    def _copy_in(self, samples: Samples) -> None:
        """Copy a sample to where the compiled code expects it."""
        assert self.samples is not None
        values, labels, modulators = self.samples
        values[:] = samples.values
        labels[0] = samples.labels[0] if len(samples.labels) else -1
        modulators[0] = samples.modulators[0] if len(samples.modulators) else 1

    def _run_unbound(self, learning: bool) -> Counts:
        """Run the first sample unbound, and bind with the second: binding takes as long as some hundred samples."""
        if learning in self._ran:
            return self.bound(learning)()
        self._ran.add(learning)
        return self._executor.run(self._single_call(learning))

    def _single_call(self, learning: bool) -> Call[Any]:
        assert self.samples is not None
        return Call(self.samples, learning, self.workspace, self._whole.results, self.begun)
