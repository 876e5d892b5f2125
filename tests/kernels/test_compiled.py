"""Compiled code that is kept on disk never outlives an edit of any file it was made of."""

import ast
import json
import os
import shutil

import pytest
from kernel_copy import NAMES, copy_package, edit, result_of, run, start
from numba import config

from neurosim.kernels.compiled import KERNELS, stamp

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


def edit_two(folder):
    edit(folder / "kernels/shared/numbers.py", "np.float32(2), ", "np.float32(7), ")


def entries(folder):
    return sorted(folder.rglob("*.nb[ic]"))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A copy of the kernels with a tiny loop of several files, compiled and kept on disk."""
    folder = copy_package(tmp_path_factory.mktemp("original"))
    for name, text in (("tiny_pair", PAIR), ("tiny_cell", CELL), ("tiny", LOOP)):
        (folder / f"kernels/dense/{name}.py").write_text(text)
    assert run(folder, RUN) == [6, 0]
    assert len(entries(folder)) == 2
    return folder


@pytest.fixture
def package(original, tmp_path):
    """A copy of that, with what was compiled."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path


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


def made_of(name):
    """Return a file and all kernel files that it imports, at first hand or not."""
    reached, waiting = set(), {name}
    while waiting:
        reached |= waiting
        waiting = {other for one in waiting for other in imported(one)} - reached
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


names, reached = sys.argv[1:], {}
for entry in cache_files().values():
    entry.save("signature", "code")
assert all(entry.load("signature") == "code" for entry in cache_files().values())
for name in names:
    path = Path("kernels", name)
    text = path.read_text()
    path.write_text(text + "# edited\\n")
    after = cache_files()
    reached[name] = [key for key, entry in after.items() if entry.load("signature") is None]
    path.write_text(text)
assert all(entry.load("signature") == "code" for entry in cache_files().values())
print(json.dumps([sorted(after), reached]))
"""


@pytest.fixture(scope="module")
def reach(tmp_path_factory):
    """Every function that is kept on disk, and for every file those whose entries an edit of it puts out of date."""
    return run(copy_package(tmp_path_factory.mktemp("edits")), EDITS, *NAMES)


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


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_reaches_all_functions_made_of_the_file_and_none_of_another_folder(reach, name):
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


@pytest.mark.parametrize(("name", "old", "new", "value"), [
    ("shared/numbers.py", "np.float32(2), ", "np.float32(7), ", 21),
    ("dense/tiny_cell.py", "pair.first - pair.second", "pair.first + pair.second", 14),
    ("dense/tiny_pair.py", "first: float\n    second: float", "second: float\n    first: float", 6),
    ("dense/tiny.py", "TWO * ", "", 3),
    ("compiled.py", '{"error_model"', '{"boundscheck": False, "error_model"', 6),
])  # fmt: skip
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


def test_processes_that_compile_at_once_do_not_disturb_one_another(package):
    edit_two(package)
    together = [start(package, RUN) for _ in range(3)]
    assert [result_of(process)[0] for process in together] == [21, 21, 21]
    assert run(package, RUN) == [21, 1]


# What lies broken on disk, or cannot be put there


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


SLOW = [pytest.mark.slow]
DAMAGES = {"empty": lambda content: b"", "garbage": lambda content: b"garbage", "cut": cut, "flipped": flipped}


@pytest.mark.parametrize(("ending", "damage"), [
    pytest.param(ending, damage, marks=[] if (ending, damage) in {(".nbi", "empty"), (".nbc", "cut")} else SLOW)
    for ending in (".nbi", ".nbc") for damage in DAMAGES
])  # fmt: skip
def test_what_is_broken_is_compiled_anew_and_written_over(package, ending, damage):
    (path,) = (entry for entry in entries(package) if entry.suffix == ending)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    process = start(package, RUN)
    assert [result_of(process), run(package, RUN)] == [[6, 0], [6, 1]]


WITHOUT_COMPILING = """
import json, sys
from neurosim.kernels.dense.tiny import tiny
from numba.core import types

cache, key = tiny._cache, ("signature",)
cache._cache_file.save(key, "code")
for path in (cache._cache_file._index_path, cache._cache_file._data_path(cache._cache_file._load_index()[key])):
    whole = open(path, "rb").read()
    found = []
    for content in (b"", b"garbage", whole[: len(whole) // 2], whole[:-1], whole + b"x", b"\\x80\\x05." + whole):
        open(path, "wb").write(content)
        try:
            found.append(cache._cache_file.load(key))
        except (ValueError, OSError) as error:
            found.append(None)
    assert found == [None] * len(found), found
    cache._cache_file.save(key, "code")
    assert cache._cache_file.load(key) == "code"
print(json.dumps("fine"))
"""


def test_whatever_is_changed_in_a_file_it_is_not_loaded_and_written_over(package):
    assert run(package, WITHOUT_COMPILING) == "fine"


FAILING = {
    "a full disk": (
        "def fail(self, path): raise OSError(28, 'No space left on device', path)\n"
        "caching.IndexDataCacheFile._open_for_write = fail\n"
    ),
    "nothing can be written": (
        "import tempfile\n"
        "def fail(*_, **__): raise OSError(30, 'Read-only file system')\n"
        "tempfile.TemporaryFile = caching.IndexDataCacheFile._open_for_write = fail\n"
    ),
    "a locator that finds nothing": (
        "from numba import config\nconfig.CACHE_LOCATOR_CLASSES = 'NoSuchLocator'\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("failing", FAILING)
def test_without_a_disk_code_is_compiled_in_memory_with_one_warning(package, failing):
    if "locator" in failing and not hasattr(config, "CACHE_LOCATOR_CLASSES"):
        pytest.skip("this version of Numba asks nobody where to keep code")
    for path in entries(package):
        path.unlink()
    process = start(package, f"from numba.core import caching\n{FAILING[failing]}{RUN}")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(output) == [6, 0]
    assert errors.count("RuntimeWarning: compiled code cannot be kept") == 1
    assert not entries(package)


def test_code_that_came_with_a_package_that_cannot_be_written_is_used(package):
    assert run(package, f"from numba.core import caching\n{FAILING['nothing can be written']}{RUN}") == [6, 1]


def test_a_user_without_a_home_gets_no_folder_that_is_called_tilde(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("working")
    homeless = (
        "import os, pwd, tempfile\n"
        "os.environ.pop('HOME', None)\nos.environ.pop('XDG_CACHE_HOME', None)\n"
        "os.getuid = lambda: 4242424\n"
        f"os.chdir({str(folder)!r})\n"
        "from numba.core import caching\n"
        "temporary = tempfile.TemporaryFile\n"
        "def beside(*words, dir=None, **named):\n"
        "    if 'kernels' in str(dir): raise OSError(30, 'Read-only file system')\n"
        "    return temporary(*words, dir=dir, **named)\n"
        "tempfile.TemporaryFile = beside\n"
    )
    assert run(package, homeless + RUN) == [6, 1]
    assert not list(folder.iterdir())
