"""Descriptions of chips: TOML files that users write, and those that come with neurosim.

A file names the chip (`title`, `summary`, `not_modelled`), its `structure`, and the energy and time of operations, each
in a table of its own: `[energy.synaptic_operation]`, `[time.neuron_update]`, `[power.static]`. An operation for which
there is no source is left out, and is then not priced. `[components]` describes parts instead, from which energies,
static power and area follow. With `base = "loihi"` a file gives only the differences.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import as_file, files
from os.path import normpath
from pathlib import Path
from typing import Any

from neurosim.errors import ConfigError
from neurosim.hardware.chips import components, keys, power_states
from neurosim.hardware.chips.components import Components
from neurosim.hardware.chips.endurance import Endurance
from neurosim.hardware.chips.memory import Memory
from neurosim.hardware.chips.power_states import PowerStates
from neurosim.hardware.chips.quantity import ENERGIES, LARGEST, POWERS, TIMES, Quantity, quantity
from neurosim.hardware.chips.structure import Structure
from neurosim.hardware.components.parts import PARTS
from neurosim.outside import toml

ENERGY_OF = (
    "synaptic_operation", "neuron_update", "exponential", "weight_update", "event_in", "event_out", "hop",
    "hop_east_west", "hop_north_south", "memory_read_bit", "memory_write_bit", "memory_read_word", "memory_write_word",
    "external_read_bit", "external_write_bit", "wake",
)  # fmt: skip
TIME_OF = (
    "synaptic_operation", "neuron_update", "exponential", "weight_update", "event_in", "event_out", "hop", "input",
    "memory_access", "external_bit", "wake",
)  # fmt: skip
POWER_OF = ("static", "idle", "sleep")
HOPS = ("hop_east_west", "hop_north_south")
WORDS = ("memory_read_word", "memory_write_word", "memory_access")  # constants of words, which `memory` describes
GROUPS = {"energy": (ENERGY_OF, ENERGIES), "time": (TIME_OF, TIMES), "power": (POWER_OF, POWERS)}
# Tables of plain keys; all but the first one may be left out.
SECTIONS: dict[str, type] = {
    "structure": Structure,
    "memory": Memory,
    "endurance": Endurance,
    "power_states": PowerStates,
}
COMPONENTS = "components"  # the table of parts, each with keys of its own
NESTED: dict[str, Mapping[str, type]] = {COMPONENTS: PARTS}  # tables of tables of plain keys
MOST_NAMES = 16  # of names in an error
DEEPEST = 16  # of descriptions that are each based on the next


@dataclass(frozen=True, slots=True)
class Hardware:
    """A chip as described: structure, and constants with their sources.

    Attributes
    ----------
    name : str
        Name of the preset or file.
    title, summary : str
        Which chip it is, and what the description prices.
    not_modelled : tuple of str
        What the description leaves out and a reader must know.
    structure : Structure
    energy, time, power : dict of str to Quantity
        By operation, in J, s and W; operations without an entry are not priced. A constant that the description gives
        itself stands before one that follows from a part.
    endurance : Endurance or None
        How often a synapse can be written.
    memory : Memory or None
        Words of synaptic memory; None: each synapse is priced by itself.
    power_states : PowerStates or None
        What has its clock stopped, and when the chip sleeps; None: the whole chip where there is `power.idle`, and it
        never sleeps.
    components : Components or None
        The parts that `[components]` gives.
    """

    name: str
    title: str
    summary: str
    not_modelled: tuple[str, ...]
    structure: Structure
    energy: Mapping[str, Quantity]
    time: Mapping[str, Quantity]
    power: Mapping[str, Quantity]
    endurance: Endurance | None = None
    memory: Memory | None = None
    power_states: PowerStates | None = None
    components: Components | None = None

    @property
    def area_band_mm2(self) -> tuple[float, float, float] | None:
        """Area of the whole chip, low, nominal and high: `structure.area_mm2`, else of its parts; None without both."""
        if self.structure.area_mm2 is not None:
            return (self.structure.area_mm2,) * 3
        return None if self.components is None or not self.components.listed else self.components.area_mm2

    @property
    def area_mm2(self) -> float | None:
        """Nominal area of the whole chip."""
        return None if self.area_band_mm2 is None else self.area_band_mm2[1]

    def key_of(self, operation: str) -> str | None:
        """Return the key of the energy that an operation takes: its own, or else that of `hop`, or of a word's bits."""
        others = {"hop": operation in HOPS, operation.replace("_word", "_bit"): self.memory is not None}
        known = [operation, *(other for other, allowed in others.items() if allowed)]
        return next((key for key in known if key in self.energy), None)

    def energy_of(self, operation: str) -> Quantity | None:
        """Return the energy that an operation takes, or None if the description has none."""
        key = self.key_of(operation)
        if key is None:
            return None
        if self.memory is None or operation == key or not key.endswith("_bit"):
            return self.energy[key]
        return self.energy[key].times(self.memory.word_bits)

    def at_width(self, operation: str, weight_bits: int) -> Quantity | None:
        """Return the energy of an operation on weights of some bits; the same for all, but where it is of a part."""
        constant = self.energy.get(operation)
        if self.components is None or constant is not self.components.energy.get(operation):
            return constant
        return self.components.at_width(operation, weight_bits) or constant

    def at(self, end: str) -> "Hardware":
        """Return the description with all times at one end of their bands: "low" or "high"."""
        times = {name: replace(constant, value=getattr(constant, end)) for name, constant in self.time.items()}
        return replace(self, time=times)

    def learns(self) -> bool:
        """Return whether there is an energy of weight updates that is not unverified."""
        priced = self.energy.get("weight_update")
        return priced is not None and priced.confidence != "unverified"

    def vouched(self) -> "Hardware":
        """Return the description without the constants, and the endurance, whose confidence is "unverified"."""
        groups: dict[str, Any] = {group: _verified(getattr(self, group)) for group in GROUPS}
        lasts = self.endurance is not None and self.endurance.confidence != "unverified"
        return replace(self, **groups, endurance=self.endurance if lasts else None)

    def describe(self) -> dict[str, Any]:
        """Return plain values, in SI units."""
        plain: dict[str, Any] = {"name": self.name, "title": self.title, "summary": self.summary}
        plain |= {"not_modelled": list(self.not_modelled)}
        plain |= {name: asdict(getattr(self, name)) for name in SECTIONS if getattr(self, name) is not None}
        for group in GROUPS:
            plain[group] = {name: constant.describe() for name, constant in getattr(self, group).items()}
        if self.components is not None:
            plain["components"] = self.components.describe()
        return plain


