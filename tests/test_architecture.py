"""The house keeps its rooms: arrows point one way, a kernel file stands alone, public names are documented."""

import ast
import inspect
from pathlib import Path

import pytest

import neurosim as ns

ROOT = Path(__file__).parents[1]
KERNELS = sorted((ROOT / "kernels").glob("*.py"))
# Every module of neurosim/ may import those further up.
RANKS = [
    {"errors", "aligned"}, {"checks"}, {"randomness", "metrics", "instruments"}, {"old_formats"},
    {"state_format"},
    {"biases", "competition", "schedules", "transmit", "streams", "store", "fetch"}, {"own"}, {"rules"}, {"limits"},
    {"layers"}, {"conv_layers", "few_bits"}, {"presets", "working"},
    {"codes", "constants", "conv_codes", "conv_room", "conv_state", "first_state", "recipes", "teams"},
    {"shared_arrays"}, {"snapshot_writer"},
    {"conv", "dense"}, {"cuda"}, {"pipeline", "one_by_one"}, {"chip"}, {"snapshots"},
    {"features", "online", "receptive_fields"}, {"latency"}, {"hardware"},
    {"readouts", "neighbours", "feature_cache"},
    {"soft_labels", "trained_readout"}, {"judging", "image_judging"}, {"studies"}, {"sweeps"}, {"cli"},
]  # fmt: skip


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ([f"neurosim.{a.name}" for a in node.names] if node.module == "neurosim" else [node.module])


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_a_kernel_file_imports_math_numpy_numba_alone(path):
    allowed, found = {"math", "numpy", "numba", "typing"}, {name.partition(".")[0] for name in imports(path)}
    if path.stem.endswith("_cuda"):  # never cached on disk, so it may take its cells from the CPU's file
        twin = f"neurosim.kernels.{path.stem.removesuffix('_cuda')}"
        names = {name for name in imports(path) if name.startswith("neurosim")}
        assert names <= {twin, "neurosim.kernels"}
        found -= {"neurosim", "collections", "functools"}
    assert found <= allowed


def test_arrows_point_one_way():
    rank = {name: number for number, names in enumerate(RANKS) for name in names}
    for path in (ROOT / "neurosim").rglob("*.py"):
        home = path.relative_to(ROOT / "neurosim").parts[0].removesuffix(".py")
        if home in {"__init__", "__main__"}:
            continue
        for name in imports(path):
            target = name.split(".")[1] if name.startswith("neurosim.") else None
            if target in {None, home, "kernels", "__version__"}:
                continue
            assert rank[target] < rank[home], f"{path.name} imports {name}"


def test_few_know_the_kernels():
    users = {
        path.stem
        for path in (ROOT / "neurosim").rglob("*.py")
        if any(name.startswith("neurosim.kernels") for name in imports(path))
    }
    assert users == {
        "bandwidth", "codes", "conv", "conv_codes", "conv_room", "conv_state", "dense", "few_bits", "first_state",
        "own", "timeline", "trained_readout",
    }  # fmt: skip


def test_nothing_imports_kernels_as_a_top_level_package():
    # The name belongs to another distribution, whose package ours would overwrite.
    for path in ROOT.rglob("*.py"):
        if ".venv" not in path.parts and "build" not in path.parts:
            assert not any(name.partition(".")[0] == "kernels" for name in imports(path)), path


@pytest.mark.parametrize("name", [name for name in ns.__all__ if name != "__version__"])
def test_public_names_are_there_and_documented(name):
    assert len(inspect.getdoc(getattr(ns, name))) > 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ns.nothing  # noqa: B018
