"""Streams that many sensors share, and the chips that each of them would have alone."""

import hashlib

import numpy as np

import neurosim as ns

INPUTS = 4


def layers(*neurons, **constants):
    return [ns.recipes.softhebb(count, **constants) for count in neurons or (5,)]


def rows(count, sensors=7, seed=0):
    """Return keys and samples: the decimals are few, so that text has all of them."""
    draw = np.random.default_rng(seed)
    return [f"s{number}" for number in draw.integers(0, sensors, count)], draw.random((count, INPUTS)).round(3)


def write(path, keys, samples, name="sensor"):
    """Write lines of CSV with a column of keys."""
    lines = [f"{name},a,b,c,d"] if name else []
    lines += [f"{key},{','.join(map(str, sample))}" for key, sample in zip(keys, samples.tolist(), strict=True)]
    path.write_text("\n".join(lines) + "\n")


def seed_of(key, seed=0):
    """Return the seed of a key's chip, by what docs/fleet.md says of it."""
    return int.from_bytes(hashlib.sha256(f"{seed} text {key}".encode()).digest()[:8], "little")


def alone(keys, samples, *neurons, seed=0, **constants):
    """Return the hash of each key's chip, had it been alone with the samples of its key."""
    hashes = {}
    for key in dict.fromkeys(keys):
        chip = ns.Chip(layers(*neurons, **constants), inputs=samples.shape[1], seed=seed_of(key, seed))
        for n in np.flatnonzero(np.array(keys) == key):
            chip.learn_one(samples[n])
        hashes[key] = chip.state_sha256
    return hashes


def hashes_of(fleet):
    """Return the hash of each key's chip in a fleet."""
    return {key: fleet.state_sha256(key) for key in fleet.keys}
