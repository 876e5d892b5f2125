"""An edit of any kernel file shows in what the real loops compute, though they were compiled and kept on disk before.

Real layers learn in a copy of the package, so that their loops lie compiled on disk. Then each file is edited on its
own: nothing that lies there may be loaded any more. At last all edits are made, and the loops compute what they
compute from an empty cache.
"""

import json

import pytest
from kernel_copy import HOW_CODE_IS_KEPT, KERNELS, NAMES, copy_package, edit, run

DENSE = """
import json, warnings
import numpy as np, neurosim as ns
from neurosim.hardware.counting.count import count
from neurosim.kernels.dense.stream import stream

warnings.simplefilter("ignore", ns.StabilityWarning)
rng = np.random.default_rng(0)
x = rng.random((60, 12), np.float32) * (rng.random((60, 12)) < 0.6)
soft = {"competition": ns.SoftWTA(temperature=0.5), "rule": ns.SoftHebb(rate=0.2), "normalise": "sample"}
layers = {
    "soft": {},
    "few bits": {"weight_bits": 4},
    "devices": {"devices": ns.Crossbar.pcm(read_noise=0.05)},
    "gate": {"competition": ns.SparseGate(share=0.4, signed=True), "cutoff": 0.0, "initial": "normal"},
    "conscience": {"bias": ns.Conscience()},
    "mean": {"bias": ns.MeanActivity()},
    "oja": {"rule": ns.Oja(rate=0.1)},
    "hebb": {"rule": ns.Hebb(rate=0.001)},
    "eghr": {
        "rule": ns.EGHR(rate=1e-3, threshold=1.0), "competition": ns.NoInhibition(), "initial": "normal", "radius": 0.5,
    },
    "sanger": {
        "rule": ns.Sanger(rate=1e-3), "competition": ns.NoInhibition(), "initial": "normal", "radius": 0.5,
        "cutoff": 0.0, "cap": 1.0,
    },
}
results = {}
for name, change in layers.items():
    chip = ns.Chip([ns.DenseWTA(5, **(soft | change))], inputs=12, seed=0)
    results[name] = chip.learn(x).state_sha256 + str(float(chip.respond(x)[0].sum()))
counted = count(ns.Chip([ns.DenseWTA(5, **soft)], inputs=12, seed=0), x)
results["counts"] = [array.tolist() for array in (counted.layers[0].operations, counted.layers[0].effective)]
print(json.dumps([results, sum(stream.stats.cache_misses.values())]))
"""
CONV = """
import json, warnings
import numpy as np, neurosim as ns
from neurosim.kernels.conv.stream import stream

warnings.simplefilter("ignore", ns.StabilityWarning)
x = np.random.default_rng(0).random((30, 2, 8, 8), np.float32).reshape(30, -1)
soft = ns.SoftWTA(temperature=1.0, signed=True)
base = {"kernel": 3, "competition": soft, "rule": ns.SoftHebb(rate=0.05), "transmit": ns.Triangle(power=1.4)}
layers = {
    "plain": {},
    "windows": {"window": 4, "step": "largest", "rule": ns.Oja(rate=0.01)},
    "mean pool": {"pool": ns.MeanPool(size=2, stride=2)},
}
results = {}
for name, change in layers.items():
    chip = ns.Chip([ns.ConvWTA(6, **(base | change))], inputs=(2, 8, 8), seed=0)
    results[name] = chip.learn(x).state_sha256 + str(float(chip.respond(x)[0].sum()))
print(json.dumps([results, sum(stream.stats.cache_misses.values())]))
"""
MACHINE = """
import json
import numpy as np
from neurosim.kernels import machine

rows, order = np.zeros((8, machine.LINE), np.float32), np.arange(8, dtype=np.int32)
machine.update_rows(rows, order)
print(json.dumps([rows.tolist(), sum(machine.update_rows.stats.cache_misses.values())]))
"""
READOUT = """
import json
import numpy as np
from neurosim.kernels import readout

potentials, labels, losses = np.eye(3, dtype=np.float32), np.arange(3), np.zeros(3, np.float32)
bias, slopes = np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32)
readout.meet(potentials, labels, readout.Pace(np.float32(0.1), np.float32(1)), bias, slopes, losses)
print(json.dumps([bias.tolist(), sum(readout.meet.stats.cache_misses.values())]))
"""
NOVELTY = """
import json
import numpy as np
from neurosim.kernels import novelty

rng, nothing = np.random.default_rng(0), np.zeros((0, 0), np.float32)
potentials, scores = rng.random((200, 3)).astype(np.float32), np.zeros((2, 200))
known = np.zeros((novelty.OTHERS + 3, 3)), np.zeros(3, np.int64), np.zeros(9), np.zeros(9), np.zeros(2, np.int64)
constants = novelty.Constants(novelty.SHORTFALL, 50.0, 10.0, 5, 0.5, 2)
winners, steps = potentials.argmax(axis=1), np.zeros((2, 0), np.float32)
state = novelty.State(*known, np.zeros(1))
novelty.score(potentials, nothing, winners, steps, constants, state, True, np.zeros((200, 3)), *scores)
states = novelty.State(*(np.zeros((2, *array.shape), array.dtype) for array in state))
told, chips = (potentials, nothing, winners, winners % 2, steps, constants, states, True), np.zeros((2, 200))
novelty.score_chips(*told, np.zeros((200, 3)), *chips)
misses = sum(sum(loop.stats.cache_misses.values()) for loop in (novelty.score, novelty.score_chips))
print(json.dumps([[scores.tolist(), chips.tolist()], misses]).replace("Infinity", "-1"))
"""
LATE_LABELS = """
import json
import numpy as np
from neurosim.kernels import late_labels

rng = np.random.default_rng(0)
potentials, labels, shown = rng.random((200, 3)).astype(np.float32), rng.integers(2, size=200), np.ones(200, bool)
table = late_labels.Table(np.zeros((3, 2)), np.ones(3), np.full(3, -1))
tallies, predicted = np.zeros(late_labels.TALLIES), np.zeros(200, np.int64)
late_labels.follow(potentials, potentials.argmax(axis=1), labels, shown, 0.9, 0.99, table, tallies, predicted)
tables = late_labels.Table(*(np.stack([array, array]) for array in table))
kept, winners = np.zeros((2, late_labels.TALLIES)), potentials.argmax(axis=1)
late_labels.follow_chips(potentials, winners, labels, labels, shown, 0.9, 0.99, tables, kept, predicted)
misses = sum(sum(loop.stats.cache_misses.values()) for loop in (late_labels.follow, late_labels.follow_chips))
print(json.dumps([[tallies.tolist(), kept.tolist()], misses]))
"""
TIMELINE = """
import json
import numpy as np
from neurosim.hardware.timeline.simulation import Emission, Network, simulate
from neurosim.kernels import timeline

network = Network(("server",), (-1,), "block", ("in", "out"), (Emission(0, 1, 0, ((0, 10),)),))
ones = np.ones((4, 1), np.int64)
taken = simulate(network, np.zeros(4, np.int64), ones, 0 * ones)
print(json.dumps([[taken.fired.tolist(), taken.events], sum(timeline.advance.stats.cache_misses.values())]))
"""
OWN = """
import json
import numpy as np
from numba import njit
from neurosim.kernels import own

rule = own.compiled(lambda potential, response: (1 - potential, response), ("potential", "response")).cpu
one = np.float32(1)
call = njit(lambda rule, x, parameters: rule(x, x, x, x, x, x, parameters))
print(json.dumps([float(number) for number in call(rule, one, np.zeros(8, np.float32))]))
"""
EVENT_FILES = """
import json, struct, tempfile
from pathlib import Path
from neurosim.streams.events import read_events
from neurosim.kernels.events import evt3

dat = b"% Version 2\\n% Width 9\\n% Height 9\\n\\x0c\\x08"
files, results = {
    "a.dat": dat + struct.pack("<4I", 2**32 - 1, 1 << 28 | 3, 1, 99),
    "b.raw": b"% evt 2.0\\n" + struct.pack("<2I", 8 << 28 | 5, 1 << 28 | 33 << 22 | 2 << 11 | 1),
    "c.raw": b"% evt 3.0\\n" + struct.pack("<5H", 8 << 12, 6 << 12 | 9, 4, 3 << 12, 4 << 12 | 5),
    "d.es": b"Event Stream" + bytes([2, 0, 0, 1, 9, 0, 9, 0, 255, 7, 1, 0, 2, 0]),
}, []
with tempfile.TemporaryDirectory() as folder:
    for name, content in files.items():
        path = Path(folder, name)
        path.write_bytes(content)
        recording = read_events(path)
        results.append([recording.events.tolist(), recording.counts.outside])
print(json.dumps([results, sum(evt3.decode.stats.cache_misses.values())]))
"""
EVENTS = """
import json
import numpy as np
from neurosim.streams.events import EventCounts, LocalSurface, TimeSurface, as_events, encoding_of
from neurosim.streams.events.encoding import as_columns
from neurosim.kernels.events import surfaces

t = np.arange(0, 4000, 10)
events, results = as_columns(as_events(t[::-1] // 500 * 500, t % 7, t % 5, t % 3 % 2)), []
surface = TimeSurface(tau_us=900, every_events=50)
for encoder in (LocalSurface(radius=1, tau_us=900), EventCounts(every_us=700), surface):
    encoding = encoding_of(encoder, 7, 5)
    samples, sources = np.zeros((400, encoding.inputs), np.float32), np.zeros(400, np.int64)
    made = encoding.encode(events, 0, 400, samples, sources)
    results.append([*made, samples.sum(axis=1).tolist(), encoding.clock.tolist()])
print(json.dumps([results, sum(surfaces.patches.stats.cache_misses.values())]))
"""
LOADED = """
import importlib, json, sys
from pathlib import Path


def kept():
    for name in [name for name in sys.modules if name.partition(".")[0] == "neurosim"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    module, function = sys.argv[1].split()
    loop = getattr(importlib.import_module("neurosim.kernels." + module), function)
    return len(loop._cache._cache_file._load_index())


before, after = kept(), {}
for name, old, new in json.loads(sys.argv[2]):
    path = Path("kernels", name)
    text = path.read_text()
    path.write_text(text.replace(old, new))
    after[name] = kept()
    path.write_text(text)
print(json.dumps([before, after, kept()]))
"""
SWAPPED = (  # two fields of State, of the same type
    "    scales: NDArray[np.float32]  # s (neurons,)\n    norms: ",
    "    norms: NDArray[np.float32]  # s (neurons,)\n    scales: ",
)
SHARED = {
    "compiled.py": ('{"error_model"', '{"boundscheck": False, "error_model"'),
    "shared/arguments.py": ("align=1)", "align=2)"),
    "shared/by_address.py": ("  # no stage raises, but where bounds are checked", ""),
    "shared/codes.py": ("IDENTITY, RELU, TRIANGLE", "RELU, IDENTITY, TRIANGLE"),
    "shared/competitions.py": ("return ONE if neuron == winner else ZERO", "return ZERO if neuron == winner else ONE"),
    "shared/instruments.py": ("steps[0, k] = total", "steps[0, k] = total + total"),
    "shared/numbers.py": ("SQRT2 = np.float32(1.41421356)", "SQRT2 = np.float32(1.5)"),
    "shared/rates.py": ("(constants.last_rate / rate) ** elapsed", "(constants.last_rate / rate) * elapsed"),
    "shared/biases.py": ("kept = ONE - constants.bias_rate", "kept = ONE - constants.bias_rate / (ONE + ONE)"),
    "shared/own_competition.py": ("winner == -1", "winner < 0"),
    "shared/random_words.py": ("np.uint64(30)", "np.uint64(29)"),
    "shared/rules.py": ("return ONE - growth * potential, growth", "return ONE - growth, growth"),
    "shared/slices.py": ("builder.mul(first, strides[0])", "builder.mul(strides[0], first)"),
    "shared/softmax.py": ("ONE / _total_of(lanes, x.size)", "(ONE + ONE) / _total_of(lanes, x.size)"),
    "shared/tables.py": ("range(len(cells) - 1)", "range(0, len(cells) - 1)"),
    "shared/system.py": ('"release"', '"seq_cst"'),
    "shared/vectors.py": ('fcmp_ordered(">", v, u), v, u)', 'fcmp_ordered(">=", v, u), v, u)'),
}
EDITS = {  # the program, its loop, and for each file what stands there and what is written instead
    "dense": (DENSE, "dense.stream stream", SHARED | {
        "dense/ahead.py": ("TILE = 256", "TILE = 128"),
        "dense/apart.py": ("= abs(potentials[p, k])", "= ONE + abs(potentials[p, k])"),
        "dense/beginning.py": ("BEHIND = np.float32(-1e30)", "BEHIND = np.float32(-1e29)"),
        "dense/by_lines.py": ("* (ONE + change)", "* (ONE + change + change)"),
        "dense/competition.py": ("responses[winner] = share", "responses[winner] = share + share"),
        "dense/devices.py": ("TURN = np.float32(2 * math.pi)", "TURN = np.float32(math.pi)"),
        "dense/every_synapse.py": ("step = factors[k] * rest", "step = factors[k] * (rest + rest)"),
        "dense/few_bits.py": ("UNIT = np.float32(2**-24)", "UNIT = np.float32(2**-25)"),
        "dense/fleet.py": ("plan[COPIED] += 1", "plan[COPIED] += 2"),
        "dense/gate.py": ("if constants.signed and k != best", "if constants.signed and k == best"),
        "dense/inputs.py": ("square += values[j] * values[j]", "square += abs(values[j])"),
        "dense/layout.py": SWAPPED,
        "dense/learning.py": ("scales[k] *= ONE + change", "scales[k] *= ONE + change + change"),
        "dense/means.py": ("sums[0, winner] += ONE", "sums[0, winner] += ONE + ONE"),
        "dense/norms.py": ("return math.sqrt(norm)", "return norm"),
        "dense/potentials.py": ("potentials[k] *= s[k]", "potentials[k] *= s[k] + s[k]"),
        "dense/rates.py": ("abs(norm - ONE)", "abs(norm + ONE)"),
        "dense/stream.py": ("us, ys, square, constants", "us, ys, square + square, constants"),
        "dense/tallies.py": ("effective = size * neurons", "effective = size + neurons"),
        "dense/team.py": ("PATIENCE = 2000", "PATIENCE = 1000"),
        "dense/ways.py": ("WINS_NEEDED = 4,", "WINS_NEEDED = 3,"),
        "dense/temperature.py": ("(lead - mean)", "(lead + mean)"),
        "dense/window.py": ("state.wins[winner] += 1", "state.wins[winner] += 2"),
    }),
    "conv": (CONV, "conv.stream stream", SHARED | {
        "conv/apart.py": ("step == CAPPED", "step != CAPPED"),
        "conv/blas.py": ("BLOCK, BLOCKS = 48, 4", "BLOCK, BLOCKS = 32, 4"),
        "conv/competition.py": ("y[winner] = -y[winner]", "y[winner] = y[winner]"),
        "conv/growing.py": ("(change * weight + growth)", "(change * weight + growth + growth)"),
        "conv/images.py": ("EPSILON = np.float32(1e-5)", "EPSILON = np.float32(1e-3)"),
        "conv/layout.py": SWAPPED,
        "conv/learning.py": ("counters[UPDATES] += 1", "counters[UPDATES] += 2"),
        "conv/norms.py": ("SHORT = np.float32(8), np.float32(0.01)", "SHORT = np.float32(8), np.float32(0.02)"),
        "conv/own_competition.py": ("counts[winner] += 1", "counts[winner] += 2"),
        "conv/potentials.py": ("u[k] *= scales[k]", "u[k] *= scales[k] + scales[k]"),
        "conv/powers.py": ("E3, E4, E5 = np.float32(1 / 6)", "E3, E4, E5 = np.float32(1 / 7)"),
        "conv/proposing.py": ("grown *= share", "grown *= share + share"),
        "conv/sending.py": ("pooled[k] /= area", "pooled[k] /= area + area"),
        "conv/stream.py": ("counters[layout.BLANKS] += not learns", "counters[layout.BLANKS] += learns"),
        "conv/team.py": ("PATIENCE = 2000", "PATIENCE = 1000"),
        "conv/window.py": ("copy_into(potentials[p], kept[p])", "copy_into(potentials[p], kept[0])"),
    }),
    "event files": (EVENT_FILES, "events.evt3 decode", {
        "compiled.py": SHARED["compiled.py"],
        "events/es.py": ("return 127 if first == 0xFF", "return 128 if first == 0xFF"),
        "events/evt2.py": ("(fields >> 22) & 0x3F", "(fields >> 22) & 0x1F"),
        "events/evt3.py": ("else (base, polarity)", "else (base + 1, polarity)"),
        "events/masks.py": ("column += 1", "column += 2"),
        "events/tally.py": ("counts[OUTSIDE] += len(events) - kept", "counts[OUTSIDE] += len(events)"),
        "events/wrapping.py": ("return turned + 1", "return turned + 2"),
    }),
    "surfaces": (EVENTS, "events.surfaces patches", {
        "events/clock.py": ("clock[LATE] += t < clock[LATEST]", "clock[LATE] += t <= clock[LATEST]"),
        "events/surfaces.py": ("ONE / _norm(", "(ONE + ONE) / _norm("),
        "events/windows.py": ("memory[p, y, x] + 1", "memory[p, y, x] + 2"),
    }),
    "machine": (MACHINE, "machine update_rows", {"machine.py": ("row[j] += ONE", "row[j] += ONE + ONE")}),
    "readout": (READOUT, "readout meet", {"readout.py": ("np.float32(1e-8)", "np.float32(1e-1)")}),
    "novelty": (NOVELTY, "novelty score", {"novelty.py": ("LIMIT = np.float64(0), np.float64(1), np.float64(3)",
        "LIMIT = np.float64(0), np.float64(1), np.float64(1)")}),
    "late labels": (LATE_LABELS, "late_labels follow", {
        "late_labels.py": ("tallies[RIGHT] += right", "tallies[RIGHT] += right + right"),
    }),
    "timeline": (TIMELINE, "timeline advance", {
        "timeline.py": ("state.clock[SERVICES] += 1", "state.clock[SERVICES] += 2"),
    }),
}  # fmt: skip


