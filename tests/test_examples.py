"""The examples run as they stand, use public names alone, and fit on a page."""

import subprocess
import sys
from pathlib import Path

import pytest

QUICK = {"quickstart", "filter", "fleet"}  # the others run with the slow tests: each is a process of some seconds
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem in QUICK else [pytest.mark.slow], id=path.stem) for path in EXAMPLES],
)
def test_an_example_runs(path, tmp_path):
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert len(path.read_text().splitlines()) < 60


def test_there_are_examples():
    assert {"resume_after_a_kill", "pipe", *QUICK} <= {path.stem for path in EXAMPLES}
