"""The examples run as they stand, use public names alone, and fit on a page."""

import subprocess
import sys
from pathlib import Path

import pytest

LONG = {"resume_after_a_kill", "on_a_device"}  # one is killed, and the other simulates a device
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.slow] if path.stem in LONG else [], id=path.stem) for path in EXAMPLES],
)
def test_an_example_runs(path, tmp_path):
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert len(path.read_text().splitlines()) < 60


def test_there_are_examples():
    assert {"quickstart", "resume_after_a_kill", "pipe"} <= {path.stem for path in EXAMPLES}
