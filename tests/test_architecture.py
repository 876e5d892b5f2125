"""The house keeps its rooms: arrows point one way, there is no circle, public names are documented."""

import ast
import configparser
import inspect
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import neurosim as ns

ROOT = Path(__file__).parents[1]
# Each folder of neurosim/ and each of its loose files, lowest first. A file may import from its own folder and from
# those of lower rows, never from its own row or a higher one. A folder within a folder is a room of its own.
FLOORS = [
    {"kernels", "errors", "aligned", "version"},
    {"outside"},
    {"instruments"},
    {"checks", "randomness", "reporting", "state"},
    {"engine", "layers", "streams", "hardware.components"},
    {"engine.dense", "engine.conv", "streams.events", "presets", "recipes", "experiments", "hardware.chips"},
    {"engine.cuda", "engine.fleet", "streams.live"},
    {"chip"},
    {"hots", "readouts", "receptive_fields", "hardware.placement"},
    {"online", "bayes", "interop", "hardware.placement.strategies"},
    {"online.emission", "studies", "latency.timing", "hardware.counting"},
    {"fleet", "studies.bayes", "latency.roofline", "hardware.timeline"},
    {"latency", "hardware"},
    {"sweeps", "views"},
    {"views.explorer", "views.scope"},
    {"cli"},
]
LOOSE = {
    "errors", "aligned", "version", "instruments", "checks", "randomness", "recipes", "receptive_fields",
}  # fmt: skip
# Which folders of neurosim/ import which others: an arrow that is not drawn here needs a reason, and then a line.
ARROWS = {
    "bayes": "chip layers outside readouts streams",
    "chip": "engine layers outside presets reporting state streams",
    "cli": "chip experiments fleet hardware latency layers online outside presets readouts reporting state streams "
    "studies sweeps views",
    "engine": "kernels layers outside reporting state",
    "experiments": "state streams",
    "fleet": "chip engine kernels layers online outside readouts state streams",
    "hardware": "chip engine kernels layers outside reporting streams",
    "hots": "chip engine layers state streams",
    "interop": "chip layers readouts",
    "latency": "chip engine kernels layers online outside reporting state streams",
    "layers": "kernels",
    "online": "chip engine kernels layers readouts reporting state streams",
    "presets": "layers outside",
    "readouts": "chip kernels layers outside state streams",
    "streams": "kernels outside state",
    "studies": "bayes chip engine experiments layers outside presets readouts reporting streams",
    "sweeps": "chip experiments hardware layers outside presets readouts reporting streams",
    "views": "chip engine hardware latency layers online readouts reporting state streams",
}
WITHIN = {  # and which folders of a folder, or of kernels/
    "engine.conv": "engine",
    "engine.cuda": "engine engine.conv engine.dense",
    "engine.dense": "engine",
    "engine.fleet": "engine engine.dense",
    "hardware": "hardware.chips hardware.counting hardware.placement hardware.placement.strategies hardware.timeline",
    "hardware.chips": "hardware.components",
    "hardware.counting": "hardware.chips hardware.placement",
    "hardware.placement": "hardware.chips",
    "hardware.placement.strategies": "hardware.chips hardware.placement",
    "hardware.timeline": "hardware.chips hardware.counting hardware.placement",
    "latency": "latency.roofline latency.timing",
    "latency.roofline": "latency.timing",
    "streams.events": "streams",
    "streams.live": "streams streams.events",
    "online.emission": "online",
    "studies.bayes": "studies",
    "views.scope": "views",
    "kernels": "kernels.shared",  # the loops that lie loose; what shared/ takes from there is `compiled.py` alone
    "kernels.conv": "kernels kernels.shared",
    "kernels.conv.cuda": "kernels.conv kernels.shared",
    "kernels.dense": "kernels kernels.shared",
    "kernels.dense.cuda": "kernels.dense kernels.shared",
    "kernels.events": "kernels kernels.shared",
    "kernels.shared": "kernels",
}
KERNEL_USERS = {
    "engine.dense", "engine.conv", "engine.cuda", "engine.fleet", "layers", "online.emission", "readouts",
    "fleet", "latency.roofline", "hardware.timeline", "streams.events",
}  # fmt: skip
MOST_LOOSE_FILES = 10
LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines


def modules():
    """Give every module of neurosim/ and kernels/ by its name, with its path."""
    for top, package in (("neurosim", "neurosim"), ("kernels", "neurosim.kernels")):
        for path in sorted((ROOT / top).rglob("*.py")):
            names = path.relative_to(ROOT / top).with_suffix("").parts
            yield ".".join([package, *names]).removesuffix(".__init__"), path


MODULES = dict(modules())


