"""Sources opened by another process, with a limit of memory: what needs too much, crashes or waits is seen as such."""

import json
import os
import resource
import subprocess
import sys

MEMORY = 1 << 30  # bytes of addresses, of which a third are code and libraries
OPENING = """
import json, sys, warnings
import neurosim as ns
root, sources, options = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
for source in sources:
    folder, source = source if isinstance(source, list) else (".", source)
    try:
        stream = ns.open_stream(source, root=f"{root}/{folder}", **options)
        block = next(stream.blocks(0, 4))
        stream.identity()
        print(json.dumps(["read", stream.length, block.samples[:, :4].tolist()]), flush=True)
    except ns.NeurosimError as error:
        print(json.dumps([type(error).__name__, str(error)]), flush=True)
"""


def opened(root, sources, memory=MEMORY, **options):
    """Return what came of opening and reading each source: ["read", length, samples], or [error, message].

    A source is its name, or a folder of the root and its name. A traceback, a signal, a word on standard error or a
    wait without end fail the test.
    """

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", OPENING, str(root), json.dumps(sources), json.dumps(options)],
        capture_output=True, text=True, timeout=60, preexec_fn=limit,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(sources)
    return dict(zip(sources, results, strict=True))
