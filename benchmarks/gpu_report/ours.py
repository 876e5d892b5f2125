"""All that touches the chip on a GPU: should a name change, it changes here."""

import numpy as np

import neurosim as ns


def chip(layers, inputs, device: str, seed: int = 0) -> ns.Chip:
    """Make a chip on a device, "cpu" or "cuda"."""
    where = {} if device == "cpu" else {"device": device}
    return ns.Chip(layers, inputs=inputs, seed=seed, **where)


def learn(made: ns.Chip, samples: np.ndarray, chunk: int = 256) -> None:
    """Learn from samples in host memory; return when all are learned."""
    made.learn(samples, chunk=chunk)
    finish(made)


def learn_one(made: ns.Chip, x: np.ndarray):
    """Learn from one sample; return the response, in host memory."""
    return made.learn_one(x)


def finish(made: ns.Chip) -> None:
    """Wait for the GPU, should `learn` come back before it is done."""
    if device_seconds(made) is not None:
        from numba import cuda

        cuda.synchronize()


def device_seconds(made: ns.Chip) -> float | None:
    """Return how long the GPU has worked for the chip so far, by its own events; None on the CPU."""
    seconds = [getattr(layer, "device_seconds", None) for layer in made.layers]
    return None if None in seconds else float(sum(seconds))


def digest(made: ns.Chip) -> str:
    """Return the hash of all that was learned."""
    return made.state_sha256


def arrays(made: ns.Chip) -> dict[str, np.ndarray]:
    """Return all that was learned, in host memory, by layer and name."""
    found = ((place, layer.arrays()) for place, layer in enumerate(made.layers))
    return {f"{place}:{name}": array for place, named in found for name, array in named.items()}


def weights(made: ns.Chip) -> list[np.ndarray]:
    """Return the weights of all layers, neurons first, the rest flat."""
    return [layer.weights.reshape(layer.constants.neurons, -1) for layer in made.layers]


def placements(made: ns.Chip) -> list[str]:
    """Return what the kernels take, a line a layer: registers, shared memory, spills, blocks, where weights lie."""
    return [str(getattr(layer, "placement", "the layer does not tell")) for layer in made.layers]
