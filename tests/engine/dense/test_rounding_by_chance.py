"""A chip of few bits, bit by bit, against whole numbers of Python written from docs/weight-bits.md."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from rounding_by_chance import draw, first_rounded, mix, neuron_key, rounded, word

import neurosim as ns

PAGE = Path(__file__).parents[3] / "docs" / "weight-bits.md"
INPUTS, NEURONS, SEED = 30, 7, 5


def f32(x):
    """Return a number rounded to float32: the result of one operation on two such numbers is then that of float32."""
    return struct.unpack("f", struct.pack("f", x))[0]


def samples(rng):
    x = rng.integers(0, 4, (250, INPUTS)) * (rng.random((250, INPUTS)) < 0.4)
    x[[0, 17, 18]] = 0  # blank: counted, and nothing is learned
    return x.astype(np.float32)


class Model:
    """A layer with a hard competition and Instar's rule, w <- w + rate (x - w) for the winner, in few bits."""

    def __init__(self, first, bits, rate, layer):
        self.most, self.rate, self.layer, self.n = 2 ** (bits - 1) - 1, f32(rate), layer, 0
        self.s = [f32(max(f32(max(map(abs, row)) / self.most), f32(1e-18))) for row in first]
        self.q = [
            [
                min(max(first_rounded(w / s, SEED, layer, i, k, len(first)), -self.most), self.most)
                for i, w in enumerate(row)
            ]
            for k, (row, s) in enumerate(zip(first, self.s, strict=True))
        ]
        self.doubled = 0

    def learn(self, x):
        """Learn from a sample of small whole numbers, of which sums are exact."""
        self.n += 1
        if not any(x):
            return
        u = [f32(sum(q * v for q, v in zip(row, x, strict=True)) * s) for row, s in zip(self.q, self.s, strict=True)]
        k = u.index(max(u))
        change = f32(f32(1.0 - self.rate) - 1.0)
        s = f32(self.s[k] * f32(1.0 + change)) if any(self.q[k]) else f32(1e-18)
        key = neuron_key(SEED, self.layer, self.n, k)
        new = [q + rounded(f32(f32(self.rate * v) / s), key, i) if v else q
               for i, (q, v) in enumerate(zip(self.q[k], x, strict=True))]  # fmt: skip
        e = 0
        while max(map(abs, new)) > self.most << e:
            e += 1
        if e:
            self.doubled += 1
            new = [rounded(q / 2**e, mix(key), i) for i, q in enumerate(new)]
        self.q[k], self.s[k] = new, f32(s * 2.0**e)


@pytest.mark.parametrize("initial", ["uniform", "normal"])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 12, 16])
def test_a_chip_has_the_bits_of_whole_numbers_of_python(bits, initial):
    few = {"competition": ns.HardWTA(), "rule": ns.Instar(rate=0.03), "initial": initial, "radius": 2.0, "cap": 1.0}
    plain = ns.Chip([ns.DenseWTA(NEURONS, **few)], inputs=INPUTS, seed=SEED).layers[0].weights
    chip = ns.Chip([ns.DenseWTA(NEURONS, weight_bits=bits, **few)], inputs=INPUTS, seed=SEED)
    model = Model([[float(w) for w in row] for row in plain], bits, 0.03, 0)
    state = chip.layers[0].state
    assert state.synapses.T.astype(int).tolist() == model.q
    assert state.scales.tolist() == model.s
    for x in samples(np.random.default_rng(1)):
        chip.learn_one(x)
        model.learn([int(v) for v in x])
        assert chip.layers[0].state.synapses.T.astype(int).tolist() == model.q, model.n
        assert chip.layers[0].state.scales.tolist() == model.s, model.n
    assert model.doubled > 5


def test_the_page_has_the_numbers_of_the_function():
    rows = re.findall(r"^\|([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|" + r" `(\w+)` \|" * 5, PAGE.read_text(), re.M)
    assert len(rows) == 6
    for row in rows:
        seed, layer, n, k, i = (2**64 - 1 if "^" in cell else int(cell.replace(",", "")) for cell in row[:5])
        salt = word(seed, 3, layer, 0)
        key = draw(draw(salt, n), k)
        wanted = [f"{value:016x}" for value in (salt, draw(salt, n), key)]
        wanted += [f"{draw(start, i) >> 40:06x}" for start in (key, mix(key))]
        assert list(row[5:]) == wanted


def test_words_are_those_of_philox():
    for seed, purpose, layer in ((0, 3, 0), (7, 2, 1), (2**64 - 1, 2, 5)):
        generator = np.random.Philox(key=np.array([seed, (purpose << 48) + layer], np.uint64))
        assert generator.random_raw(9).tolist() == [word(seed, purpose, layer, place) for place in range(9)]
