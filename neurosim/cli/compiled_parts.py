"""The parts of the package that are compiled: `neurosim warm` has each compiled by a process of its own."""

import logging
import os
import signal
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neurosim.chip.chip import Chip
    from neurosim.layers.dense import DenseWTA

WIDE = 1 << 20  # synapses of a layer that threads share
INPUTS, NEURONS, SAMPLES = 16, 10, 3  # of whatever is run to be compiled
PRESETS = (  # with all kinds of layers
    "softhebb-cifar10-1layer",
    "softhebb-cifar10-1layer-published",
    "softhebb-mnist-3layer",
)
EVENT_FILES = (  # the ending and the content of one for each format that has a loop
    (".dat", b"% Version 2\n\x0c\x08" + bytes(8)),
    (".raw", b"% evt 2.0\n" + bytes(4)),
    (".raw", b"% evt 3.0\n" + bytes(2)),
    (".es", b"Event Stream\x02\0\0\x01\x01\0\x01\0" + bytes(5)),
)


class Compiled(NamedTuple):
    """What was compiled of a part, and the seconds that it took; nothing, where it lay compiled already."""

    part: str
    seconds: float
    functions: list[str]


class Part(NamedTuple):
    """What is compiled together: how to make it be compiled, and what it is for."""

    run: Callable[[], None]
    purpose: str


def _run(layer: "DenseWTA") -> None:
    """Respond to samples and learn from them, one at a time and in a chunk."""
    from neurosim.chip.chip import Chip

    chip, samples = Chip([layer], inputs=INPUTS), _samples(INPUTS)
    chip.learn_one(samples[0], 0)
    chip.respond_one(samples[0])
    chip.learn(samples, labels=range(SAMPLES))
    chip.respond(samples)


