"""Mutants of HDF5 files: streams of samples, and state files whose checksum is made right again."""

import json
import os
from pathlib import Path
from random import Random

import h5py
import numpy as np
from mutations import LEARN, REAL, TEXTS, WHOLE, bent, edited, odd
from sealing import reseal

import neurosim as ns

DTYPES = [
    "f4",
    ">f4",
    "f8",
    "f2",
    "u1",
    "i8",
    "?",
    "c8",
    "S3",
    "V4",
    [("a", "f4")],
    h5py.string_dtype(),
    h5py.vlen_dtype("f4"),
    h5py.enum_dtype({"a": 1}, "i4"),
    h5py.ref_dtype,
]
FILTERS = [{}, {"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True}, {"fletcher32": True}]


def _replace(rng: Random, file: h5py.File, name: str) -> None:
    """Put something else in a dataset's stead; at times something that refers to what is not there, or to itself."""
    try:
        old = file.get(name)
    except RuntimeError:  # a link of an earlier change leads back to itself
        old = None
    shape, values = (3,), np.zeros(3)
    if isinstance(old, h5py.Dataset):
        shape = old.shape
        small = old.size < 10**6 and not (old.is_virtual or old.external)  # others may be of an earlier change
        values = old[...] if small and old.dtype.kind in "fiub" else np.zeros(shape if small else 3)
    del file[name]
    match rng.randrange(12):
        case 0:
            return
        case 1:
            file.create_group(name)
        case 2:
            file[name] = h5py.SoftLink(rng.choice(["/", "/nothing", name, "/layer_0"]))
        case 3:
            file[name] = h5py.ExternalLink(
                rng.choice(["nothing.h5", "/dev/zero", "fifo", Path(file.file.filename).name]), name
            )
        case 4:
            file[name] = file["/"]
        case 5:  # a virtual dataset, perhaps of itself
            layout = h5py.VirtualLayout(shape or (1,), "f4")
            origin = rng.choice(["nothing.h5", ".", Path(file.file.filename).name, "fifo"])
            layout[...] = h5py.VirtualSource(origin, name, shape or (1,))
            file.create_virtual_dataset(name, layout)
        case 6:
            size = int(np.prod(shape or (1,))) * 4
            file.create_dataset(
                name, shape or (1,), "f4", external=[(rng.choice(["nothing", "/dev/zero", "fifo"]), 0, size)]
            )
        case 7:  # huge, and nothing of it stored
            large = tuple(rng.choice([10**9, 10**6, 3]) for _ in (shape or (1,)))
            file.create_dataset(
                name, large, "f4", chunks=tuple(min(size, 1000) for size in large), **rng.choice(FILTERS)
            )
        case 8:
            dtype = rng.choice(DTYPES)
            file.create_dataset(name, shape or (1,), dtype)
        case 9:
            other = rng.choice([(), (0,), shape[1:], (*shape, 1), (1, *shape), shape[::-1]])
            file.create_dataset(name, other, old.dtype if isinstance(old, h5py.Dataset) else "f4")
        case _:
            values = np.array(values)
            if values.size:
                with np.errstate(all="ignore"):
                    flat = values.reshape(-1).astype(np.float64)
                    flat[rng.randrange(len(flat))] = float(rng.choice([*REAL, *WHOLE]))
                    values = flat.reshape(values.shape).astype(values.dtype)
            file.create_dataset(name, data=values, **(rng.choice(FILTERS) if values.ndim else {}))


def _attribute(rng: Random, owner: h5py.Group) -> None:
    """Change an attribute: texts of JSON within, others by type."""
    if not owner.attrs:
        return
    name = rng.choice(list(owner.attrs))
    value = owner.attrs[name]
    try:
        changed = edited(rng, json.loads(value)) if isinstance(value, str) else odd(rng)
        if isinstance(value, str) or isinstance(changed, dict | list):
            changed = json.dumps(changed)
        owner.attrs[name] = rng.choice(
            [changed] * 6 + [value, "", 1, np.zeros(9000, "u1"), h5py.Empty("f4"), b"\xff", "\ud800"]
        )
    except (TypeError, ValueError, OverflowError, RecursionError, OSError):
        owner.attrs[name] = rng.choice(TEXTS[:4])


def stream(rng: Random, folder: Path) -> list[object]:
    path = folder / "x.h5"
    os.mkfifo(folder / "fifo")
    with h5py.File(path, "w") as file:
        file["samples"] = np.random.default_rng(0).random((20, 4), np.float32)
        file["labels"] = np.arange(20) % 3
        for _ in range(rng.choice([0, 1, 1, 2])):
            name = rng.choice(["samples", "labels"])
            if name in file:
                _replace(rng, file, name)
    if rng.random() < 0.3:
        path.write_bytes(bent(rng, path.read_bytes()))
    source = rng.choice(
        ["x.h5"] * 5 + ["x.h5:samples", "x.h5:samples,labels", "x.h5:/", "x.h5:labels", "x.h5:samples,samples"]
    )
    return ["stream", source, "--root", folder, *LEARN]


_STATES: list[bytes] = []


def _states(folder: Path) -> list[bytes]:
    """Return a few whole state files, made once."""
    if not _STATES:
        images = ns.ConvWTA(2, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
        for number, (layers, shape) in enumerate(
            [
                ([ns.recipes.softhebb(3)], (4,)),
                ([ns.recipes.softhebb(3, window=4), ns.recipes.hard_wta(2)], (4,)),
                ([images], (1, 5, 5)),
            ]
        ):
            chip = ns.Chip(layers, inputs=shape, seed=1)
            chip.learn(np.random.default_rng(1).random((10, *shape), np.float32))
            path = folder / f"whole-{number}.h5"
            chip.save(path, position=10)
            _STATES.append(path.read_bytes())
            path.unlink()
    return _STATES


def state(rng: Random, folder: Path) -> list[object]:
    path = folder / "state.h5"
    path.write_bytes(rng.choice(_states(folder)))
    os.mkfifo(folder / "fifo")
    with h5py.File(path, "r+") as file:
        for _ in range(rng.choice([1, 1, 2])):
            group = file["layer_0"] if rng.random() < 0.8 else file
            if rng.random() < 0.5:
                _attribute(rng, rng.choice([file, file["layer_0"]]))
            else:
                _replace(rng, group, rng.choice(list(group)) if group is not file else "layer_0")
                if not _has_group(file):
                    break
        whole = _has_group(file)
        if rng.random() < 0.1:
            names = ["layer_9", "layer_x", "more", *(["layer_0/more"] if whole else [])]
            file.create_dataset(rng.choice(names), data=np.zeros(3))
        if rng.random() < 0.5 and whole:
            _true_hash(file)
    if rng.random() < 0.8:
        reseal(path)
    else:
        path.write_bytes(bent(rng, path.read_bytes()))
        if rng.random() < 0.5:
            reseal(path)
    return rng.choice(
        [
            ["inspect", path],
            ["inspect", path, "--json"],
            ["stream", "digits:test", "--inputs", "64", "--neurons", "3", "--state", path],
        ]
    )


def _has_group(file: h5py.File) -> bool:
    """Tell whether the layer is still a group; links may lead nowhere or back."""
    try:
        return isinstance(file.get("layer_0"), h5py.Group)
    except RuntimeError:
        return False


def _true_hash(file: h5py.File) -> None:
    """Make the state's own hash right again, where its arrays can be read at a reasonable size."""
    from neurosim.state.arrays import hash_of

    layers = []
    for name in sorted(name for name in file if name.startswith("layer_")):
        try:
            group = file[name]
            if not isinstance(group, h5py.Group):
                return
            arrays = {key: group[key] for key in group if key != "weights"}
            if any(
                not isinstance(item, h5py.Dataset) or item.is_virtual or item.external or item.size > 10**6
                for item in arrays.values()
            ):
                return
            layers.append({key: item[...] for key, item in arrays.items()})
        except (KeyError, OSError, RuntimeError, AttributeError, TypeError):
            return
    try:
        file.attrs["state_sha256"] = hash_of(layers)
    except (ValueError, TypeError):
        return


KINDS = {"HDF5": stream, "state": state}
