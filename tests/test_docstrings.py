"""The examples of docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNFINISHED = {"neurosim.interop.torch_module"}  # needs PyTorch, foolbox, and a chip and readout that exist
QUICK = "neurosim.hardware"


def modules():
    """Give the modules whose docstrings have examples; those of most rooms take some seconds to compile."""
    for path in sorted((ROOT / "neurosim").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name not in UNFINISHED and any(line.lstrip().startswith(">>> ") for line in path.read_text().splitlines()):
            yield pytest.param(name, marks=[] if name.startswith(QUICK) else pytest.mark.slow)


@pytest.mark.parametrize("name", list(modules()))
def test_examples_do_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted > 0
    assert done.failed == 0
