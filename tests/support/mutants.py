"""Files as they should not be: well-formed ones, changed at random by what knows their structure.

`KINDS` maps the name of a kind to a function of (random generator, empty folder) that writes a file and returns the
command to be given to `neurosim`. The same seed gives the same file: `mutant(kind, number, folder)`.
"""

import random
from collections.abc import Callable
from pathlib import Path

import mutants_of_archives
import mutants_of_arrays
import mutants_of_events
import mutants_of_hdf5
import mutants_of_images
import mutants_of_text

Words = list[object]
KINDS: dict[str, Callable[[random.Random, Path], Words]] = {
    **mutants_of_text.KINDS,
    **mutants_of_arrays.KINDS,
    **mutants_of_archives.KINDS,
    **mutants_of_images.KINDS,
    **mutants_of_hdf5.KINDS,
    **mutants_of_events.KINDS,
}


def mutant(kind: str, number: int, folder: Path) -> Words:
    """Write the file of a kind and number into the folder; return the command that is to read it."""
    return KINDS[kind](random.Random(f"{kind} {number}"), folder)