def test_every_kernel_file_of_the_cpu_has_an_edit():
    edits = {name: old for _, _, changes in EDITS.values() for name, (old, _) in changes.items()}
    assert edits.keys() == set(NAMES) - HOW_CODE_IS_KEPT - {
        "shared/grid.py",
        "own.py",
    }  # CUDA's alone; compiled in every process
    for name, old in edits.items():
        assert old in (KERNELS / name).read_text(), f"{name}: {old!r} is no longer there: choose another edit"


@pytest.mark.parametrize(
    "kind",
    ["machine", *(pytest.param(kind, marks=pytest.mark.slow) for kind in EDITS if kind != "machine")],
)
def test_what_was_compiled_before_an_edit_is_never_loaded(tmp_path, kind):
    program, loop, edits = EDITS[kind]
    package = copy_package(tmp_path / "package", whole=True)
    before, compiled = run(package, program)
    assert compiled > 0
    assert run(package, program) == [before, 0]
    changes = [[name, *change] for name, change in edits.items()]
    assert run(package, LOADED, loop, json.dumps(changes)) == [1, dict.fromkeys(edits, 0), 1]
    for name, change in edits.items():
        edit(package / "kernels" / name, *change)
    after, compiled = run(package, program)
    assert compiled > 0
    assert after != before
    assert after == run(package, program, NUMBA_CACHE_DIR=str(tmp_path / "empty"))[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_fields_in_another_order_are_not_read_as_one_another(tmp_path, kind):
    package = copy_package(tmp_path / "package", whole=True)
    before, _ = run(package, EDITS[kind][0])
    edit(package / "kernels" / kind / "layout.py", *SWAPPED)
    after, compiled = run(package, EDITS[kind][0])
    assert compiled > 0
    assert after == before


@pytest.mark.slow
def test_an_edit_of_how_a_user_s_rule_is_called_shows(tmp_path):
    package = copy_package(tmp_path)
    assert run(package, OWN) == [0, 1]
    edit(package / "kernels/own.py", "float32(growth)", "float32(growth + growth)")
    assert run(package, OWN) == [0, 2]