def _verified(constants: Mapping[str, Quantity]) -> dict[str, Quantity]:
    return {name: constant for name, constant in constants.items() if constant.confidence != "unverified"}


def names() -> list[str]:
    """Return the names of the descriptions that come with neurosim."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    folder = files(__package__).joinpath("presets")
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml")))


def load(chip: str | Path, overrides: Mapping[str, Any] | None = None) -> Hardware:
    """Read the description of a chip.

    Parameters
    ----------
    chip : str or path
        A name out of `names()`, or a TOML file.
    overrides : dict, optional
        Values by dotted key, as if they were written in the file: ``{"structure.cores": 64}``. A changed ``value``
        scales ``low`` and ``high`` in proportion, unless they are given too.

    Returns
    -------
    Hardware

    Raises
    ------
    ConfigError
        If there is no such preset, a file cannot be read, or a key or value breaks its rule; the message names it.
    """
    if not isinstance(chip, str | Path):
        raise ConfigError("chip", "the name of a description, or a path", type(chip).__name__)
    name, table = _read(chip, ())
    for key, value in (overrides or {}).items():
        _override(table, key, value, overrides or {})
    return _hardware(name, table)


def table_of(chip: str | Path) -> dict[str, Any]:
    """Return the table of a description, merged with those that it is based on, unchecked.

    Raises
    ------
    ConfigError
        If there is no such preset, or a file cannot be read.
    """
    return _read(chip, ())[1]


def as_hardware(hardware: "Hardware | str | Path") -> Hardware:
    """Return a description; a name or path is loaded."""
    return hardware if isinstance(hardware, Hardware) else load(hardware)


def _read(chip: str | Path, seen: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Return the name and table of a description, merged with those that it is based on; `seen` leads from there."""
    what = "base" if seen else "chip"
    path = Path(chip)
    preset = str(chip) in names()
    if not preset and not toml.is_toml(path):
        near = get_close_matches(str(chip), names(), MOST_NAMES, 0.5) or names()[:MOST_NAMES]
        raise ConfigError(what, f"a .toml file, or one of {', '.join(near)}", str(chip))
    table = _preset(str(chip)) if preset else toml.read(what, path)
    if "base" in table:
        base = table.pop("base")
        if not isinstance(base, str):
            raise ConfigError("base", "the name of another description", base)
        if base not in names() and not preset:
            base = normpath(path.parent / base)
        chain = (*seen, str(chip) if preset else normpath(path))
        if base in chain:
            circle = " -> ".join((*chain[chain.index(base) :], base))
            raise ConfigError("base", "another description, which is not based on this one", base, circle)
        if len(chain) > DEEPEST:
            raise ConfigError("base", f"of at most {DEEPEST} descriptions, each based on the next", base)
        table = _merged(_read(base, chain)[1], table)
    return str(chip) if preset else path.stem, table


