"""Figures, and files that cannot be written."""

import logging
import os
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

import neurosim as ns
from neurosim.reporting import figures
from neurosim.reporting.files import check_figure, check_file

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("path", ["x" * 300 + ".png", "é" * 130 + ".png", "/".join(["y" * 200] * 30) + ".png"])
def test_a_name_that_is_too_long_is_refused(tmp_path, path):
    for check in (check_figure, lambda path: check_file("record", path, (".png",))):
        with pytest.raises(ns.ConfigError, match="must be a name of at most 255 bytes"):
            check(tmp_path / path)


def test_a_name_of_the_longest_length_is_allowed(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    check_figure(path)
    figures.save(figures.new_figure(1, 1), path)
    assert path.is_file()


WITHOUT_HOME = """
import os, sys, tempfile
os.environ["HOME"] = "/dev/null"
os.environ.pop("MPLCONFIGDIR", None)
{change}
from neurosim.errors import ConfigError
from neurosim.reporting.files import check_figure
try:
    check_figure("/nowhere/x.png")
except ConfigError as error:
    print(error)
"""
NO_TEMPORARY = """
def fail(*_, **__): raise OSError("No usable temporary directory found")
tempfile.mkdtemp = fail
"""


@pytest.mark.parametrize(("change", "words"), [
    ("", "figure must be a file in a folder that exists"),
    (NO_TEMPORARY, "matplotlib's folder for caches must be one that can be written"),
])  # fmt: skip
def test_matplotlib_says_nothing_of_its_folders(change, words):
    kept = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(ns.__file__))}
    code = WITHOUT_HOME.format(change=change)
    done = subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(words)


@pytest.mark.parametrize("text", ["日本 \U0001f9e0", "$x_{", "n\udcff", "a\nb"])
def test_any_name_can_be_drawn_without_a_warning(tmp_path, text):
    figure = figures.new_figure(2, 2)
    figure.subplots().set_title(figures.as_label(text))
    figures.save(figure, tmp_path / "x.png")
    assert (tmp_path / "x.png").is_file()
    assert logging.getLogger("matplotlib").level != logging.ERROR


@pytest.mark.parametrize("scale", [0.0, 1e-320, 1e300])
def test_numbers_of_any_size_are_drawn_or_refused(tmp_path, scale):
    figure = figures.new_figure(2, 2)
    figure.subplots().plot(np.arange(3), scale * np.arange(3))
    with suppress(ns.ConfigError):
        figures.save(figure, tmp_path / "x.png")
