"""The house keeps its rooms: arrows point one way, there is no circle, public names are documented."""

import ast
import configparser
import inspect
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import neurosim as ns

ROOT = Path(__file__).parents[1]
# Each folder of neurosim/ and each of its loose files, lowest first. A file may import from its own folder and from
# those of lower rows, never from its own row or a higher one. A folder within a folder is a room of its own.
FLOORS = [
    {"kernels", "errors", "aligned", "version", "instruments"},
    {"checks", "randomness", "reporting", "state"},
    {"engine", "layers", "streams", "hardware.chips"},
    {"engine.dense", "engine.conv", "presets", "recipes", "experiments"},
    {"engine.cuda"},
    {"chip"},
    {"online", "readouts", "receptive_fields", "hardware.placement"},
    {"studies", "latency.timing", "hardware.counting"},
    {"latency.roofline", "hardware.timeline"},
    {"latency", "hardware"},
    {"sweeps"},
    {"cli"},
]
LOOSE = {"errors", "aligned", "version", "instruments", "checks", "randomness", "recipes", "receptive_fields"}
KERNEL_USERS = {
    "engine.dense", "engine.conv", "engine.cuda", "layers", "readouts", "latency.roofline", "hardware.timeline",
}  # fmt: skip
LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines


def modules():
    """Give every module of neurosim/ and kernels/ by its name, with its path."""
    for top, package in (("neurosim", "neurosim"), ("kernels", "neurosim.kernels")):
        for path in sorted((ROOT / top).rglob("*.py")):
            names = path.relative_to(ROOT / top).with_suffix("").parts
            yield ".".join([package, *names]).removesuffix(".__init__"), path


MODULES = dict(modules())


def imports(path):
    """Give every module that a file imports, by its name: also within functions, and for type checks."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def room(name):
    """Return the folder that a module is in, or the module itself if it lies loose in neurosim/."""
    if name.startswith("neurosim.kernels"):
        return "kernels"
    parts = name.split(".")[1:]
    if MODULES[name].name != "__init__.py":
        parts = parts[:-1] or parts
    return ".".join(parts)


def own(path):
    """Give what a file imports of the project."""
    return (name for name in imports(path) if name.partition(".")[0] == "neurosim")


def test_every_room_has_its_floor():
    rooms = {room(name) for name in MODULES} - {"", "__main__"}
    named = [name for floor in FLOORS for name in floor]
    assert len(named) == len(set(named))
    assert rooms == set(named)
    assert {
        name for name in rooms if f"neurosim.{name}" in MODULES and (ROOT / "neurosim" / f"{name}.py").exists()
    } == LOOSE


def test_arrows_point_one_way():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    for name, path in MODULES.items():
        home = room(name)
        if home in {"", "__main__", "kernels"}:
            continue
        for target in own(path):
            assert target != "neurosim", f"{name} imports the package root: take the name from where it is defined"
            assert room(target) == home or floor[room(target)] < floor[home], f"{name} imports {target}"


def test_no_file_is_in_a_circle():
    graph = {name: {target for target in own(path) if target != name} for name, path in MODULES.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_kernels_import_math_numpy_numba_and_themselves():
    plain = {"math", "numpy", "numba", "typing", "collections", "functools", "hashlib", "pathlib"}
    for name, path in MODULES.items():
        if name.startswith("neurosim.kernels"):
            for target in imports(path):
                assert target.startswith("neurosim.kernels") or target.partition(".")[0] in plain, f"{name}: {target}"


def test_few_know_the_kernels():
    users = {
        room(name)
        for name, path in MODULES.items()
        if room(name) != "kernels" and any(target.startswith("neurosim.kernels") for target in own(path))
    }
    assert users == KERNEL_USERS


def test_nothing_imports_kernels_as_a_top_level_package():
    # The name belongs to another distribution, whose package ours would overwrite.
    for path in ROOT.rglob("*.py"):
        if ".venv" not in path.parts and "build" not in path.parts:
            assert not any(name.partition(".")[0] == "kernels" for name in imports(path)), path


def test_files_and_functions_are_short():
    for name, path in MODULES.items():
        lines = path.read_text().splitlines()
        assert len(lines) <= LONGEST_FILE, name
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node, clean=False)
                size = node.end_lineno - node.body[documented is not None and len(node.body) > 1].lineno + 1
                assert size <= LONGEST_FUNCTION, f"{name}.{node.name}: {size} lines"


def test_setup_names_every_package():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    named = set(parser["options"]["packages"].split())
    assert named == {name for name, path in MODULES.items() if path.name == "__init__.py"}


@pytest.mark.parametrize("name", [name for name in ns.__all__ if name != "__version__"])
def test_public_names_are_there_and_documented(name):
    assert len(inspect.getdoc(getattr(ns, name))) > 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No neurosim attribute nothing"):
        ns.nothing  # noqa: B018
