"""Presets: whole chips as published, read from data files that name their source.

A file has the presets for one kind of data: the `shape` of a sample, the `source`, and for each preset its layers, one
per row, and the readout that its accuracy was published with. `common` has what a row leaves out. Each preset has two
versions: NAME learns from one image at a time, with the constants in `online`; NAME-published learns in batches, with
those in `published`.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from neurosim.errors import ConfigError
from neurosim.layers.activations import Identity, Triangle
from neurosim.layers.competition import HardWTA, SoftWTA
from neurosim.layers.conv import ConvWTA, MaxPool, MeanPool
from neurosim.layers.rules import SoftHebb
from neurosim.layers.schedules import NormAdaptiveRate
from neurosim.outside import toml

BATCHES = "-published"
POOLS: dict[str, type[MaxPool | MeanPool]] = {"max": MaxPool, "mean": MeanPool}


@dataclass(frozen=True, slots=True)
class Preset:
    """A chip as published.

    Attributes
    ----------
    name, source : str
        Its name here, and where its constants are from.
    shape : tuple of int
        Shape of a sample: (channels, height, width). The layers take images of other sizes too, as long as no kernel
        and no pool is larger.
    layers : tuple of ConvWTA
    readout : dict
        Parameters of `SoftmaxReadout`.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    layers: tuple[ConvWTA, ...]
    readout: dict[str, Any]


def names() -> list[str]:
    """Return the names of all presets."""
    return [name for plain in _rows() for name in (plain, plain + BATCHES)]


def preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    ConfigError
        If there is no preset with this name.
    """
    if name not in names():
        raise ConfigError("preset", f"one of {', '.join(names())}", name)
    file, rows = _rows()[name.removesuffix(BATCHES)]
    version = "published" if name.endswith(BATCHES) else "online"
    common = file["common"] | file[version] | rows.get("common", {})
    own = rows.get(version, [{}] * len(rows["layers"]))
    layers = tuple(_layer(common | row | changes) for row, changes in zip(rows["layers"], own, strict=True))
    readout = file["readout"] | rows.get("readout", {})
    source = f"{rows['source']}; {file['source']}"
    return Preset(name=name, source=source, shape=tuple(file["shape"]), layers=layers, readout=readout)


@cache
def _rows() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return by name the file of each preset, without its presets, and the preset's own entry."""
    presets: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for path in sorted(files(__name__).iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            with as_file(path) as here:
                file = toml.read("presets", here)
            presets |= {name: (file, rows) for name, rows in file.pop("presets").items()}
    return presets


def _layer(row: dict[str, Any]) -> ConvWTA:
    """Return the layer that a row describes."""
    row = dict(row)
    inverse = row.pop("inverse_temperature", None)
    competition = HardWTA() if inverse is None else SoftWTA(temperature=1 / inverse, signed=row.pop("signed"))
    row.pop("signed", None)
    rule = SoftHebb(rate=NormAdaptiveRate(row.pop("rate"), power=row.pop("rate_power"), floor=0.0))
    pool = dict(row.pop("pool"))
    return ConvWTA(
        competition=competition,
        rule=rule,
        transmit=Triangle(power=row.pop("triangle")),
        activation=Triangle() if row.pop("compete_on_triangle", False) else Identity(),
        pool=POOLS[pool.pop("kind")](**pool),
        **row,
    )
