"""The compiled loop of one layer on the CPU: how it is found, and bound to memory."""

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from types import ModuleType
from typing import Any, ClassVar

from neurosim.engine.executor import Counts, Executor, Workspace


class LoopExecutor(Executor[Workspace]):
    """Calls the compiled loop of a layer on the CPU: what dense and convolutional layers share.

    Attributes
    ----------
    kernel : module
        Of the loop: has `loop`, `bound` and `kind_of`.
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
        compiled = self._constants.rule.compiled
        return None if compiled is None else compiled.cpu

    @property
    def _own_address(self) -> int:
        return 0 if self._own is None else int(self._own.address)

    @cached_property
    def _kind(self) -> Any:
        return self.kernel.kind_of(*self._no_samples())

    @cached_property
    def _loop(self) -> Callable[..., Counts]:
        loop: Callable[..., Counts] = self.kernel.loop(*self._no_samples())
        return loop
