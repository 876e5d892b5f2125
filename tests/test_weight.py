"""What a process imports: a dense chip neither SciPy nor Bokeh, the writer of snapshots not even Numba."""

import json
import os
import subprocess
import sys

import pytest

VIEWS = {"bokeh", "tornado", "jinja2", "matplotlib", "PIL"}
HEAVY = {"sklearn", "pandas", "torch", "jax", "joblib", "threadpoolctl", "tqdm", "click", "optuna"} | VIEWS
PROBE = """
import sys
{program}
import json
print(json.dumps(sorted(sys.modules)))
"""
DENSE = """
import numpy as np
import neurosim as ns
chip = ns.Chip([ns.recipes.softhebb(8)], inputs=16)
chip.learn(np.ones((3, 16), np.float32))
chip.learn_one(np.ones(16, np.float32))
chip.save({path!r})
ns.Chip.load({path!r}).respond_one(np.ones(16, np.float32))
"""


def imported(program):
    """Return the modules that a program has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(program=program)], capture_output=True, text=True, check=False,
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules):
    return {name.partition(".")[0] for name in modules}


def of_scipy(modules):
    return {name for name in modules if name.partition(".")[0] == "scipy"}


def test_a_dense_chip_imports_nothing_heavy_and_of_scipy_only_what_numba_asks_for_its_version(tmp_path):
    modules = imported(DENSE.format(path=str(tmp_path / "chip.h5")))
    assert not packages(modules) & HEAVY
    assert {"numba", "h5py"} <= packages(modules)
    assert of_scipy(modules) <= of_scipy(imported("import numba"))
    assert not {"scipy.linalg", "scipy.sparse", "scipy.special"} & modules


def test_gradients_import_nothing_heavy():
    modules = imported(
        "import numpy as np, neurosim as ns\n"
        "chip = ns.Chip([ns.recipes.softhebb(8), ns.recipes.delta_readout(3)], inputs=16)\n"
        "ns.bayes.Classifier(chip).gradient(np.ones((2, 16)), np.array([0, 1]))\n"
        "ns.interop.as_torch_module"
    )
    assert not packages(modules) & HEAVY
    assert not {"scipy.linalg", "scipy.sparse", "scipy.special"} & modules


def test_a_stream_of_digits_imports_no_scikit_learn(tmp_path):
    modules = imported(
        "import neurosim as ns\n"
        "report = ns.run(ns.Chip([ns.recipes.softhebb(8)], inputs=64), ns.open_stream('digits'))\n"
        "assert report.samples == 1797"
    )
    assert not packages(modules) & HEAVY
    assert "scipy.linalg" not in modules


def test_the_writer_of_snapshots_imports_no_numba():
    modules = imported("import neurosim.online.snapshot_writer")
    assert not packages(modules) & (HEAVY | {"numba", "llvmlite", "scipy"})
    assert {"h5py", "numpy"} <= packages(modules)


def test_the_process_of_the_scope_s_page_imports_no_numba():
    pytest.importorskip("bokeh")
    modules = packages(imported("import neurosim.views.scope.server"))
    assert not modules & (HEAVY - VIEWS | {"numba", "llvmlite", "scipy", "h5py", "matplotlib"})
    assert {"bokeh", "numpy"} <= modules


@pytest.mark.parametrize("arguments", [["--help"], ["scope", "--help"], ["stream", "--help"]])
def test_help_imports_no_library_of_views(arguments):
    program = f"from neurosim.cli import main\nmain({arguments}, prog_name='neurosim', standalone_mode=False)"
    modules = packages(imported(program))
    assert "click" in modules
    assert not modules & (VIEWS | {"numba", "h5py"})


def test_the_names_of_views_import_none_of_its_libraries():
    assert not packages(imported("import neurosim as ns; dir(ns.views)")) & VIEWS


@pytest.mark.slow
def test_functions_that_need_blas_work_in_the_same_process():
    imported(
        "import numpy as np, numba, neurosim as ns\n"
        "ns.Chip([ns.recipes.softhebb(8)], inputs=16).compile()\n"
        "assert 'scipy.linalg' not in sys.modules\n"
        "both = numba.njit(lambda a, b: (np.dot(a, b), np.convolve(a, b), np.linalg.norm(a)))\n"
        "a = np.arange(3.0)\n"
        "product, convolved, norm = both(a, a)\n"
        "assert product == 5 and convolved.tolist() == [0, 0, 1, 4, 4] and norm == 5**0.5\n"
    )
