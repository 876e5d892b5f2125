"""Every preset at its full shape: synapses, size of the state, time to learn from an image and to respond to one.

::

    python -m benchmarks.deep_presets [NAME ...]

The images are noise: what is measured does not depend on what they show, but for cutoffs, which keep fewer responses
once a chip has learned.
"""

import sys
import time

import numpy as np

import neurosim as ns

LARGEST = 100e6  # synapses of presets that are measured unless named


def main() -> None:
    """Print a row a preset."""
    print("| preset | synapses | state, MB | learns, ms an image | responds, ms an image |")
    print("| --- | --: | --: | --: | --: |")
    for name in sys.argv[1:] or ns.presets.names():
        preset = ns.presets.preset(name)
        if not sys.argv[1:] and synapses(preset) > LARGEST:
            continue
        chip = ns.Chip(preset.layers, inputs=preset.shape)
        window = preset.layers[0].window
        images = np.random.default_rng(0).random((2 * window if window > 1 else 4, *preset.shape), np.float32)
        chip.learn(images[:1])
        size = sum(array.nbytes for layer in chip.layers for array in layer.arrays().values())
        row = (name, synapses(preset), size / 1e6, timed(chip.learn, images), timed(drained(chip), images))
        print("| {} | {:,} | {:.1f} | {:.1f} | {:.1f} |".format(*row), flush=True)


def synapses(preset: ns.presets.Preset) -> int:
    """Return how many synapses a preset has."""
    channels, count = preset.shape[0], 0
    for layer in preset.layers:
        count += layer.neurons * channels * layer.kernel**2
        channels = layer.neurons
    return count


def drained(chip: ns.Chip):
    """Return a function that lets the chip respond."""
    return lambda images: list(chip.output_blocks(images))


def timed(run, images: np.ndarray) -> float:
    """Return milliseconds an image."""
    begun = time.perf_counter()
    run(images)
    return (time.perf_counter() - begun) / len(images) * 1e3


if __name__ == "__main__":
    main()
