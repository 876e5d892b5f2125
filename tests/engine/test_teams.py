"""Threads that carry an image together: same bits, same errors, no thread left waiting, BLAS as it was before."""

import contextlib
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from team_chips import CHIPS, SHAPE, chip, conv_layer, images
from threadpoolctl import threadpool_limits

import neurosim as ns
from neurosim.engine import teams
from neurosim.engine.conv import executor
from neurosim.engine.executor import Call
from neurosim.engine.samples import Samples
from neurosim.kernels.conv import layout


@pytest.fixture(autouse=True)
def every_block_is_worth_a_team(monkeypatch):
    monkeypatch.setattr(executor, "WORTH_A_TEAM", 0)


@pytest.mark.parametrize("name", CHIPS)
def test_bits_do_not_depend_on_the_number_of_threads(name):
    hashes = set()
    for threads in (1, 2, 3, 5):
        with threadpool_limits(threads, user_api="blas"):
            learned = chip(name).learn(images(), chunk=5)
            sent = learned.respond(images(4, seed=1)).output
            outputs = np.concatenate([block for block, _ in learned.output_blocks(images(4, seed=1), chunk=3)])
        np.testing.assert_array_equal(sent.reshape(outputs.shape), outputs)
        hashes.add((learned.state_sha256, sent.tobytes()))
    assert len(hashes) == 1


@pytest.mark.slow
def test_no_race_shows_in_many_repetitions():
    X = images(40)
    with threadpool_limits(3, user_api="blas"):
        assert len({chip(name).learn(X).state_sha256 for name in ("windows",) for _ in range(20)}) == 1
        assert len({chip(name).learn(X).state_sha256 for name in ("events",) for _ in range(20)}) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_a_bad_image_ends_a_team_where_it_ends_one_thread(threads):
    X = images()
    X[7, 1, 2, 3] = np.nan
    with threadpool_limits(threads, user_api="blas"):
        learned = chip("events")
        with pytest.raises(ns.SampleError, match="sample 7, input 157"):
            learned.learn(X)
        assert learned.state_sha256 == chip("events").learn(X[:7]).state_sha256


@pytest.mark.filterwarnings("ignore::neurosim.StabilityWarning")
@pytest.mark.parametrize("threads", [2, 3])
def test_a_neuron_that_diverges_is_the_same_for_a_team(threads):
    assert _diverged(threads).args == _diverged(1).args


def _diverged(threads):
    layer = conv_layer(40, rule=ns.Hebb(rate=1e38), normalise="none")
    with threadpool_limits(threads, user_api="blas"), pytest.raises(ns.DivergedError) as caught:
        ns.Chip([layer], inputs=SHAPE).learn(1e3 * images())
    return caught.value


def blas_threads():
    """Return how many threads the kernels' BLAS has."""
    return {library.num_threads for library in teams._libraries()}


def test_blas_has_its_threads_back():
    with threadpool_limits(3, user_api="blas"):
        with teams.BLAS.quiet() as threads:
            assert threads == 3
            assert blas_threads() == {1}
            with teams.BLAS.quiet() as inner:
                assert inner == 3
        assert blas_threads() == {3}
        chip("events").learn(images())
        assert blas_threads() == {3}


def test_chips_in_several_threads_at_once():
    X, found = images(30), []
    expected = chip("events").learn(X).state_sha256
    with threadpool_limits(2, user_api="blas"):
        learn = lambda: found.append(chip("events").learn(X).state_sha256)  # noqa: E731
        at_once = [threading.Thread(target=learn) for _ in range(4)]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()
        assert blas_threads() == {2}
    assert found == [expected] * 4


def test_an_interrupt_before_the_first_thread_begins_leaves_nobody_waiting_and_nothing_learned():
    learned = chip("events").learn(images(5))
    layer, before = learned.layers[0], learned.state_sha256
    conv = layer.executor
    call = Call(Samples(images(3).reshape(3, -1)), True, conv.workspace(), conv.results(3, 1, True))
    calls, loop = conv._arguments(call, 3), conv._loop

    def interrupted(*arguments):
        if arguments[-2].number == 0:
            raise KeyboardInterrupt
        return loop(*arguments)

    def absent():
        calls[0][-2].signals[0, layout.ABSENT] = 1

    with teams.CREW.team(3), pytest.raises(KeyboardInterrupt):
        teams.CREW.run(interrupted, calls, absent)
    assert learned.state_sha256 == before


def test_a_copy_has_threads_of_its_own():
    X = images()
    with threadpool_limits(2, user_api="blas"):
        learned = chip("events").learn(X)
        expected = copy.deepcopy(learned).learn(X).state_sha256
        assert pickle.loads(pickle.dumps(learned)).learn(X).state_sha256 == expected
        assert learned.learn(X).state_sha256 == expected


