"""What a user may say about where layers go: a strategy, or the cores of each layer by hand."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from neurosim.checks import LARGEST, one_of, whole
from neurosim.errors import ConfigError
from neurosim.outside import toml

ROWS, SPREAD, OPTIMISED = "rows", "spread", "optimised"
STRATEGIES = (ROWS, SPREAD, OPTIMISED)
MOST_TRIES = 10_000_000
Entry = int | tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Placement:
    """How layers are placed on cores: a property of a run, not of a chip.

    Parameters
    ----------
    strategy : {"rows", "spread", "optimised"}
        "rows" (default) takes as few cores as the layers need, in the order of their numbers, row by row. "spread"
        shares all cores out among the layers, by how many synapses each reads a sample: what works at once is faster.
        "optimised" is "rows" with cores exchanged so that events travel shorter ways; it is never worse than "rows".
    cores : sequence of sequence, optional
        By hand, in place of a strategy: for each layer its cores in order, which get its neurons as evenly as their
        number allows, or `(core, first neuron, neurons)` each. Where positions are cut into blocks, the blocks of a
        group of neurons follow each other.
    positions_per_core : int, optional
        Most positions of a convolutional neuron on one core; by default all of them, or as many as fit.
    seed : int
        Of the order in which "optimised" tries exchanges (default 0).
    tries : int
        Most exchanges that "optimised" tries (default 20,000): a bound on its time.

    Raises
    ------
    ConfigError
        If a value breaks its rule.
    """

    strategy: str = ROWS
    cores: tuple[tuple[Entry, ...], ...] | None = None
    positions_per_core: int | None = None
    seed: int = 0
    tries: int = 20_000

    def __post_init__(self) -> None:
        one_of("placement.strategy", self.strategy, STRATEGIES)
        if self.positions_per_core is not None:
            whole("placement.positions_per_core", self.positions_per_core, 1, LARGEST)
        whole("placement.seed", self.seed, 0, LARGEST)
        whole("placement.tries", self.tries, 0, MOST_TRIES)
        if self.cores is not None:
            object.__setattr__(self, "cores", _by_hand(self.cores))
            if self.strategy != ROWS:
                raise ConfigError("placement.strategy", "left out beside placement.cores", self.strategy)


Wanted = Placement | str | Path | Table[str, Any] | None  # whatever says where layers go


def as_placement(value: object) -> Placement:
    """Return a placement: itself, a strategy's name, the path of a TOML file, or a table of its keys; None: "rows".

    Raises
    ------
    ConfigError
        If it is none of these, a file cannot be read, or a key is unknown.
    """
    if value is None or isinstance(value, Placement):
        return value or Placement()
    if isinstance(value, str | Path) and toml.is_toml(value):
        value = toml.read("placement", value)
        value = value.get("placement", value)
    if isinstance(value, str):
        if value not in STRATEGIES:
            raise ConfigError("placement", f"one of {', '.join(STRATEGIES)}, or a .toml file", value)
        return Placement(strategy=value)
    if not isinstance(value, Table):
        raise ConfigError("placement", f"one of {', '.join(STRATEGIES)}, a .toml file or a table", value)
    known = [entry.name for entry in fields(Placement)]
    for key in value:
        if key not in known:
            raise ConfigError(f"placement.{key}", f"one of {', '.join(known)}", key)
    return Placement(**value)


def _by_hand(layers: Any) -> tuple[tuple[Entry, ...], ...]:
    """Return the cores of each layer, checked."""
    if not isinstance(layers, list | tuple) or not all(isinstance(layer, list | tuple) and layer for layer in layers):
        raise ConfigError("placement.cores", "a list for each layer, such as [[0, 1], [2]]", layers)
    return tuple(
        tuple(_entry(f"placement.cores, layer {index + 1}", entry) for entry in layer)
        for index, layer in enumerate(layers)
    )


def _entry(key: str, entry: Any) -> Entry:
    numbers = list(entry) if isinstance(entry, list | tuple) else [entry]
    if len(numbers) not in (1, 3):
        raise ConfigError(key, "core numbers, or [core, first neuron, neurons] each", entry)
    for number, low in zip(numbers, (0, 0, 1), strict=False):
        whole(key, number, low, LARGEST)
    return (int(numbers[0]), int(numbers[1]), int(numbers[2])) if len(numbers) == 3 else int(numbers[0])
