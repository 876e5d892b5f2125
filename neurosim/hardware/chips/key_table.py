"""The page of all keys of a description, made from the texts of the dataclasses that hold them, and from the presets.

`neurosim cost --keys` prints it, and docs/hardware-keys.md is what it prints.
"""

import inspect
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from neurosim.hardware.chips import spec
from neurosim.hardware.chips.quantity import CONFIDENCES, CYCLE
from neurosim.hardware.components.parts import SHARED, Part

HEAD = """# Keys of a chip's description

Made by `neurosim cost --keys > docs/hardware-keys.md`, from the texts of the code and from the descriptions that come
with neurosim. How to write a description, and what is made of it: [hardware](hardware.md).

A key with the default "needed" must be given; without a key whose default is "none", what it changes is left out or
not limited. Each may be changed for one run (`--set structure.lanes=16`), or be varied in a [sweep](sweeps.md)
(`hardware.structure.lanes`)."""
TOP = {  # key: type, default, what it is
    "base": ("text", "none", "Another description, by name or file, of which this one gives only the differences."),
    "title": ("text", "needed", "Which chip it is."),
    "summary": ("text", "needed", "What the description prices, and where its numbers come from."),
    "not_modelled": ("list of texts", "none", "What it leaves out and a reader must know; printed with each result."),
}
PARTS = (
    "Parts of a chip, in place of constants ([components](components.md)). These keys hold for all parts; each part "
    "may have its own instead."
)
CONSTANT = {  # of each table of a constant: type, default, what it is
    "value": ("number, from 0", "needed", "The nominal value, with which latency and energy are computed."),
    "low": ("number", "value", "Smallest value that is published, or of an operating point: the low end of the band."),
    "high": ("number", "value", "Largest value: the high end of the band."),
    "unit": ("text", "needed", "Of value, low and high; the units of each group stand above its table."),
    "definition": ("text", "needed", "What one such operation includes. Changes nothing but what is printed."),
    "operating_point": ("text", "none", "Voltage, clock, technology. Changes nothing but what is printed."),
    "source": ("text", "needed", "Where the number comes from. Changes nothing but what is printed."),
    "retrieved": ("text", "none", "When the source was read. Changes nothing but what is printed."),
    "confidence": (
        "one of " + ", ".join(CONFIDENCES), "needed",
        "How sure the number is; what is `unverified` is used only with `--unverified`.",
    ),
}  # fmt: skip
GROUPS = {  # what a table's constants change
    "energy": "Energy of one operation: times its count, a part of a sample's energy. Without it the operation is not "
    "priced, and the report says so.",
    "time": "Time of one operation at a core, a router or the port: the timeline's latency. Without it the operation "
    "takes no time, and the report says so; a chip without any has no latency.",
    "power": "Power of the whole chip, for the time that a sample holds it.",
}
OPERATIONS = {  # what one of each is; of others, the first preset's definition is shown
    "synaptic_operation": "A synapse that an event reaches: multiplied, and added to the neuron's sum.",
    "neuron_update": "A neuron's response from its sum, once for each of its positions.",
    "exponential": "The exponential of a neuron in a soft competition.",
    "weight_update": "A synapse that learning changes. Without its energy the chip refuses to learn.",
    "event_in": "An event that enters a core.",
    "event_out": "An event that a core sends.",
    "hop": "A link that an event takes, whatever its direction.",
    "hop_east_west": "A link along a row of the mesh; stands before `hop`.",
    "hop_north_south": "A link along a column of the mesh; stands before `hop`.",
    "memory_read_bit": "A bit of synaptic memory that is read, where that is not within the operations.",
    "memory_write_bit": "A bit of synaptic memory that is written, where that is not within the operations.",
    "memory_read_word": "A word of memory that is read: see the table `memory`.",
    "memory_write_word": "A word of memory that is written: see the table `memory`.",
    "memory_access": "A word of a bank that is read or written: see the table `memory`.",
    "external_read_bit": "A bit that is read from memory outside the cores.",
    "external_write_bit": "A bit that is written to memory outside the cores.",
    "external_bit": "A bit that is moved from or to memory outside the cores.",
    "input": "Between two events of a sample that come in.",
    "wake": "To be ready again after sleep.",
    "static": "Leakage and clock, as long as the chip is on.",
    "idle": "With the clock stopped; in place of `static`.",
    "sleep": "Asleep, with synapses kept; in place of `static`.",
}
UNITS = {  # by what the name of a key ends in
    "bits_per_core": "bit", "bits": "bit", "Hz": "Hz", "mm2": "mm²", "s": "s", "W": "W", "J": "J", "V": "V", "nm": "nm",
    "kB": "kB", "K": "K",
}  # fmt: skip
WIDTH = 120
LONG = 24  # letters of a text that is not shown
Texts = dict[str, tuple[str, str]]
Row = tuple[str, ...]