def _learn_on(learned, X, found):
    with threadpool_limits(2, user_api="blas"):
        found.put(learned.learn(X).state_sha256)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork")  # of others' threads, such as JAX's where a test has loaded it
def test_a_forked_process_makes_threads_anew():
    X = images()
    with threadpool_limits(2, user_api="blas"):
        learned = chip("events").learn(X)
        forks = multiprocessing.get_context("fork")
        found = forks.Queue()
        child = forks.Process(target=_learn_on, args=(learned, X, found))
        child.start()
        theirs = found.get(timeout=60)
        child.join(60)
        assert theirs == learned.learn(X).state_sha256


ALONE = """
import threading
import numpy as np, neurosim as ns
from neurosim.engine import teams
from neurosim.engine.conv import executor as conv
conv.WORTH_A_TEAM = 0
soft = ns.SoftWTA(temperature=0.5, signed=True)
layers = [ns.ConvWTA(200, kernel=3, rule=ns.SoftHebb(rate=0.1), competition=soft)] * 2
X = np.random.default_rng(0).normal(size=(30, 3, 12, 11)).astype(np.float32)
seen = []
loop = conv.ConvExecutor._loop
conv.ConvExecutor._loop = property(lambda layer: lambda *call: (
    seen.append((call[-2].size, *(library.num_threads for library in teams._libraries()))), loop.func(layer)(*call))[1])
def learn(**options):
    return ns.Chip(layers, inputs=(3, 12, 11)).learn(X, **options).state_sha256
def threads():
    return [library.num_threads for library in teams._libraries()]
before = threads()
hashes = [learn(threads=3, chunk=4)]
assert threads() == before, threads()
hashes.append(learn())
other = threading.Thread(target=lambda: hashes.append(learn()))
other.start(); other.join()
assert threads() == before, threads()
assert len(hashes) == 3 and len(set(hashes)) == 1
assert {blas for _, *libraries in seen for blas in libraries} == {1}, "BLAS was not quiet"
assert {size for size, *_ in seen} >= {2} if before == [2] else True
"""


@pytest.mark.slow
@pytest.mark.parametrize("core", [None, "Haswell"])
def test_in_a_process_of_its_own_blas_is_quiet_in_any_thread_and_has_its_threads_back(core):
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"} | ({"OPENBLAS_CORETYPE": core} if core else {})
    subprocess.run([sys.executable, "-c", ALONE], env=environment, check=True, timeout=300)


CORES = ("Haswell", "Zen", "Sandybridge")
BITS = """
import sys
import numpy as np, neurosim as ns
from neurosim.engine.conv import executor as conv
from threadpoolctl import threadpool_limits
conv.WORTH_A_TEAM = 0
sys.path.insert(0, sys.argv[1])
from team_chips import CHIPS, chip, images
for name in CHIPS:
    found = set()
    for threads in (1, 2, 3, 5):
        with threadpool_limits(threads, user_api="blas"):
            found.add(chip(name).learn(images(), chunk=5).state_sha256)
    assert len(found) == 1, name
"""


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_bits_do_not_depend_on_threads_with_kernels_of_other_machines(core):
    # OpenBLAS has kernels for each kind of machine, and some sum the edge of a block in another order than its middle.
    environment = os.environ | {"OPENBLAS_CORETYPE": core}
    here = str(Path(__file__).parents[1] / "support")
    subprocess.run([sys.executable, "-c", BITS, here], env=environment, check=True, timeout=300)


def test_an_array_that_changes_meanwhile_does_not_leave_a_team_waiting():
    X, stop = images(400), threading.Event()

    def disturb():
        while not stop.is_set():
            X[::3, 1, 2, 3] = np.nan
            X[::3, 1, 2, 3] = 0.5

    other = threading.Thread(target=disturb)
    other.start()
    try:
        with threadpool_limits(3, user_api="blas"):
            for _ in range(5):
                with contextlib.suppress(ns.NeurosimError):
                    chip("events").learn(X, chunk=100)
    finally:
        stop.set()
        other.join()


def test_one_chip_responds_in_several_threads():
    learned, X, found = chip("events").learn(images()), images(20), []
    expected = learned.respond(X).output
    respond = lambda: found.append(np.array_equal(learned.respond(X, chunk=1).output, expected))  # noqa: E731
    with threadpool_limits(3, user_api="blas"):
        at_once = [threading.Thread(target=respond) for _ in range(4)]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()
    assert found == [True] * 4


def test_what_an_interrupt_leaves_is_put_right_by_the_next_call():
    with threadpool_limits(3, user_api="blas"):
        teams.BLAS.quiet().__enter__()  # an interrupt before the block was left
        teams.CREW._busy.acquire()
        with teams.BLAS.quiet() as threads, teams.CREW.team(3) as size:
            assert (threads, size) == (3, 3)
        assert blas_threads() == {3}
        teams.CREW._busy.release()
