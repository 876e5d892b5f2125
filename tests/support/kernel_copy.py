"""A copy of the package, whose kernels a test may edit, and processes that import it."""

import json
import os
import shutil
import subprocess
import sys

from neurosim.kernels.compiled import KERNELS

SOURCES = sorted(path for pattern in ("*.py", "*/*.py") for path in KERNELS.glob(pattern) if path.stem != "__init__")
NAMES = [path.relative_to(KERNELS).as_posix() for path in SOURCES]  # of the files that a loop of the CPU can be made of
LISTING = ("layers", "streams")  # folders with modules whose `__all__` is read for the public names
HOW_CODE_IS_KEPT = {"code_cache.py", "numba_without_scipy.py"}  # and those that compiled code is not made of


def copy_package(folder, *, whole=False, copy=shutil.copy2):
    """Copy the kernels, and of neurosim/ what finds them and lists public names, or all; nothing that was compiled."""
    package, unwanted = KERNELS.parent / "neurosim", shutil.ignore_patterns("__pycache__")
    shutil.copytree(KERNELS, folder / "kernels", copy_function=copy, ignore=unwanted)
    if whole:
        shutil.copytree(package, folder / "neurosim", copy_function=copy, ignore=unwanted)
        return folder
    (folder / "neurosim").mkdir()
    for name in ("__init__.py", "__init__.pyi"):
        copy(package / name, folder / "neurosim" / name)
    for name in LISTING:
        shutil.copytree(package / name, folder / "neurosim" / name, copy_function=copy, ignore=unwanted)
    return folder


def start(folder, program, *arguments, **environment):
    """Start a Python that imports the copy, and none of this process's settings of Numba's cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CACHE")}
    kept |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result_of(process):
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def run(folder, program, *arguments, **environment):
    return result_of(start(folder, program, *arguments, **environment))


def edit(path, old, new):
    text = path.read_text()
    assert old in text, f"{path}: {old!r} is no longer there: choose another edit"
    path.write_text(text.replace(old, new))
