"""No file makes a command crash, hang, fill the memory, or print a traceback: each is read, or refused in one line."""

import shlex

import pytest
from limited_runs import LimitedRuns
from mutants import KINDS, mutant

QUICK, THOROUGH = 10, 800  # files of each kind


@pytest.fixture(scope="module")
def runs():
    with LimitedRuns() as runs:
        yield runs


def check(runs, tmp_path, kind, numbers):
    faults = []
    for number in numbers:
        folder = tmp_path / str(number)
        folder.mkdir()
        words = mutant(kind, number, folder)
        ended = runs.run(*words)
        if fault := ended.fault():
            faults.append(f"{kind} {number}: {fault}: {shlex.join(map(str, words))}: {ended.err[-300:]!r}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_read_or_refused(runs, tmp_path, kind):
    check(runs, tmp_path, kind, range(QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_changed_files_are_read_or_refused(runs, tmp_path, kind):
    check(runs, tmp_path, kind, range(QUICK, QUICK + THOROUGH))


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("pass", None),
        ("import os; os.kill(os.getpid(), 11)", "ended by signal 11"),
        ("1 / 0", "exit code 1"),
        ("raise SystemExit(2)", "0 lines on standard error"),
        ("import sys; sys.stderr.write('a\\nb\\n')", "2 lines on standard error"),
        ("import warnings; warnings.warn('overflow')", "a warning of a library"),
        ("bytes(b'1') * (500 << 20)", "MiB of memory"),
        ("raise SystemExit(3)", "exit code 3, and nothing diverged"),
        ("while True: pass", "ended by signal 9"),
    ],
)
def test_what_is_wrong_is_seen(runs, what, fault):
    ended = runs.run("-c", what, seconds=1 if what.startswith("while") else 20)
    assert (ended.fault() or "").endswith(fault or "")
    assert (ended.fault() is None) == (fault is None)
