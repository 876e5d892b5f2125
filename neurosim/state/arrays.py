"""What a layer has learned, as named arrays: their hash, and the weights that follow from them."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_WEIGHTS = "first_weights"  # of a layer that began with an array; others draw theirs from the seed
NOT_LEARNED = {"steps", "records", FIRST_WEIGHTS}
Arrays = dict[str, NDArray[Any]]


def hash_of(layers: Iterable[Arrays]) -> str:
    """Return the SHA-256 of what each layer has learned: names, types, shapes and bytes of its arrays.

    Instruments and first weights are left out: what is learned from now on does not depend on them.
    """
    digest = hashlib.sha256()
    for arrays in layers:
        for name in sorted(arrays.keys() - NOT_LEARNED):
            array = arrays[name]
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def plain_weights(
    arrays: Arrays, kind: str = "DenseWTA", kernel: int = 1, neurons: slice | NDArray[np.int64] = slice(None)
) -> NDArray[np.float32]:
    """Return the weights of some neurons, scale times synapse: float32, C order, neurons first.

    The shape is (neurons, inputs) for a dense layer, (neurons, channels, kernel, kernel) for a convolutional one.
    """
    if kind == "ConvWTA":
        product: NDArray[np.float32] = arrays["synapses"][neurons] * arrays["scales"][neurons, None]
        channels = product.shape[1] // kernel**2
        return np.ascontiguousarray(product.reshape(-1, kernel, kernel, channels).transpose(0, 3, 1, 2))
    product = arrays["synapses"][:, neurons] * arrays["scales"][neurons]
    return np.ascontiguousarray(product.T)


def check_finite(arrays: Arrays) -> None:
    """Refuse the arrays of a layer that has diverged, with a ValueError."""
    for name, array in arrays.items():
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, and is not")