def _dense() -> None:
    """Learn by every recipe, with the options that have stages of their own, counted, by two threads, with moments."""
    from neurosim.chip.chip import Chip
    from neurosim.fleet.fleet import Fleet
    from neurosim.hardware.counting.count import count
    from neurosim.layers.biases import Conscience, MeanActivity
    from neurosim.layers.competition import NoInhibition
    from neurosim.layers.dense import DenseWTA
    from neurosim.layers.devices import Crossbar
    from neurosim.layers.rules import OjaSubspace, Sanger
    from neurosim.recipes import NAMES, named

    for name in NAMES:
        _run(named(name, NEURONS))
    for constants in (
        {"weight_bits": 8}, {"window": 2}, {"bias": Conscience()}, {"bias": MeanActivity()}, {"leak": 0.1},
        {"eligibility": 0.5}, {"renormalise": True}, {"lebesgue": 3.0}, {"step": "largest"},
        {"initial": "samples"}, {"devices": Crossbar.pcm()},
    ):  # fmt: skip
        _run(named("softhebb", NEURONS, **constants))
    for rule in (Sanger(rate=1e-5), OjaSubspace(rate=1e-5)):
        _run(
            DenseWTA(NEURONS, rule=rule, competition=NoInhibition(), initial="normal", radius=0.5, cutoff=0.0, cap=1.0)
        )
    Chip([named("softhebb", NEURONS)], inputs=INPUTS).learn_one(_samples(INPUTS)[0], modulator=[(1.0,) * NEURONS])
    fleet = Fleet([named("softhebb", NEURONS)], inputs=INPUTS)
    fleet.learn(range(SAMPLES), _samples(INPUTS))
    fleet.respond(range(SAMPLES), _samples(INPUTS))
    count(Chip([named("softhebb", NEURONS)], inputs=INPUTS), _samples(INPUTS))
    Chip([named("softhebb", WIDE // INPUTS)], inputs=INPUTS).learn(_samples(INPUTS), threads=2)
    _measure(Chip([named("softhebb", NEURONS)], inputs=INPUTS))


def _images() -> None:
    """Learn from images with every kind of layer that the presets have, by another rule, and with moments taken."""
    from neurosim.chip.chip import Chip
    from neurosim.layers.biases import Conscience
    from neurosim.layers.competition import KWTA, SoftWTA
    from neurosim.layers.conv import ConvWTA
    from neurosim.layers.rules import Hebb, Oja
    from neurosim.presets import preset

    for name in PRESETS:
        found = preset(name)
        chip = Chip(found.layers, inputs=found.shape)
        chip.learn(_samples(*found.shape))
        for _ in chip.output_blocks(_samples(*found.shape)):
            pass
    _measure(chip)
    soft, shape = SoftWTA(temperature=1.0), (1, INPUTS, INPUTS)
    for cutoff in (0.0, 0.5):
        rule_of_its_own = ConvWTA(NEURONS, kernel=3, competition=soft, rule=Oja(rate=1e-3), cutoff=cutoff)
        Chip([rule_of_its_own], inputs=shape).learn(_samples(*shape))
    first_few = ConvWTA(
        NEURONS, kernel=3, competition=KWTA(2), rule=Hebb(rate=1e-3), bias=Conscience(), renormalise=True
    )
    Chip([first_few], inputs=shape).learn(_samples(*shape))


def _measure(chip: "Chip") -> None:
    """Learn from samples, and take the moments at which each stage is done."""
    from neurosim.latency import bench
    from neurosim.streams import ArrayStream

    samples = _samples(*chip.shape)
    bench(chip, ArrayStream(samples, range(SAMPLES)), warm_up=0, stages=True)


def _samples(*shape: int) -> "NDArray[np.float32]":
    import numpy as np

    return np.ones((SAMPLES, *shape), np.float32)


def _readout() -> None:
    """Train the readout of a chip that ends in images."""
    import numpy as np

    from neurosim.readouts.softmax import SoftmaxReadout

    readout = SoftmaxReadout(epochs=1).fit(_samples(INPUTS), np.arange(SAMPLES))
    readout.predict(_samples(INPUTS))


def _machine() -> None:
    """Measure how fast some memory is read and written, and how fast numbers are multiplied."""
    from neurosim.latency.roofline.bandwidth import level_rates, operation_rate
    from neurosim.latency.timing.clock import REAL

    level_rates(1, REAL)
    operation_rate(REAL)


def _timeline() -> None:
    """Simulate a sample that goes through a network of two resources."""
    from neurosim.hardware.timeline import Emission, Network, simulate

    emission = Emission(0, 1, 0, ((0, 1),))
    network = Network(("link",), (-1,), "drop", ("in", "out"), (emission,))
    simulate(network, [0], [[1]], [[1]])


def _events() -> None:
    """Read a file of events in each format whose words are decoded one by one."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from neurosim.streams.events.files import read_events

    with TemporaryDirectory() as folder:
        for number, (ending, content) in enumerate(EVENT_FILES):
            path = Path(folder, f"{number}{ending}")
            path.write_bytes(content)
            read_events(path)


def _following() -> None:
    """Tell how novel samples are, and name them as their labels come, of a chip and of a fleet."""
    from neurosim.chip.chip import Chip
    from neurosim.fleet.fleet import Fleet
    from neurosim.fleet.novelty import FleetNovelty
    from neurosim.fleet.prequential import FleetPrequential
    from neurosim.online.emission.novelty import Novelty
    from neurosim.online.emission.prequential import Prequential
    from neurosim.online.emission.scoring import MEASURES
    from neurosim.online.run import run
    from neurosim.recipes import named
    from neurosim.streams import ArrayStream

    chip = Chip([named("softhebb", NEURONS)], inputs=INPUTS)
    stream = ArrayStream(_samples(INPUTS), range(SAMPLES))
    run(chip, stream, chunk=1, listener=Novelty(chip, tuple(MEASURES)))
    run(chip, stream, listener=Prequential(chip))
    fleet = Fleet([named("softhebb", NEURONS)], inputs=INPUTS)
    response = fleet.take(range(SAMPLES), _samples(INPUTS))
    FleetNovelty(fleet).learn(range(SAMPLES), response)
    FleetPrequential(fleet).learn(range(SAMPLES), response, range(SAMPLES))


def _encoders() -> None:
    """Make samples of events by each kind of encoder, written and not, and end a recording."""
    import numpy as np

    from neurosim.streams.events import EventCounts, EventStream, LocalSurface, as_events

    events = as_events(np.arange(SAMPLES), np.zeros(SAMPLES), np.zeros(SAMPLES), np.zeros(SAMPLES))
    for encoder in (LocalSurface(), EventCounts(every_us=1)):
        for start in (0, 1):
            for _ in EventStream(events, encoder, sensor=(1, 1)).blocks(start):
                pass


PARTS = {
    "dense": Part(_dense, "Dense layers."),
    "images": Part(_images, "Convolutional layers."),
    "events": Part(_events, "Files of event cameras."),
    "readout": Part(_readout, "The readout of a chip that ends in images."),
    "following": Part(_following, "Novelty, and labels that come late."),
    "encoders": Part(_encoders, "What makes samples of events of cameras."),
    "machine": Part(_machine, "What neurosim bench --roofline measures with."),
    "timeline": Part(_timeline, "What neurosim cost --timeline simulates with."),
}


def settle(settings: dict[str, str]) -> None:
    """Set variables of the environment of a new process, before it imports Numba; let Ctrl-C end it without a word."""
    os.environ.update(settings)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def compile_part(part: str) -> Compiled:
    """Run what needs a part's code, so that it is compiled and kept.

    Raises
    ------
    RuntimeWarning
        If it cannot be kept.
    """
    told = _Told()
    log = logging.getLogger("neurosim.kernels.code_cache")
    log.setLevel(logging.INFO)
    log.addHandler(told)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", "compiled code cannot be kept", RuntimeWarning)
        PARTS[part].run()
    return Compiled(part, sum(told.seconds.values()), list(told.seconds))


class _Told(logging.Handler):
    """Collects the seconds that each function took to compile."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of `neurosim.kernels.code_cache`: that it begins, or that it is done, with the seconds."""
        if isinstance(record.args, tuple) and isinstance(record.args[1], float):
            name = str(record.args[0])
            self.seconds[name] = self.seconds.get(name, 0) + record.args[1]
