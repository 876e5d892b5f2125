"""Records of many chips: as plain numbers, for files that hold nothing else."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.instruments import RECORD

NO_RECORDS = np.empty(0, RECORD)


def as_numbers(records: NDArray[Any]) -> NDArray[np.float64]:
    """Return records as float64 (records, numbers), in the order of `neurosim.instruments.RECORD`.

    Whole numbers among them are exact: they are counts below 2**53.
    """
    names = RECORD.names or ()
    return np.stack([records[name].astype(np.float64) for name in names], axis=1)


def of_numbers(numbers: NDArray[np.float64]) -> NDArray[Any]:
    """Return the records that `as_numbers` made these of."""
    records = np.empty(len(numbers), RECORD)
    for name, column in zip(RECORD.names or (), numbers.T, strict=True):
        records[name] = column
    return records
