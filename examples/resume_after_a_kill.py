"""Kill a learning process with SIGKILL again and again; it resumes from its state file and reaches the same bits."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = [
    sys.executable,
    "-m",
    "neurosim",
    "stream",
    "digits",
    "--epochs",
    "30",
    "--snapshot-samples",
    "2000",
    "--json",
]


def finish(state: Path) -> dict:
    """Run from where the state file stands to the end of the stream."""
    done = subprocess.run([*COMMAND, "--state", str(state)], check=True, capture_output=True)
    return json.loads(done.stdout)


with tempfile.TemporaryDirectory() as folder:
    uninterrupted = finish(Path(folder) / "uninterrupted.h5")
    state = Path(folder) / "killed.h5"
    for seconds in (1.2, 1.5, 1.8):
        process = subprocess.Popen([*COMMAND, "--state", str(state)], stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()
        print(f"killed after {seconds} s; state file {'there' if state.exists() else 'not yet there'}")
    resumed = finish(state)
    print(f"resumed with {resumed['samples']} of {resumed['stream_position']} samples left to learn")
    print("uninterrupted", uninterrupted["state_sha256"])
    print("resumed      ", resumed["state_sha256"])
    assert resumed["state_sha256"] == uninterrupted["state_sha256"]
