"""An edit of any kernel file shows in what the loops compute, though they were compiled and kept on disk before."""

import pytest
from kernel_copy import KERNELS, NAMES, copy_package, edit, run

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
OTHERS = """
import json
import numpy as np
from numba import njit
from neurosim.hardware.timeline.simulation import Emission, Network, simulate
from neurosim.kernels import head, machine, own, timeline

rows, order = np.zeros((8, machine.LINE), np.float32), np.arange(8, dtype=np.int32)
machine.update_rows(rows, order)

potentials, labels, losses = np.eye(3, dtype=np.float32), np.arange(3), np.zeros(3, np.float32)
bias, slopes = np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32)
head.meet(potentials, labels, head.Pace(np.float32(0.1), np.float32(1)), bias, slopes, losses)

network = Network(("server",), (-1,), "block", ("in", "out"), (Emission(0, 1, 0, ((0, 10),)),))
ones = np.ones((4, 1), np.int64)
taken = simulate(network, np.zeros(4, np.int64), ones, 0 * ones)

rule = own.compiled(lambda potential, response: (1 - potential, response), ("potential", "response")).cpu
one = np.float32(1)
steps = njit(lambda rule, x, parameters: rule(x, x, x, x, x, x, parameters))(rule, one, np.zeros(8, np.float32))

results = {
    "machine": rows.tolist(), "head": bias.tolist(), "own": [float(step) for step in steps],
    "timeline": [taken.fired.tolist(), taken.events],
}
loops = machine.update_rows, head.meet, timeline.advance
print(json.dumps([results, sum(sum(loop.stats.cache_misses.values()) for loop in loops)]))
"""
SWAPPED = (  # two fields of State, of the same type
    "    scales: NDArray[np.float32]  # s (neurons,)\n    norms: ",
    "    norms: NDArray[np.float32]  # s (neurons,)\n    scales: ",
)
SHOWS, SAME, ANY = True, False, None  # whether results change; ANY: BLAS decides
EDITS = {  # one after another: file, what stands there, what is written there instead, whether it shows
    "dense": (DENSE, [
        ("shared/arguments.py", "align=1)", "align=2)", SAME),
        ("shared/codes.py", "HEBB, OJA, INSTAR", "OJA, HEBB, INSTAR", SAME),
        ("shared/numbers.py", "SQRT2 = np.float32(1.41421356)", "SQRT2 = np.float32(1.5)", SHOWS),
        ("shared/random_words.py", "np.uint64(30)", "np.uint64(29)", SHOWS),
        ("shared/rules.py", "return ONE - growth * potential, growth", "return ONE - growth, growth", SHOWS),
        ("shared/softmax.py", "ONE / total_of(y, lanes)", "(ONE + ONE) / total_of(y, lanes)", SHOWS),
        ("shared/system.py", '"release"', '"seq_cst"', SAME),
        ("dense/ahead.py", "TILE = 256", "TILE = 128", SAME),
        ("dense/competition.py", "return -activity", "return activity", SHOWS),
        ("dense/every_synapse.py", "step = factors[k] * rest", "step = factors[k] * (rest + rest)", SHOWS),
        ("dense/few_bits.py", "UNIT = np.float32(2**-24)", "UNIT = np.float32(2**-25)", SHOWS),
        ("dense/gate.py", "if constants.signed and k != best", "if constants.signed and k == best", SHOWS),
        ("dense/inputs.py", "square += values[j] * values[j]", "square += abs(values[j])", SHOWS),
        ("dense/layout.py", *SWAPPED, SAME),
        ("dense/learning.py", "scales[k] *= ONE + change", "scales[k] *= ONE + change + change", SHOWS),
        ("dense/means.py", "sums[0, winner] += ONE", "sums[0, winner] += ONE + ONE", SHOWS),
        ("dense/norms.py", "return math.sqrt(norm)", "return norm", SHOWS),
        ("dense/potentials.py", "sums[k] *= s[k]", "sums[k] *= s[k] + s[k]", SHOWS),
        ("dense/rates.py", "abs(norm - ONE)", "abs(norm + ONE)", SHOWS),
        ("dense/stream.py", "state.wins[winner] += 1", "state.wins[winner] += 2", SHOWS),
        ("dense/tallies.py", "effective = size * neurons", "effective = size + neurons", SHOWS),
        ("dense/team.py", "PATIENCE = 2000", "PATIENCE = 1000", SAME),
    ]),
    "conv": (CONV, [
        ("conv/blas.py", "BLOCK, BLOCKS = 48, 4", "BLOCK, BLOCKS = 32, 4", ANY),
        ("conv/competition.py", "y[winner] = -y[winner]", "y[winner] = y[winner]", SHOWS),
        ("conv/growing.py", "math.sqrt(max(square, ZERO))", "math.sqrt(max(square, ONE))", SHOWS),
        ("conv/images.py", "EPSILON = np.float32(1e-5)", "EPSILON = np.float32(1e-3)", SHOWS),
        ("conv/layout.py", *SWAPPED, SAME),
        ("conv/potentials.py", "u[k] *= scales[k]", "u[k] *= scales[k] + scales[k]", SHOWS),
        ("conv/powers.py", "E3, E4, E5 = np.float32(1 / 6)", "E3, E4, E5 = np.float32(1 / 7)", SHOWS),
        ("conv/proposing.py", "grown *= part", "grown *= part + part", SHOWS),
        ("conv/sending.py", "pooled[k] /= area", "pooled[k] /= area + area", SHOWS),
        ("conv/stream.py", "state.wins[k] += wins[k]", "state.wins[k] += 2 * wins[k]", SHOWS),
        ("conv/team.py", "PATIENCE = 2000", "PATIENCE = 1000", SAME),
    ]),
    "others": (OTHERS, [
        ("compiled.py", '{"error_model"', '{"boundscheck": False, "error_model"', SAME),
        ("machine.py", "row[j] += ONE", "row[j] += ONE + ONE", SHOWS),
        ("head.py", "TINY = np.float32(1 - 0.9), np.float32(1 - 0.999), np.float32(1e-8)",
         "TINY = np.float32(1 - 0.9), np.float32(1 - 0.999), np.float32(1e-1)", SHOWS),
        ("timeline.py", "state.clock[SERVICES] += 1", "state.clock[SERVICES] += 2", SHOWS),
        ("own.py", "float32(growth)", "float32(growth + growth)", SHOWS),
    ]),
}  # fmt: skip


def test_every_kernel_file_of_the_cpu_has_an_edit():
    edits = [change for _, changes in EDITS.values() for change in changes]
    assert {name for name, *_ in edits} == set(NAMES) - {"shared/grid.py"}  # which is CUDA's alone
    for name, old, *_ in edits:
        assert old in (KERNELS / name).read_text(), f"{name}: {old!r} is no longer there: choose another edit"


@pytest.mark.slow
@pytest.mark.parametrize("loops", EDITS)
def test_every_edit_shows_in_loops_that_were_compiled_before(tmp_path, loops):
    program, edits = EDITS[loops]
    package = copy_package(tmp_path / "package", whole=True)
    before, compiled = run(package, program)
    assert compiled > 0
    assert run(package, program) == [before, 0]
    for name, old, new, shows in edits:
        edit(package / "kernels" / name, old, new)
        after, compiled = run(package, program)
        assert compiled > 0 or name == "own.py", name  # a user's rule is compiled in every process
        assert shows is ANY or (after != before) == shows, name
        before = after
    assert run(package, program, NUMBA_CACHE_DIR=str(tmp_path / "empty"))[0] == before
