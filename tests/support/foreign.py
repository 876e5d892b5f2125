"""Stand-ins for arrays of other libraries, by what they have in common: none of these is a dependency."""

import numpy as np


class Frame:
    """A table: pandas', polars', pyarrow's."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return self.values

    def __array__(self, *_, **__):
        return self.values

    def __len__(self):
        return len(self.values)


class Tensor:
    """A tensor of torch, which converts unless it needs gradients."""

    def __init__(self, values, requires_grad):
        self.values, self.requires_grad, self.ndim = values, requires_grad, values.ndim

    def __array__(self, *_, **__):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


class Raising:
    """Something whose conversion fails, as that of a tensor on a device."""

    def __init__(self, error=None):
        self.error = error or RuntimeError("it lies on a device")

    def __array__(self, *_, **__):
        raise self.error


def masked(values):
    """Return values with their first entry masked."""
    array = np.ma.masked_array(values, mask=np.zeros(np.shape(values), bool))
    array.mask.flat[0] = True
    return array