def _preset(name: str) -> dict[str, Any]:
    """Return the table of a description that comes with neurosim."""
    with as_file(files(__package__).joinpath("presets", f"{name}.toml")) as path:
        return toml.read("chip", path)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the base with entries replaced by those of `own`, table by table; a table with a value is replaced whole.

    So a value never keeps the source of another one.
    """
    both = dict(base)
    for key, value in own.items():
        inner = isinstance(value, dict) and isinstance(both.get(key), dict) and "value" not in value
        both[key] = _merged(both[key], value) if inner else value
    return both


def _override(table: dict[str, Any], key: str, value: Any, overrides: Mapping[str, Any]) -> None:
    """Write a value into a table; a constant that is changed gets the user as its source."""
    *path, last = key.split(".")
    inner: Any = table
    for name in path:
        inner = inner.setdefault(name, {}) if isinstance(inner, dict) else None
    if not isinstance(inner, dict):
        raise ConfigError(key, "the dotted key of a value", value)
    before: Any = inner.get("value")
    if last == "value" and _is_number(before) and _is_number(value) and abs(value) <= LARGEST:
        for name in ("low", "high"):
            bound = inner.get(name, before)
            if f"{'.'.join(path)}.{name}" not in overrides and _is_number(bound):
                scaled = min(bound * (value / before), LARGEST) if before else value
                inner[name] = min(scaled, value) if name == "low" else max(scaled, value)  # even after rounding
        inner["source"], inner["confidence"] = f"changed from {before} by the user", "assumed"
    inner[last] = value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hardware(name: str, table: dict[str, Any]) -> Hardware:
    """Return the description of a table."""
    known = ("title", "summary", "not_modelled", *SECTIONS, *GROUPS, COMPONENTS)
    for key in table:
        if key not in known:
            raise ConfigError(key, f"one of {', '.join(known)}", key, f"{name} has a key that is not known")
    for key in ("title", "summary", "structure"):
        if key not in table:
            raise ConfigError(key, "given", None, f"{name} has no {key}")
    title, summary = (keys.text(key, table[key]) for key in ("title", "summary"))
    missing = table.get("not_modelled", [])
    if not isinstance(missing, list) or not all(isinstance(text, str) for text in missing):
        raise ConfigError("not_modelled", "a list of texts", missing)
    sections: dict[str, Any] = {
        key: keys.section(key, kind, table[key]) for key, kind in SECTIONS.items() if key in table
    }
    structure = sections["structure"]
    if "memory" in sections:
        sections["memory"].check_widths(structure.weight_bits, structure.neuron_bits)
    _check_words(table)
    constants: dict[str, Any] = {group: _group(group, table.get(group, {}), structure.clock_Hz) for group in GROUPS}
    made = components.read(table[COMPONENTS], structure, sections.get("memory")) if COMPONENTS in table else None
    if made is not None:  # what the description gives itself stands before what follows from its parts
        for group in ("energy", "power"):
            constants[group] = {**getattr(made, group), **constants[group]}
    if "endurance" in sections and "weight_update" not in constants["energy"]:
        rule = "given where endurance is: what wears out is written, and writing takes energy"
        raise ConfigError("energy.weight_update", rule, None, f"{name} has none; leave endurance out, or give it")
    _check_port(structure, constants["time"])
    power_states.check(sections.get("power_states"), constants["power"], constants["time"], constants["energy"])
    return Hardware(
        name=name,
        title=title,
        summary=summary,
        not_modelled=tuple(keys.text("not_modelled", text) for text in missing),
        **sections,
        **constants,
        components=made,
    )


def _check_words(table: dict[str, Any]) -> None:
    """Refuse constants of words where no table says what a word is: they would change nothing."""
    for group in GROUPS:
        given = table.get(group, {})
        for key in WORDS:
            if "memory" not in table and isinstance(given, dict) and key in given:
                advice = "say there what a word is, or leave it out"
                raise ConfigError("memory", f"a table, as {group}.{key} is of its words", None, advice)


def _check_port(built: Structure, times: Mapping[str, Quantity]) -> None:
    """Refuse a chip that loses events which find no room, and that gets all events of a sample at one instant."""
    if not times or built.queue is None or built.when_full != "drop" or {"input", "hop"} & times.keys():
        return
    rule = "given, or time.hop, where events that find no room are lost (structure.when_full)"
    advice = "it is the time between two events of a sample; without it all of them come at one instant"
    raise ConfigError("time.input", rule, None, advice)


def _group(group: str, table: object, clock: float | None) -> dict[str, Quantity]:
    """Return the constants of a group: energies, times or powers, by operation."""
    operations, units = GROUPS[group]
    constants = keys.checked(group, table, "a table of operations", operations)
    return {key: quantity(f"{group}.{key}", value, units, clock) for key, value in constants.items()}
