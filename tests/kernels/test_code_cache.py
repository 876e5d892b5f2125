"""Compiled code is found wherever it lies whole, and without a disk everything works all the same."""

import json

import pytest
from kernel_copy import result_of, run, start
from numba import config
from read_only import read_only
from tiny_kernel import RUN, entries

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


# Folders that cannot be written, with and without code


@pytest.fixture
def places(package, tmp_path_factory):
    """The three folders that may have code: that of NUMBA_CACHE_DIR, that beside the source, that of the user."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return {"named": folder / "named", "beside": package / "kernels", "user": folder / "home"}


def filled(package, places, place):
    """Leave code in one of the places alone."""
    named = {"NUMBA_CACHE_DIR": str(places["named"])} if place == "named" else {}
    if place != "beside":
        for path in entries(package):
            path.unlink()
        closed = read_only(places["beside"]) if place == "user" else ""
        assert run(package, closed + RUN, XDG_CACHE_HOME=str(places["user"]), **named) == [6, 0]
    assert [name for name, folder in places.items() if entries(folder)] == [place]


def run_closed(package, places, closed, named=True):
    """Run the loop where some of the places cannot be written; return its result and what it wrote on stderr."""
    settings = {"NUMBA_CACHE_DIR": str(places["named"])} if named else {}
    program = read_only(*(places[place] for place in closed)) + RUN
    process = start(package, program, XDG_CACHE_HOME=str(places["user"]), **settings)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads(output), errors


@pytest.mark.parametrize(("place", "closed", "named"), [
    ("named", ["named", "beside", "user"], True),
    ("beside", ["beside"], True),
    pytest.param("named", ["named"], True, marks=pytest.mark.slow),
    pytest.param("beside", ["beside"], False, marks=pytest.mark.slow),
    pytest.param("beside", ["beside", "named"], True, marks=pytest.mark.slow),
    pytest.param("user", ["beside", "user"], False, marks=pytest.mark.slow),
    pytest.param("user", ["named", "beside", "user"], True, marks=pytest.mark.slow),
])  # fmt: skip
def test_code_is_read_from_wherever_it_lies_and_nothing_is_written(package, places, place, closed, named):
    filled(package, places, place)
    before = {path: path.stat().st_mtime_ns for folder in places.values() for path in folder.rglob("*")}
    assert run_closed(package, places, closed, named) == ([6, 1], "")
    files = {path: path.stat().st_mtime_ns for folder in places.values() for path in folder.rglob("*.nb*")}
    assert files.items() <= before.items()


def test_where_nothing_can_be_written_and_no_code_lies_it_is_compiled_in_memory_with_one_warning(package, places):
    filled(package, places, "beside")
    for path in entries(package):
        path.unlink()
    result, errors = run_closed(package, places, ["named", "beside", "user"])
    assert result == [6, 0]
    assert errors.count("RuntimeWarning: compiled code cannot be kept in " + str(places["named"])) == 1
    assert errors.count("Warning") == 1
    assert not any(entries(folder) for folder in places.values())


def test_where_the_named_folder_cannot_be_written_code_is_kept_beside_the_source(package, places):
    for path in entries(package):
        path.unlink()
    assert run_closed(package, places, ["named"]) == ([6, 0], "")
    assert len(entries(package)) == 2
    assert run_closed(package, places, ["named", "beside", "user"]) == ([6, 1], "")


def test_of_folders_that_can_be_written_the_named_one_is_the_only_one(package, places):
    filled(package, places, "beside")
    assert run_closed(package, places, []) == ([6, 0], "")
    assert len(entries(places["named"])) == 2


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_what_is_broken_in_one_folder_is_read_from_the_next(package, places, ending):
    kept = entries(places["beside"])
    filled(package, places, "beside")
    assert run(package, RUN, NUMBA_CACHE_DIR=str(places["named"])) == [6, 0]
    for path in entries(places["named"]):
        if path.suffix == ending:
            path.write_bytes(flipped(path.read_bytes()))
    assert run_closed(package, places, ["named"]) == ([6, 1], "")
    for path in kept:
        path.unlink()
    assert run_closed(package, places, ["named", "beside", "user"])[0] == [6, 0]
