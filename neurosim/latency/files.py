"""Records of latencies in files: HDF5 and CSV with every sample, HdrHistogram's table with the distribution."""

import csv
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from neurosim.latency.report import Report

FORMAT, VERSION = "neurosim latency record", 1
DIGITS = 3  # of a latency that HdrHistogram keeps
MICROSECOND = 1000.0


def check_file(name: str, path: str | Path, endings: tuple[str, ...] = ()) -> None:
    """Refuse a file that could not be written, before a measurement and not after."""
    path = Path(path)
    if endings and path.suffix.lower() not in endings:
        raise ConfigError(name, f"a file that ends in {' or '.join(endings)}", str(path))
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(name, "a file in a folder that is there", str(path))


def check_record(path: str | Path) -> None:
    """Refuse a record of another ending, or one that needs a library which is not there."""
    check_file("record", path, tuple(FORMS))
    if Path(path).suffix.lower() == ".hgrm" and find_spec("hdrh") is None:
        raise ConfigError("a record .hgrm", "made by HdrHistogram", "none", "pip install 'neurosim-chip[bench]'")


def write(report: "Report", path: str | Path) -> None:
    """Write a record in the form that its ending names."""
    check_record(path)
    try:
        FORMS[Path(path).suffix.lower()](report, Path(path))
    except OSError as error:
        raise ConfigError("record", f"a file that can be written, but: {error}", str(path)) from error


def _hdf5(report: "Report", path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        file.attrs["summary"] = json.dumps(report.summary(), allow_nan=False)
        for name, moments in report.record._asdict().items():
            file.create_dataset(f"{name}_ns", data=moments, compression="gzip", shuffle=True, fletcher32=True)
        if report.layers is not None:
            file.create_dataset("layer_ns", data=report.layers)


def _csv(report: "Report", path: Path) -> None:
    with path.open("w", newline="") as file:
        file.write(f"# {json.dumps(report.summary(), allow_nan=False)}\n")
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([f"{name}_ns" for name in report.record._fields])
        lines.writerows(zip(*(moments.tolist() for moments in report.record), strict=True))


def _hgrm(report: "Report", path: Path) -> None:
    from hdrh.histogram import HdrHistogram

    response = report.record.response
    histogram = HdrHistogram(1, max(2, int(response.max())), DIGITS)
    for latency in response.tolist():
        histogram.record_value(latency)
    with path.open("wb") as file:
        histogram.output_percentile_distribution(file, MICROSECOND)


FORMS: dict[str, Callable[["Report", Path], None]] = {".h5": _hdf5, ".hdf5": _hdf5, ".csv": _csv, ".hgrm": _hgrm}
