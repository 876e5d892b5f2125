"""Commands of `neurosim` run one after another, each in a fork of one warm process, with limits of memory and of time.

A fork costs some hundredths of a second, a new process and its imports two. The limits end a command that would hang
or fill the memory; they are far above what any of the commands needs, on a busy machine too.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_MEMORY = 400 << 20  # bytes beyond those of the warm process, resident
MOST_ADDRESSES = 4 << 30  # bytes beyond those of the warm process, mapped or not: protects the machine
MOST_SECONDS, PATIENCE = 20, 120  # of the processor; by the clock, for what waits
COMPILED = ["events", "encoders"]
WARM = ["stream", "digits:test", "--neurons", "3", "--json"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int  # negative: a signal
    out: str
    err: str
    memory: int  # bytes beyond those of the warm process

    def fault(self) -> str | None:
        """Return what is wrong with a command that was given a bad file, or None."""
        if self.code < 0:
            return f"ended by signal {-self.code}"
        if "Traceback" in self.err or "Traceback" in self.out or self.code not in (0, 2, 3):
            return f"exit code {self.code}"
        if self.code == 3 and "must stay" not in self.err:
            return "exit code 3, and nothing diverged"
        lines = [line for line in self.err.splitlines() if not line.startswith("Note: ")]
        before, warning, after = self.err.partition("Warning: ")
        if warning and (":" in before or " encountered in " in after):
            return "a warning of a library"
        if len(lines) > 1 or (self.code and not lines):
            return f"{len(lines)} lines on standard error"
        if self.memory > MOST_MEMORY:
            return f"{self.memory >> 20} MiB of memory"
        return None


class LimitedRuns:
    """The warm process; a context."""

    def __enter__(self) -> "LimitedRuns":
        folder = Path(__file__).parent
        paths = [str(folder), str(folder.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
        # What is compiled takes seconds and says so, which no command is to do: in a new environment it is done first.
        compiling = [sys.executable, "-m", "neurosim", "warm", *COMPILED]
        subprocess.run(compiling, env=environment, check=True, capture_output=True, timeout=600)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import limited_runs; limited_runs.serve()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "warm\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, *words: object, stdin: str | Path = os.devnull, seconds: int = MOST_SECONDS) -> Ended:
        """Run a command; with "-c" and a text in place of a command, run that text as Python."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([[str(word) for word in words], str(stdin), seconds]) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def serve() -> None:
    """Run the commands that standard input brings, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from neurosim.cli import COMMANDS, main

    for name in COMMANDS:
        main.get_command(None, name)  # type: ignore[arg-type]
    import neurosim.streams.events  # noqa: F401 - warm, as the commands are

    main(WARM, standalone_mode=False)
    idle = int(_forked(["-c", "pass"], os.devnull, MOST_SECONDS, 0)["memory"])
    print("warm", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_forked(*json.loads(line), idle)), file=answers, flush=True)


def _forked(words: list[str], stdin: str, seconds: int, idle: int) -> dict[str, Any]:
    """Run a command in a fork of this process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        child = os.fork()
        if child == 0:
            _run(words, (os.open(stdin, os.O_RDONLY), out.fileno(), err.fileno()), mapped, seconds)
        until = time.monotonic() + PATIENCE
        while (ended := os.wait4(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > until:
                os.kill(child, 9)
            time.sleep(0.002)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read(1 << 20).decode(errors="backslashreplace"))
        memory = (ended[2].ru_maxrss << 10) - idle
        return {"code": os.waitstatus_to_exitcode(ended[1]), "out": texts[0], "err": texts[1], "memory": memory}


def _run(words: list[str], files: tuple[int, ...], mapped: int, seconds: int) -> None:
    """Be the command."""
    code = 0
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        limits = {"AS": mapped + MOST_ADDRESSES, "CPU": seconds, "CORE": 0}
        for name, limit in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
        from neurosim.cli import main

        if words[0] == "-c":
            exec(words[1], {})
        else:
            main(words, prog_name="neurosim")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        code = 1
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
