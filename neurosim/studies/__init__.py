"""Studies: published tables, measured again cell by cell on real data."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.experiments.cells import Study

STUDIES = ("bayes", "deep", "liuson", "radius")


def find(name: str) -> "Study":
    """Return the study with this name, one of `STUDIES`; the other studies are not imported."""
    study: Study = import_module(f"neurosim.studies.{name}").STUDY
    return study