@cache
def imports(path):
    """Return every module that a file imports, by its name: also within functions, and for type checks."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [name if name in MODULES else node.module for name in full]
    return names


def folder(name):
    """Return the folder that a module is in, or the module itself if it lies loose in neurosim/."""
    parts = name.split(".")[1:]
    if MODULES[name].name != "__init__.py":
        parts = parts[:-1] or parts
    return ".".join(parts)


def room(name):
    """Return a module's folder; kernels/ is one room."""
    return "kernels" if name.startswith("neurosim.kernels") else folder(name)


def own(path):
    """Give what a file imports of the project."""
    return (name for name in imports(path) if name.partition(".")[0] == "neurosim")


def test_every_room_has_its_floor():
    rooms = {room(name) for name in MODULES} - {"", "__main__"}
    named = [name for floor in FLOORS for name in floor]
    assert len(named) == len(set(named))
    assert rooms == set(named)


def test_few_files_lie_loose():
    loose = {path.stem for path in (ROOT / "neurosim").glob("*.py")}
    assert loose == LOOSE | {"__init__", "__main__"}
    assert len(loose) <= MOST_LOOSE_FILES


def test_arrows_point_one_way():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    for name, path in MODULES.items():
        home = room(name)
        if home in {"", "__main__", "kernels"}:
            continue
        for target in own(path):
            assert target != "neurosim", f"{name} imports the package root: take the name from where it is defined"
            assert room(target) == home or floor[room(target)] < floor[home], f"{name} imports {target}"


def test_arrows_are_those_of_the_plan():
    between, within = defaultdict(set), defaultdict(set)
    for name, path in MODULES.items():
        home = folder(name)
        for target in map(folder, own(path)):
            top, other = home.partition(".")[0], target.partition(".")[0]
            if top == other and home != target:
                within[home].add(target)
            elif top != other and not {top, other} & (LOOSE | {"", "__main__"}):
                between[top].add(other)
    assert between == {name: set(targets.split()) for name, targets in ARROWS.items()}
    assert within == {name: set(targets.split()) for name, targets in WITHIN.items()}


def test_no_file_is_in_a_circle():
    graph = {name: {target for target in own(path) if target != name} for name, path in MODULES.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_kernels_import_math_numpy_numba_and_themselves():
    plain = {"math", "numpy", "numba", "inspect", "typing", "collections", "functools", "hashlib", "pathlib"}
    plain |= {"llvmlite", "operator"}  # the first is Numba's own, for calls by address and vectors
    plain |= {"copy", "importlib", "logging", "os", "pickle", "sys", "time", "types", "warnings"}  # of how code is kept
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


def test_files_are_short():
    sizes = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_functions_are_short():
    sizes = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node, clean=False)
                first = node.body[documented is not None and len(node.body) > 1].lineno
                sizes[f"{name}.{node.name}, line {node.lineno}"] = node.end_lineno - first + 1
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}


def shape(function):
    """Return what a function does, whatever it is called and however it names its arguments and local variables."""
    names = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    body = function.body[ast.get_docstring(function) is not None :]
    nodes = [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)]
    names |= {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    numbers = {}
    for node in nodes:
        if node.id in names:
            node.id = str(numbers.setdefault(node.id, len(numbers)))
    return "\n".join(ast.dump(statement) for statement in body)


ONE_ARGUMENT = {shape(ast.parse("def f(x): return x").body[0])}


def test_no_two_kernel_functions_are_the_same():
    assert shape(ast.parse("def f(x): return x + ONE").body[0]) == shape(ast.parse("def g(y): return y + ONE").body[0])
    assert shape(ast.parse("def f(x): return x + ONE").body[0]) != shape(ast.parse("def f(x): return x + TWO").body[0])
    seen = {}
    for name, path in MODULES.items():
        if name.startswith("neurosim.kernels"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    told = f"{name}.{node.name}"
                    if shape(node) in ONE_ARGUMENT:  # as the competitions by share and by drive
                        continue
                    assert seen.setdefault(shape(node), told) == told, f"{told} is {seen[shape(node)]} once more"


def test_setup_names_every_package():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    named = set(parser["options"]["packages"].split())
    assert named == {name for name, path in MODULES.items() if path.name == "__init__.py"}


def test_setup_names_all_data():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    data = {
        path
        for package, patterns in parser["options.package_data"].items()
        for pattern in patterns.replace(",", " ").split()
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    assert data == {
        path
        for path in (ROOT / "neurosim").rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }


def test_tests_mirror_the_folders_that_they_test():
    tested = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    for home in tested - {Path("."), Path("benchmarks")}:
        assert (ROOT / home).is_dir() or (ROOT / "neurosim" / home).is_dir(), home


@pytest.mark.parametrize("name", [name for name in ns.__all__ if name != "__version__"])
def test_public_names_are_there_and_documented(name):
    assert len(inspect.getdoc(getattr(ns, name))) > 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No neurosim attribute nothing"):
        ns.nothing  # noqa: B018
