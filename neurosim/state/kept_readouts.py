"""Readouts in a state file: what was fitted to the chip's responses, as arrays, and to which weights."""

from typing import Any, NamedTuple

import h5py

from neurosim.errors import StateError
from neurosim.state import attributes
from neurosim.state.arrays import Arrays, check_finite
from neurosim.state.structure import Stored, check_readout, readout_groups

FEATURES = ("output", "triangle", "relu", "softmax")


class KeptReadout(NamedTuple):
    """One readout.

    Attributes
    ----------
    samples : int
        Samples it was fitted on.
    features : str
        What of a response it takes.
    arrays : dict of arrays
        As `neurosim.state.layouts.READOUTS` lists them.
    """

    samples: int
    features: str
    arrays: Arrays


def write(file: h5py.File, readouts: dict[str, KeptReadout], storage: Any) -> None:
    """Write readouts; `storage` returns the options of a dataset for its shape."""
    parent = file.create_group("readouts")
    parent.attrs["state_sha256"] = file.attrs["state_sha256"]
    for kind, readout in readouts.items():
        group = parent.create_group(kind)
        group.attrs["samples"], group.attrs["features"] = readout.samples, readout.features
        for name, array in readout.arrays.items():
            group.create_dataset(name, data=array, **storage(array.shape))


def read(file: h5py.File, neurons: int, stored: Stored) -> dict[str, KeptReadout] | None:
    """Return the readouts of a file; None if it has none.

    Parameters
    ----------
    file : h5py.File
    neurons : int
        Of the last layer.
    stored : Stored
        Counts bytes.

    Raises
    ------
    StateError
        If they are malformed, or were fitted to other weights.
    """
    groups = readout_groups(file)
    if not groups:
        return None
    of, state = (attributes.text(group, "state_sha256", 64) for group in (file["readouts"], file))
    if of != state:
        raise StateError("must hold readouts of the weights that it holds, and holds those of other weights")
    readouts = {}
    for kind, group in groups.items():
        check_readout(group, kind, neurons, stored)
        features = attributes.text(group, "features", 32)
        if features not in FEATURES:
            raise StateError(f"must hold a readout of {', '.join(FEATURES)}, and holds one of {features!r}")
        arrays = {name: item[...] for name, item in group.items()}
        check_finite(arrays)
        if (
            "labels" in arrays
            and len(arrays["labels"])
            and not 0 <= arrays["labels"].min() <= arrays["labels"].max() < 2**31
        ):
            raise StateError(f"must hold labels from 0 to 2147483647 in readouts/{kind}, and holds others")
        samples = attributes.whole_number(group, "samples", 0, 2**63 - 1)
        readouts[kind] = KeptReadout(samples, features, arrays)
    return readouts
