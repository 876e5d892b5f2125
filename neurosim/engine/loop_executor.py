"""The compiled loop of one layer on the CPU: how it is found, and bound to memory."""

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from neurosim.engine.executor import Counts, Executor, Workspace


class LoopExecutor(Executor[Workspace]):
    """Calls the compiled loop of a layer on the CPU: what dense and convolutional layers share.

    Attributes
    ----------
    kernel : module
        Of the loop: has `Own`, `loop`, `bound` and `kind_of`.
    """

    compiled = frozenset({"_kind", "_loop", "_own"})
    kernel: ClassVar[ModuleType]
    _constants: Any

    def compile(self) -> None:
        """Compile the loop, or fetch it from the cache."""
        _ = self._loop

    @abstractmethod
    def _no_samples(self) -> tuple[Any, ...]:
        """Return what the loop takes where there is no sample, for its types."""

    def _bound_to(self, arguments: tuple[Any, ...]) -> Callable[[], Counts]:
        """Return the loop as bound to what it takes: a call reads what the arrays hold at that moment."""
        loop, address, memory = self.kernel.bound(self._kind, *arguments)
        run: Callable[[], Counts] = partial(loop, address, self._kind)
        vars(run)["needs"] = arguments, memory  # as long as it may be called
        return run

    @cached_property
    def _own(self) -> Any:
        """What of the user's own the loop calls."""
        rule, competition = self._constants.rule.compiled, self._constants.competition.compiled
        return self.kernel.Own(
            rule=0 if rule is None else int(rule.cpu.address),
            competition=0 if competition is None else int(competition.cpu.address),
            parameters=np.array(() if competition is None else self._constants.competition.parameters, np.float32),
        )

    @cached_property
    def _kind(self) -> Any:
        return self.kernel.kind_of(*self._no_samples())

    @cached_property
    def _loop(self) -> Callable[..., Counts]:
        loop: Callable[..., Counts] = self.kernel.loop(*self._no_samples())
        return loop
