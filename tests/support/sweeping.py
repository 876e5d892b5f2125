"""A small measure of a sweep's points, which takes no data and as long as it is told; a script that sweeps it."""

import os
import signal
import sys
import time
from pathlib import Path

from neurosim.experiments.cells import Folder
from neurosim.sweeps import executors, study, table
from neurosim.sweeps.run import Engine
from neurosim.sweeps.study import known_key
from neurosim.sweeps.tasks import Measure

KNOWN = {"made": ("x", "y", "wait", "log", "kill"), "sold": ("price", "fail")}


HELD = 10  # points of a greater x wait for a file, where `wait` names one


def complete(sections):
    for name, given in sections.items():
        for key in given:
            known_key(key, KNOWN[name], f"{name}.{key}")
    made = {"x": 1.0, "y": 0, "wait": 0.0, "log": None, "kill": None} | sections["made"]
    return {"made": made, "sold": {"price": 1.0, "fail": False} | sections["sold"]}


def check(settings, root):
    pass


def admit(settings, data):
    if settings["sold"]["price"] < 0:
        raise ValueError("sold for less than nothing")


def learn(settings, data):
    """Note that it was done, and die or fail where asked to."""
    made = settings["made"]
    if made["log"]:
        with open(made["log"], "a") as log:
            log.write(f"{made['x']} {os.getpid()}\n")
    if made["kill"] and not Path(made["kill"]).exists():
        Path(made["kill"]).write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(made["wait"], str):
        while made["x"] > HELD and not Path(made["wait"]).exists():
            time.sleep(0.01)
    else:
        time.sleep(made["wait"])
    if made["x"] == "bad":
        raise RuntimeError("two\nlines")
    if made["x"] == "dead":
        os.kill(os.getpid(), signal.SIGKILL)
    return made["x"] + made["y"]


def price(learned, settings):
    if settings["sold"]["fail"]:
        raise ValueError("no price")
    cost = learned * settings["sold"]["price"]
    threads = [os.environ.get(f"{name}_NUM_THREADS") for name in ("OMP", "NUMBA")]
    return {"worth": learned, "cost": cost, "nothing": float("nan"), "threads": ",".join(map(str, threads))}


MEASURE = Measure(
    version=7,
    sections=("made", "sold"),
    learning=1,
    checked=("made",),
    measures=("worth", "cost", "nothing"),
    complete=complete,
    check=check,
    admit=admit,
    learn=learn,
    price=price,
)


def sweep_of(search=None, vary=None, **sections):
    given = {"name": "small", "search": search or {"method": "grid"}, "vary": vary or {},
             "objectives": {"worth": "max", "cost": "min"}} | sections  # fmt: skip
    return study.of(given, MEASURE.sections, MEASURE.measures)


def engine_of(sweep, out, only=""):
    return Engine(sweep, MEASURE, ".", Folder(out), only)


def run(sweep, out, executor=None, watch=None):
    """Sweep; return the rows by key, without what two runs do not have in common."""
    engine = engine_of(sweep, out)
    executor = executor or executors.Local(2)
    try:
        engine.run(executor, watch)
    finally:
        executor.close()
    return plain(engine.rows())


def plain(rows):
    return [{name: value for name, value in table.entries(row).items() if name != "seconds"} for row in rows]


if __name__ == "__main__":
    path, out = sys.argv[1:]
    run(study.read(path, MEASURE.sections, MEASURE.measures), Path(out))
