"""Readouts fitted to a chip's responses, for tests."""

import numpy as np

import neurosim as ns


def digits(part):
    """Return all samples and labels of a part of the digits."""
    samples, labels = zip(*ns.open_stream(f"digits:{part}").blocks(), strict=True)
    return np.concatenate(samples), np.concatenate(labels)


def fitted(readout, chip, samples, labels):
    """Return the readout, fitted to the chip's responses."""
    readout.add(chip.respond(samples), labels)
    return readout.finish()
