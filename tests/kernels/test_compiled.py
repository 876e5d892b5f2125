"""Compiled code that is kept on disk never outlives an edit of any file it was made of."""

import ast
import json
import os
import shutil
from functools import cache

import pytest
from kernel_copy import HOW_CODE_IS_KEPT, NAMES, copy_package, edit, result_of, run, start
from numba import config
from thinned import few_of
from tiny_kernel import RUN, entries

from neurosim.kernels.compiled import KERNELS, stamp


def edit_two(folder):
    edit(folder / "kernels/shared/numbers.py", "np.float32(2), ", "np.float32(7), ")


# Which functions an edit of a file reaches


def imported(name):
    """Give the kernel files that a file imports."""
    for node in ast.walk(ast.parse((KERNELS / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("neurosim.kernels"):
            parts = node.module.split(".")[2:]
            for alias in node.names:
                for path in ("/".join([*parts, alias.name]), "/".join(parts)):
                    if f"{path}.py" in NAMES:
                        yield f"{path}.py"
                        break


@cache
def made_of(name):
    """Return a file and all kernel files that it imports, at first hand or not, and that compiled code is made of."""
    reached, waiting = set(), {name}
    while waiting:
        reached |= waiting
        waiting = {other for one in waiting for other in imported(one)} - reached - HOW_CODE_IS_KEPT
    return reached


EDITS = """
import importlib, json, sys
from pathlib import Path
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher


def cache_files():
    for name in [name for name in sys.modules if name.partition(".")[0] == "neurosim"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    found = {}
    for name in names:
        module = importlib.import_module("neurosim.kernels." + name.removesuffix(".py").replace("/", "."))
        for key, value in vars(module).items():
            if isinstance(value, Dispatcher) and isinstance(value._cache, FunctionCache):
                if value.__module__ == module.__name__:
                    found[f"{name} {key}"] = value._cache._cache_file
    return found


(edited, *names), reached = sys.argv[1:], {}
for entry in cache_files().values():
    entry.save("signature", "code")
assert all(entry.load("signature") == "code" for entry in cache_files().values())
for name in json.loads(edited):
    path = Path("kernels", name)
    text = path.read_text()
    path.write_text(text + "# edited\\n")
    after = cache_files()
    reached[name] = [key for key, entry in after.items() if entry.load("signature") is None]
    path.write_text(text)
assert all(entry.load("signature") == "code" for entry in cache_files().values())
print(json.dumps([sorted(after), reached]))
"""


# Every file is edited and all are imported again, a quarter of a second each: by default a few files of each folder.
FEW = [name for n, name in enumerate(NAMES) if n % 8 == 0 or "/" not in name or name.endswith("/stream.py")]


def edits(tmp_path_factory, names):
    """Return every function that is kept on disk, and for each of some files those that an edit of it reaches."""
    functions, reached = run(copy_package(tmp_path_factory.mktemp("edits")), EDITS, json.dumps(names), *NAMES)
    return functions, reached


@pytest.fixture(scope="session")  # workers take turns at modules
def reach(tmp_path_factory):
    """The functions, and what edits of a few files reach."""
    return edits(tmp_path_factory, FEW)


@pytest.fixture(scope="session")
def further_reach(tmp_path_factory):
    """The functions, and what edits of all other files reach."""
    return edits(tmp_path_factory, [name for name in NAMES if name not in FEW])


@pytest.mark.slow
def test_every_function_that_python_calls_is_kept_on_disk(reach):
    decorated = {
        f"{name} {node.name}"
        for name in NAMES
        for node in ast.walk(ast.parse((KERNELS / name).read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator).partition("(")[0] == "compiled" for decorator in node.decorator_list)
    }
    assert set(reach[0]) == decorated
    assert {"dense/stream.py stream", "conv/stream.py stream", "readout.py turn", "timeline.py advance"} <= decorated


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_an_edit_reaches_all_functions_made_of_the_file_and_none_of_another_folder(reach, name):
    check_reach(reach, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in FEW])
def test_so_does_an_edit_of_any_file(further_reach, name):
    check_reach(further_reach, name)


def check_reach(reach, name):
    functions, reached = reach[0], set(reach[1][name])
    assert {function for function in functions if name in made_of(function.split()[0])} <= reached
    if name != "compiled.py" and not name.startswith("shared/"):
        folder = name.rpartition("/")[0]
        near = {function for function in functions if function.split()[0].rpartition("/")[0] == folder}
        assert reached <= (near if folder else {function for function in near if function.split()[0] == name})


def test_a_stamp_is_of_what_the_files_were_when_the_first_kernel_was_imported():
    assert stamp(KERNELS / "dense/stream.py") == stamp(KERNELS / "dense/learning.py")
    assert (
        len({stamp(KERNELS / name) for name in ("dense/stream.py", "conv/stream.py", "readout.py", "machine.py")}) == 4
    )
    assert stamp(KERNELS / "dense/cuda/stream.py") is None


# A loop compiled before an edit, run after it


def test_unchanged_files_are_not_compiled_again(package):
    for path in (package / "kernels").rglob("*.py"):
        os.utime(path, (1e9, 1e9))  # and wherever they lie: this is a copy
    assert run(package, RUN) == [6, 1]


@pytest.mark.parametrize(("name", "old", "new", "value"), few_of([
    ("shared/numbers.py", "np.float32(2), ", "np.float32(7), ", 21),
    ("dense/tiny_cell.py", "pair.first - pair.second", "pair.first + pair.second", 14),
    ("dense/tiny_pair.py", "first: float\n    second: float", "second: float\n    first: float", 6),
    ("dense/tiny.py", "TWO * ", "", 3),
    ("compiled.py", '{"error_model"', '{"boundscheck": False, "error_model"', 6),
], 2))  # fmt: skip
def test_after_an_edit_the_new_code_runs(package, name, old, new, value):
    edit(package / "kernels" / name, old, new)
    assert run(package, RUN) == [value, 0]


@pytest.mark.slow
def test_a_new_version_over_an_old_one_leaves_nothing_of_it(package):
    kept = entries(package)
    edit_two(package)
    for path in (package / "kernels").rglob("*.py"):
        os.utime(path, (1e9, 1e9))  # older than what was compiled, as in a wheel; the size is the same, too
    assert [run(package, RUN), run(package, RUN)] == [[21, 0], [21, 1]]
    assert entries(package) == kept  # overwritten: nothing piles up


@pytest.mark.slow
def test_an_edit_of_a_linked_file_is_seen(package, tmp_path_factory):
    links = copy_package(tmp_path_factory.mktemp("links"))  # as a strict editable install links files, one by one
    shutil.rmtree(links / "kernels")
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package / "kernels", links / "kernels", copy_function=os.symlink, ignore=unwanted)
    assert [run(links, RUN), run(links, RUN)] == [[6, 0], [6, 1]]
    edit_two(package)
    assert run(links, RUN) == [21, 0]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [
    {"NUMBA_CACHE_DIR": "elsewhere"},
    pytest.param({"NUMBA_CACHE_LOCATOR_CLASSES": "always_fresh.Locator"}, marks=pytest.mark.skipif(
        not hasattr(config, "CACHE_LOCATOR_CLASSES"), reason="this version of Numba asks nobody where to keep code",
    )),
], ids=["a folder", "a class"])  # fmt: skip
def test_an_edit_is_seen_whatever_is_said_of_the_cache(package, settings):
    (package / "always_fresh.py").write_text(
        "from numba.core.caching import InTreeCacheLocator\n"
        "class Locator(InTreeCacheLocator):\n"
        "    def get_cache_path(self): return 'elsewhere'\n"
        "    def get_source_stamp(self): return 'always the same'\n"
    )
    assert [run(package, RUN, **settings), run(package, RUN, **settings)] == [[6, 0], [6, 1]]
    assert entries(package / "elsewhere")
    edit_two(package)
    assert run(package, RUN, **settings) == [21, 0]


