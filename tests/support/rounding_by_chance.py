"""The random function of rounding by chance, in whole numbers of Python: written from `docs/weight-bits.md` alone."""

from math import ceil

ALL = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
GROWTH, FIRST = 3, 2  # purposes


def philox(counter, key):
    """Return the four words of Philox4x64 with ten rounds at a counter of 256 bits, for a key of two words."""
    words = [counter >> 64 * place & ALL for place in range(4)]
    keys = list(key)
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
        words = [second >> 64 ^ words[1] ^ keys[0], second & ALL, first >> 64 ^ words[3] ^ keys[1], first & ALL]
        keys = [keys[0] + GOLDEN & ALL, keys[1] + 0xBB67AE8584CAA73B & ALL]
    return words


def word(seed, purpose, layer, place):
    """Return a word out of the sequence of a seed, a purpose and a layer, counted from 0."""
    return philox(1 + place // 4, (seed, (purpose << 48) + layer))[place % 4]


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & ALL
    z = (z ^ z >> 27) * 0x94D049BB133111EB & ALL
    return z ^ z >> 31


def draw(z, place):
    """Return mix(z + place * golden)."""
    return mix(z + place * GOLDEN & ALL)


def neuron_key(seed, layer, sample, neuron):
    return draw(draw(word(seed, GROWTH, layer, 0), sample), neuron)


def rounded(x, key, i):
    """Return a whole number for x (a float), by the 24 bits of a key and an input."""
    size = abs(x)
    if size >= 1 << 24:
        return int(x)
    whole = int(size)
    up = draw(key, i) >> 40 < ceil((size - whole) * (1 << 24))
    return (whole + up) * (-1 if x < 0 else 1)


def first_rounded(x, seed, layer, i, neuron, neurons):
    """Return a first synapse, of input i to a neuron, from its exact value x (a float of 64 bits)."""
    row = -(-neurons // 4) * 4  # words of an input
    low = x // 1
    return int(low) + (word(seed, FIRST, layer, i * row + neuron) >> 11 < ceil((x - low) * (1 << 53)))
