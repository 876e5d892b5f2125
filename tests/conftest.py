import ctypes
import gzip
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

# A run in the background ignores Ctrl-C, and so would all processes that tests interrupt: they would wait for ever.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# Workers share the cores, and so do the processes that they start: with threads of its own, each call of BLAS and
# OpenMP waits for those of the others, and a fit takes ten times as long. It is read when NumPy is imported; tests of
# several threads ask for them by threadpoolctl.
for library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


def has_device() -> bool:
    """Whether there is a CUDA driver, and a device for it."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return driver.cuInit(0) == 0


if not has_device():
    os.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")  # Numba reads it when it is imported

# Processes that tests start run this checkout too, not an installed copy, which would be compiled once more.
ROOT = str(Path(__file__).parents[1])
os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])

import neurosim as ns  # noqa: E402

COMPILE = "from neurosim.cli.compiled_parts import PARTS; PARTS[{part!r}].run()"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """Compile all once, before several workers and the processes that tests start need it at the same time."""
    if session.config.getoption("numprocesses", None):  # unset in a worker, and without workers
        commands = [[sys.executable, "-W", "ignore", "-c", COMPILE.format(part=part)] for part in ("dense", "images")]
        compilers = [subprocess.Popen(command) for command in commands]
        assert [compiler.wait() for compiler in compilers] == [0] * len(compilers)


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the real data sets."""
    if "NEUROSIM_DATA" not in os.environ:
        pytest.skip("NEUROSIM_DATA is unset: it names the folder of MNIST and other real data")
    return Path(os.environ["NEUROSIM_DATA"])


@pytest.fixture(scope="session")
def samples() -> np.ndarray:
    """Real handwritten digits, the first 300 of 64 pixels."""
    stream = ns.open_stream("digits")
    return next(stream.blocks(size=300)).samples


@pytest.fixture
def make_chip():
    """Make chips of SoftHebb layers."""

    def make(*neurons, inputs=64, seed=0, **constants):
        return ns.Chip([ns.recipes.softhebb(n, **constants) for n in neurons], inputs=inputs, seed=seed)

    return make


@pytest.fixture
def whole_grid(request):
    """Run the test's kernels over whole grids; options of `whole_grid.whole_grid` by indirect parameters."""
    from whole_grid import whole_grid

    with whole_grid(**getattr(request, "param", {})):
        yield


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory):
    """A small MNIST of noise with a bright patch for each class: enough work for a cell to be killed at."""
    folder = tmp_path_factory.mktemp("data") / "mnist"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 3200), ("t10k", 500)):
        labels = rng.integers(0, 10, count, np.uint8)
        images = rng.integers(0, 100, (count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 6, 5:20] += 120
        for name, array in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", labels)):
            content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
            (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(content, 1))
    return folder.parent


@pytest.fixture(scope="session")
def browsing(tmp_path_factory):
    """One browser for all tests of a process."""
    import browser

    with browser.started(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def browser(browsing):
    """A browser that knows no address beyond this machine (tests/support/browser.py); skipped where there is none."""
    browsing.size(1000)
    browsing.scheme("light")
    yield browsing
    browsing.driver.get("about:blank")  # a page that goes on asking would do so into the next test
