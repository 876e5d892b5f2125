"""The errors of neurosim: each message names the thing, the rule and the value, and says what to do.

::

    NeurosimError
      ConfigError    (ValueError)       a constant of a layer, a chip or a run
        InfeasibleError                 parts of a described chip that cannot be built so together
      SampleError    (ValueError)       a sample or a label
      StreamError    (OSError)          a source that is missing, unknown, truncated or in another format
      StateError     (OSError)          a state file that is damaged, foreign, of another chip, or cannot be written
      DivergedError  (ArithmeticError)  weights that are no longer finite
      DeviceError    (RuntimeError)     a CUDA device that is missing, too old or too small
      ConcurrentUseError  (RuntimeError)  a chip that another thread is using
      FixedError     (AttributeError)   an attribute of a chip or of a layer that cannot be assigned

Two are UserWarnings: StabilityWarning, of constants that are allowed, but with which weights are likely to diverge;
StorageWarning, of files that are whole, but written with less care than usual, or later.
"""

LONGEST_VALUE = 1000  # characters of a value in a message


class NeurosimError(Exception):
    """Every error that neurosim raises on purpose."""


class ConfigError(NeurosimError, ValueError):
    """A constant breaks its rule: `ConfigError("temperature", "positive", -1.0)`."""

    def __init__(self, parameter: str, rule: str, value: object, advice: str = "") -> None:
        super().__init__(parameter, rule, value, advice)

    def __str__(self) -> str:
        parameter, rule, value, advice = self.args
        return f"{parameter} must be {rule}, got {_shown(value)}" + (f"; {advice}" if advice else "")


class InfeasibleError(ConfigError):
    """Values that are each allowed, and that no chip can have together, as a clock beyond its memory.

    In a sweep, only the points that have them fail.
    """


def _shown(value: object) -> str:
    """Return a value as text, its middle left out if it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or a list that is nested as deeply
        return f"{type(value).__name__} that is too large to be shown"
    half = LONGEST_VALUE // 2
    return text if len(text) <= LONGEST_VALUE else f"{text[:half]} ... {text[-half:]}"


class SampleError(NeurosimError, ValueError):
    """A sample or a label that cannot be learned from."""


class StreamError(NeurosimError, OSError):
    """A stream that cannot be opened or read."""


class StateError(NeurosimError, OSError):
    """A state file that cannot be read, trusted or written."""


class StabilityWarning(UserWarning):
    """Constants with which weights may grow or oscillate without bound; the message gives the limit and the value."""


class StorageWarning(UserWarning):
    """A file system lacks a step of writing, and the message says what follows; or a snapshot failed, for now."""


class DivergedError(NeurosimError, ArithmeticError):
    """A weight that is no longer finite."""


class DeviceError(NeurosimError, RuntimeError):
    """A CUDA device that is missing, too old or too small."""


class ConcurrentUseError(NeurosimError, RuntimeError):
    """A chip that another thread, or an unfinished call, is using."""


class FixedError(NeurosimError, AttributeError):
    """An attribute of a chip or of a layer that cannot be assigned."""