@pytest.mark.slow
@pytest.mark.parametrize(("modules", "value"), [
    ("neurosim.kernels.compiled", 21),
    ("neurosim.kernels.compiled, neurosim.kernels.shared.numbers", 6),
])  # fmt: skip
def test_an_edit_between_two_imports_is_kept_under_no_stamp(package, modules, value):
    late = (
        f"import pathlib, {modules}\n"
        "path = pathlib.Path('kernels/shared/numbers.py')\n"
        "path.write_text(path.read_text().replace('np.float32(2), ', 'np.float32(7), '))\n"
    )
    assert run(package, late + RUN) == [value, 0]  # a process goes on with what it has imported
    assert run(package, RUN) == [21, 0]


@pytest.mark.slow
@pytest.mark.parametrize("change", [
    "caching.Cache._cache_file = property(lambda self: None, lambda self, value: None)",
    "caching.IndexDataCacheFile._source_stamp = property(fset=lambda self, value: None)",
    "caching.IndexDataCacheFile._data_name_pattern = property(fset=lambda self, value: None)",
])  # fmt: skip
def test_another_numba_compiles_in_every_process(package, change):
    for path in entries(package):
        path.unlink()
    program = f"from numba.core import caching\n{change}\n{RUN}"
    assert run(package, program) == [6, 0]
    edit_two(package)
    assert run(package, program) == [21, 0]
    assert not entries(package)


def test_without_compilation_functions_are_python_s(package):
    edit_two(package)
    kind = "print(json.dumps([value, type(tiny).__name__]))"
    assert run(package, RUN + kind, NUMBA_DISABLE_JIT="1") == [21, "function"]


RACE = """
import json, sys
from neurosim.kernels.dense.tiny import tiny

one = tiny._cache._cache_file
for name in [name for name in sys.modules if name.startswith("neurosim")]:
    del sys.modules[name]
from neurosim.kernels.dense.tiny import tiny

other = tiny._cache._cache_file  # as another process has it
seen = other._load_index()
other._load_index = lambda: seen  # it looked before the first one wrote its index
save_index = one._save_index
one._save_index = lambda index: (save_index(index), other.save(("int",), "code for int"))
one.save(("float",), "code for float")
del other._load_index
print(json.dumps([other.load(("int",)), other.load(("float",))]))
"""


def test_two_processes_that_compile_for_different_types_at_once_do_not_mix_them_up(package):
    assert run(package, RACE) == ["code for int", None]  # the other one's is compiled again, when it is next asked for


KILLED = """
from neurosim.kernels import code_cache
code_cache._CacheFile._save_data = lambda *_: None  # killed when it had written its index, and not yet its code
"""


@pytest.mark.slow
def test_code_from_before_an_edit_is_not_taken_for_what_a_new_index_names(package):
    edit_two(package)
    assert run(package, KILLED + RUN)[0] == 21
    assert run(package, RUN) == [21, 0]
    assert run(package, RUN) == [21, 1]


@pytest.mark.slow
def test_processes_that_compile_at_once_do_not_disturb_one_another(package):
    edit_two(package)
    together = [start(package, RUN) for _ in range(3)]
    assert [result_of(process)[0] for process in together] == [21, 21, 21]
    assert run(package, RUN) == [21, 1]
