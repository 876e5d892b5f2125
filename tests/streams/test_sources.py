"""The table of sources: each row's reader is there, every list of sources is complete, opening one loads no other."""

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from commands import invoke

from neurosim.streams import KNOWN
from neurosim.streams.fetch import DATASETS
from neurosim.streams.sources import NAMED, SOURCES

ROOT = Path(__file__).parents[2]
ROWS = pytest.mark.parametrize("row", SOURCES, ids=lambda row: row.listed)


def help_of(*command):
    """Return a command's help without spaces: lines are wrapped anywhere."""
    return "".join(invoke(*command, "--help").stdout.split())


def section(title):
    """Return a section of docs/data.md."""
    return (ROOT / "docs" / "data.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


@ROWS
def test_a_reader_takes_the_options_of_its_row(row):
    module, _, name = row.reader.rpartition(".")
    reader = getattr(import_module(f"neurosim.streams.{module}"), name)
    assert inspect.getdoc(reader)
    parameters = inspect.signature(reader).parameters.values()
    taken = [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    assert sorted(taken) == sorted(row.options)


def test_no_two_rows_recognise_the_same_source():
    names = [row.name for row in SOURCES if row.name]
    endings = [ending for row in SOURCES for ending in row.endings]
    assert len(set(names)) == len(names)
    assert len(set(endings)) == len(endings)
    assert all(bool(row.name) != bool(row.endings) for row in SOURCES)
    assert all(sum((bool(row.splits), row.folder, row.address)) == 1 for row in NAMED.values())


@ROWS
def test_errors_and_help_list_every_source(row):
    assert row.listed in KNOWN
    assert "".join(row.listed.split()) in help_of("stream")


def test_the_documentation_has_every_source_and_no_other():
    rows = [line.split("|")[1] for line in section("Sources").splitlines() if line.startswith("| `")]
    documented = {name.removeprefix("FILE") for row in rows for name in re.findall("`([^`]+)`", row)}
    named = {source for row in SOURCES for source in row.sources} | {
        row.listed for row in SOURCES if row.folder or row.address
    }
    endings = {ending for row in SOURCES for ending in row.endings if not ending.endswith(".gz")}
    assert documented == named | {f"-{ending}" if ending[0] != "." else ending for ending in endings}


def test_help_and_documentation_list_every_data_set_that_can_be_fetched():
    for name in DATASETS:
        assert re.search(rf"[:,]{name}[,.]", help_of("data", "get"))
        assert f"`{name}`" in section("Getting them")


@pytest.mark.parametrize("command", ["stream", "bench", "cost", "judge"])
def test_help_says_which_sources_take_a_size_of_images(command):
    takers = [row.listed for row in SOURCES if "image_size" in row.options]
    described = re.search(r"--image-sizeN?(.*?)--", help_of(command))[1]
    assert takers
    assert all(listed in described for listed in takers)


def test_opening_a_source_imports_no_other_reader():
    probe = (
        "import sys, neurosim.streams as streams;"
        "readers = {'neurosim.streams.' + row.reader.rpartition('.')[0] for row in streams.sources.SOURCES};"
        "heavy = readers | {'numba', 'h5py', 'PIL', 'sklearn', 'scipy', 'click'};"
        "print(sorted(heavy & set(sys.modules)));"
        "streams.open_stream('digits');"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    before, after = done.stdout.splitlines()
    assert before == after == "['neurosim.streams.arrays']"
