"""The page of all keys of a description: it is up to date, says something of each key, and what presets set."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from neurosim.cli import main
from neurosim.hardware.chips import key_table, spec

PAGE = Path(__file__).parents[3] / "docs" / "hardware-keys.md"


def rows_of(page, heading):
    """Return the cells of the table below a heading, by key."""
    lines = page.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]
    return {cells[0].strip("`"): cells for cells in table[2:]}


def test_the_page_is_what_the_command_prints():
    done = CliRunner().invoke(main, ["cost", "--keys"])
    assert done.exit_code == 0
    assert PAGE.read_text() == done.stdout, "neurosim cost --keys > docs/hardware-keys.md"


@pytest.mark.parametrize("name", spec.SECTIONS)
def test_every_key_of_a_section_is_told(name):
    rows = rows_of(key_table.page(), f"## `[{name}]`")
    assert list(rows) == [entry.name for entry in fields(spec.SECTIONS[name])]
    assert [key for key, cells in rows.items() if len(cells) != 6 or not cells[1] or not cells[4]] == []


def test_every_key_of_a_part_is_told_once():
    page = key_table.page()
    shared = rows_of(page, "## `[components]`")
    assert list(shared) == ["node_nm", "voltage_V", "transistors"]
    assert shared["node_nm"][5] == "28: cmos28-int8"
    for part, kind in spec.NESTED["components"].items():
        rows = rows_of(page, f"### `[components.{part}]`")
        assert sorted([*shared, *rows]) == sorted(entry.name for entry in fields(kind))


@pytest.mark.parametrize("group", spec.GROUPS)
def test_every_constant_is_told(group):
    rows = rows_of(key_table.page(), f"### `[{group}.X]`")
    assert list(rows) == list(spec.GROUPS[group][0])
    assert [key for key, cells in rows.items() if len(cells) != 3 or not cells[1]] == []


def test_what_presets_set_is_what_they_say():
    rows = rows_of(key_table.page(), "## `[structure]`")
    shown = {
        preset: value
        for entry in rows["weight_bits"][5].split("; ") for value, presets in [entry.split(": ")]
        for preset in presets.split(", ")
    }  # fmt: skip
    assert shown == {name: str(spec.load(name).structure.weight_bits) for name in spec.names()}
    assert rows["weight_bits"][1:4] == ["int", "bit", "needed"]
    assert rows["lanes"][3] == "`1`"
    power = rows_of(key_table.page(), "### `[power.X]`")["static"][2]
    assert "160.8 uW (27.3 to 160.8): odin" in power


@dataclass(frozen=True)
class Above:
    """What is above.

    Parameters
    ----------
    node_nm : float
        Size of
        the node.
    """

    node_nm: float


@dataclass(frozen=True)
class Below(Above):
    """What is below.

    It says more.

    Parameters
    ----------
    wait, pace : float, ms, optional
        A time.
    kind : {"a", "b"}
        Which.

    Raises
    ------
    ConfigError
        never : in a test
    """

    wait: float | None = None
    pace: float = 1e6
    kind: str = "a"


def test_texts_of_numpydoc_are_read():
    told = key_table.texts_of(Below)
    assert told == {
        "node_nm": ("float", "Size of the node."), "wait": ("float, ms, optional", "A time."),
        "pace": ("float, ms, optional", "A time."), "kind": ('{"a", "b"}', "Which."),
    }  # fmt: skip
    assert key_table._keys(Below, {"one": {"kind": "b"}, "two": {"kind": "b", "pace": 2.5}}).splitlines()[2:] == [
        "| `node_nm` | float | nm | needed | Size of the node. | none of them |",
        "| `wait` | float | ms | none | A time. | none of them |",
        "| `pace` | float | ms | `1,000,000` | A time. | 2.5: two |",
        "| `kind` | one of `a`, `b` |  | `a` | Which. | b: one, two |",
    ]
    assert key_table._first(Below) == "What is below.\n\nIt says more."
