"""Chips with rules of the user's own are copied, pickled and sent to other processes as others are."""

import copy
import io
import os
import pickle
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
from numba import cloudpickle, njit

import neurosim as ns

X = np.random.default_rng(0).random((20, 4), np.float32)
GAIN = 0.5


@njit
def halved(x):
    return x * GAIN


@ns.rule
def named(response, rate=0.1):
    return 1 - halved(rate * response), rate * response


def plain(response, rate=0.1):
    return 1, halved(rate * response)


decorated_elsewhere = ns.rule(plain)


def local(factor=2.0):
    @ns.rule
    def inner(response, mean, rate):
        return 1, rate * (response - mean) * halved(factor)

    return inner


def executed():
    scope = {"ns": ns, "halved": halved}
    exec("@ns.rule\ndef typed(response, speed=0.1):\n    return 1, halved(speed * response)\n", scope)
    return scope["typed"]


MAKERS = [lambda: named, lambda: decorated_elsewhere, local, executed]
NAMES = ["named", "plain", "local", "executed"]


def chip_of(maker):
    rates = {"rate": ns.LinearRate(0.2, 50)} if "rate" in maker.parameters else {}
    layer = ns.DenseWTA(3, competition=ns.HardWTA(), rule=maker(averaging=0.2, **rates), renormalise=True)
    return ns.Chip([layer], inputs=4).learn(X[:10])


def through_joblib(chip):
    file = io.BytesIO()
    joblib.dump(chip, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize("copied", [
    copy.copy, copy.deepcopy, through_joblib, lambda chip: pickle.loads(pickle.dumps(chip)),
    lambda chip: pickle.loads(pickle.dumps(chip, protocol=2)), lambda chip: pickle.loads(cloudpickle.dumps(chip)),
])  # fmt: skip
def test_a_copy_has_the_same_rule_and_learns_on_by_itself(make, copied):
    chip = chip_of(make())
    chip.learn_one(X[0])  # bound to memory that copies must not share
    before, other = chip.state_sha256, copied(chip)
    rule, theirs = chip.layers[0].constants.rule, other.layers[0].constants.rule
    assert (theirs, theirs.maker.digest, theirs.maker.code_digest) == (rule, rule.maker.digest, rule.maker.code_digest)
    assert (theirs.moment, theirs.total) == (rule.moment, rule.total)
    expected = other.learn(X[10:]).state_sha256
    assert chip.state_sha256 == before != expected
    assert chip.learn(X[10:]).state_sha256 == expected


def test_rules_and_makers_are_pickled_too():
    for make in MAKERS:
        maker = make()
        assert pickle.loads(pickle.dumps(maker)).digest == maker.digest
        rule = chip_of(maker).layers[0].constants.rule
        assert pickle.loads(pickle.dumps(rule)) == rule
        assert hash(pickle.loads(pickle.dumps(rule))) == hash(rule)
    assert pickle.loads(pickle.dumps(named)) is named


OTHER_PROCESS = """
import pickle, sys
import numpy as np, neurosim as ns
for chip in pickle.load(sys.stdin.buffer):
    rule = chip.layers[0].constants.rule
    chip.save(sys.argv[1])
    again = ns.Chip.load(sys.argv[1], rules=[rule.maker])
    assert again.learn(np.ones((1, 4))).state_sha256 == chip.learn(np.ones((1, 4))).state_sha256
    print(rule.digest, chip.state_sha256)
"""


@pytest.mark.slow
def test_another_process_without_the_source_learns_on_with_the_same_rule(tmp_path):
    chips = [chip_of(make()) for make in (local, executed)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    found = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(tmp_path / "own.h5")],
        input=cloudpickle.dumps(chips), capture_output=True, check=True, env=environment, cwd=tmp_path,
    ).stdout.decode().split()  # fmt: skip
    here = [(chip.layers[0].constants.rule.digest, chip.learn(np.ones((1, 4))).state_sha256) for chip in chips]
    assert list(zip(found[::2], found[1::2], strict=True)) == here


def test_a_rule_that_changed_since_it_was_pickled_is_refused(monkeypatch):
    kept = pickle.dumps(named), pickle.dumps(local())
    monkeypatch.setattr(sys.modules[__name__], "named", ns.rule(plain))
    with pytest.raises(ns.ConfigError, match=r"rule plain must be the one that was pickled, 2-.*has changed since"):
        pickle.loads(kept[0])
    monkeypatch.setattr(sys.modules[__name__], "halved", njit(lambda x: x))
    pickle.loads(kept[1])  # has its own


SCRIPT = """
import copy, pickle, sys
import numpy as np, joblib, neurosim as ns
from numba import njit
import mine

FACTOR = 2.0

@njit
def twice(x):
    return x * FACTOR

@ns.rule
def in_main(response, rate=0.1):
    return 1, twice(rate * response)

def learned(chip):
    return chip.layers[0].constants.rule.digest, chip.learn(np.ones((5, 4))).state_sha256

if __name__ == "__main__":
    chips = [ns.Chip([ns.DenseWTA(3, competition=ns.HardWTA(), rule=rule)], inputs=4) for rule in (in_main, mine.r)]
    here = [learned(copy.deepcopy(chip)) for chip in chips]
    assert joblib.Parallel(2)(joblib.delayed(learned)(chip) for chip in chips) == here
    import multiprocessing
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(learned, chips) == here
    pickle.dump((chips, here), open("chips.pkl", "wb"))
"""


@pytest.mark.slow
def test_joblib_and_spawned_processes_take_rules_of_main_and_of_modules(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import neurosim as ns\nimport konst\n@ns.rule\ndef r(response, rate=0.1):\n    return 1, rate * konst.GAIN\n"
    )
    (tmp_path / "konst.py").write_text("GAIN = 1.0\n")
    (tmp_path / "main.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *(path for path in sys.path if path)])}

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    assert python("main.py").stderr == ""
    read = textwrap.dedent("""
        import pickle, numpy as np
        chips, here = pickle.load(open("chips.pkl", "rb"))
        for chip, there in zip(chips, here):
            assert (chip.layers[0].constants.rule.digest, chip.learn(np.ones((5, 4))).state_sha256) == there
    """)
    assert python("-c", read).stderr == ""
    (tmp_path / "konst.py").write_text("GAIN = 1.5\n")
    assert "rule r must be the one that was pickled" in python("-c", read).stderr
