"""Studies: published tables measured again, cell by cell, on real data."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.experiments.cells import Study

STUDIES = ("deep", "liuson", "radius")


def find(name: str) -> "Study":
    """Return the study of that name, one of `STUDIES`; only its own modules are imported."""
    study: Study = import_module(f"neurosim.studies.{name}").STUDY
    return study
