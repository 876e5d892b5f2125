"""A copy of the kernels with a tiny loop of several files, which takes no time to compile."""

from kernel_copy import copy_package

PAIR = """
from typing import NamedTuple


class Pair(NamedTuple):
    first: float
    second: float
"""
CELL = """
from numba.extending import register_jitable


@register_jitable
def difference(pair):
    return pair.first - pair.second
"""
LOOP = """
from neurosim.kernels.compiled import compiled
from neurosim.kernels.dense.tiny_cell import difference
from neurosim.kernels.shared.numbers import TWO


@compiled
def tiny(pair):
    return TWO * difference(pair)
"""
RUN = """
import json
from neurosim.kernels.dense.tiny import tiny
from neurosim.kernels.dense.tiny_pair import Pair
value = float(tiny(Pair(first=5.0, second=2.0)))
print(json.dumps([value, sum(tiny.stats.cache_hits.values()) if hasattr(tiny, "stats") else 0]))
"""


def entries(folder):
    """Return the files of compiled code below a folder."""
    return sorted(folder.rglob("*.nb[ic]"))


def with_tiny_loop(folder):
    """Copy the kernels and the tiny loop into a folder, nothing compiled."""
    copy_package(folder)
    for name, text in (("tiny_pair", PAIR), ("tiny_cell", CELL), ("tiny", LOOP)):
        (folder / f"kernels/dense/{name}.py").write_text(text)
    return folder