def page() -> str:
    """Return the page in Markdown."""
    tables = {name: spec.table_of(name) for name in spec.names()}
    parts = [HEAD, "## The description", _plain(TOP)]
    for name, kind in spec.SECTIONS.items():
        parts += [f"## `[{name}]`", _first(kind), _keys(kind, _given(tables, name))]
    for name, kinds in spec.NESTED.items():
        parts += [f"## `[{name}]`", _wrapped(PARTS), _keys(Part, _given(tables, name), SHARED)]
        for part, kind in kinds.items():
            own = [entry.name for entry in fields(kind) if entry.name not in SHARED]
            parts += [f"### `[{name}.{part}]`", _first(kind), _keys(kind, _given(tables, name, part), own)]
    parts += ["## Constants", "Each constant is a table of its own, such as `[energy.hop]`, with these keys:"]
    parts.append(_plain(CONSTANT))
    for group, (operations, units) in spec.GROUPS.items():
        own = [*units, *([f"`{CYCLE}` of `structure.clock_Hz`"] if group == "time" else [])]
        parts += [f"### `[{group}.X]`", _wrapped(f"{GROUPS[group]} In {', '.join(own)}.")]
        parts.append(_constants(group, operations, _given(tables, group)))
    return "\n\n".join(parts) + "\n"


def _given(tables: Mapping[str, dict[str, Any]], *path: str) -> dict[str, dict[str, Any]]:
    """Return the table at a path, of each preset that has it."""
    found: dict[str, Any] = dict(tables)
    for key in path:
        found = {name: table[key] for name, table in found.items() if isinstance(table.get(key), dict)}
    return found


def _plain(rows: Mapping[str, tuple[str, str, str]]) -> str:
    cells = [(f"`{key}`", kind, default, text) for key, (kind, default, text) in rows.items()]
    return _markdown(("key", "type", "default", "what it is"), cells)


def _keys(kind: type, given: Mapping[str, dict[str, Any]], names: Collection[str] = ()) -> str:
    """Return the table of a dataclass's fields, of those with these names if there are any."""
    texts = texts_of(kind)
    rows = []
    for entry in (entry for entry in fields(kind) if not names or entry.name in names):
        told, text = texts[entry.name]
        what, unit = _type_and_unit(entry.name, told)
        values = {name: table[entry.name] for name, table in given.items() if entry.name in table}
        presets = _presets({name: _short(value) for name, value in values.items()})
        rows.append((f"`{entry.name}`", what, unit, _default(entry), text, presets))
    return _markdown(("key", "type", "unit", "default", "what it changes", "set by"), rows)


def _constants(group: str, operations: Iterable[str], given: Mapping[str, dict[str, Any]]) -> str:
    """Return the table of a group's operations."""
    rows = []
    for key in operations:
        own = {name: table[key] for name, table in given.items() if key in table}
        text = OPERATIONS.get(key) or next((str(constant["definition"]) for constant in own.values()), "")
        rows.append((f"`{key}`", text, _presets({name: _band(constant) for name, constant in own.items()})))
    return _markdown((group, "of", "set by"), rows)


def texts_of(kind: type) -> Texts:
    """Return type and text of each parameter that the numpydoc texts of a class, and of those above it, describe."""
    found: Texts = {}
    for one in reversed(kind.__mro__):
        _, _, section = (inspect.cleandoc(one.__doc__ or "")).partition("Parameters\n----------\n")
        section = re.split(r"\n\n(?=\S.*\n-+\n)", section)[0]
        for names, told, text in re.findall(r"^(\w[\w, ]*) : (.*)\n((?:^(?: .*)?\n?)*)", section, re.MULTILINE):
            for name in names.split(","):
                found[name.strip()] = told, " ".join(text.split())
    return found


def _first(kind: type) -> str:
    """Return what the text of a class says before its parameters."""
    paragraphs = inspect.cleandoc(kind.__doc__ or "").partition("\n\nParameters\n")[0].split("\n\n")
    return "\n\n".join(map(_wrapped, paragraphs))


def _wrapped(text: str) -> str:
    words = " ".join(text.split())
    return textwrap.fill(words, WIDTH, break_long_words=False, break_on_hyphens=False)


def _type_and_unit(name: str, told: str) -> tuple[str, str]:
    """Return the type of a key, and its unit: what its type says after a comma, or else what its name ends in."""
    parts = [part for part in re.split(r", (?![^({]*[)}])", told) if part != "optional" and "default" not in part]
    ending = next((unit for end, unit in UNITS.items() if name == end or name.endswith(f"_{end}")), "")
    unit = ", ".join(parts[1:]) or ending
    return parts[0].replace("{", "one of ").replace("}", "").replace('"', "`"), unit


def _default(entry: Field[Any]) -> str:
    if entry.default is MISSING:
        return "needed"
    return "none" if entry.default is None else f"`{_text(entry.default)}`"


def _text(value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def _band(constant: Mapping[str, Any]) -> str:
    value, unit = constant["value"], constant["unit"]
    low, high = constant.get("low", value), constant.get("high", value)
    ends = "" if low == high else f" ({_text(low)} to {_text(high)})"
    return f"{_text(value)} {unit}{ends}"


def _short(value: Any) -> str:
    return "a text" if isinstance(value, str) and len(value) > LONG else _text(value)


def _presets(values: Mapping[str, str]) -> str:
    """Return which presets set a key, and to what: those that agree together."""
    names: dict[str, list[str]] = {}
    for name, text in values.items():
        names.setdefault(text, []).append(name)
    if not names:
        return "none of them"
    return "; ".join(f"{text}: {', '.join(own)}" for text, own in names.items())


def _markdown(head: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
