"""Records of latencies in files: HDF5 and CSV with every sample, HdrHistogram's table with the distribution."""

import csv
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from neurosim.errors import ConfigError
from neurosim.latency.timing.record import Moments, Record
from neurosim.reporting.files import check_file
from neurosim.reporting.writing import write_bytes

FORMAT, VERSION = "neurosim latency record", 2  # the first had no checksum
DIGITS = 3  # significant digits that HdrHistogram keeps of a latency
MICROSECOND = 1000.0
Others = Mapping[str, Moments | None]  # other times of the samples, by what they are of


def check_record(path: str | Path) -> None:
    """Refuse a record with another ending, or one that needs a library which is not installed."""
    check_file("record", path, tuple(FORMS))
    if Path(path).suffix.lower() == ".hgrm" and find_spec("hdrh") is None:
        raise ConfigError("hdrh", "installed for a record .hgrm", "none", "pip install 'neurosim-chip[bench]'")


def write(record: Record, others: Others, summary: dict[str, Any], path: str | Path) -> None:
    """Write a record in the format that its ending names; what was there before stays whole if that fails."""
    check_record(path)
    write_bytes("record", path, FORMS[Path(path).suffix.lower()](record, others, summary))


def _hdf5(record: Record, others: Others, summary: dict[str, Any]) -> bytes:
    """Return the bytes of an HDF5 file, made in memory: HDF5 itself ends the process if the disk is full."""
    import h5py

    text = json.dumps(summary, allow_nan=False)
    with h5py.File(f"neurosim-{uuid.uuid4().hex}", "w", driver="core", backing_store=False) as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        file.attrs["summary"], file.attrs["sha256"] = text, checksum(text, record, others)
        for name, moments in record._asdict().items():
            file.create_dataset(f"{name}_ns", data=moments, compression="gzip", shuffle=True, fletcher32=True)
        for name, times in others.items():
            if times is not None:
                file.create_dataset(f"{name}_ns", data=times)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def checksum(summary: str, record: Record, others: Others) -> str:
    """Return the hash of all that a record in HDF5 holds: 64 hexadecimal digits."""
    digest = hashlib.sha256(summary.encode())
    for name, times in sorted({**record._asdict(), **others}.items()):
        if times is not None:
            digest.update(f"{name} {times.shape}".encode())
            digest.update(times.astype("<i8", order="C").tobytes())
    return digest.hexdigest()


def _csv(record: Record, others: Others, summary: dict[str, Any]) -> bytes:
    text = StringIO(newline="")
    text.write(f"# {json.dumps(summary, allow_nan=False)}\n")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([f"{name}_ns" for name in record._fields])
    lines.writerows(zip(*(moments.tolist() for moments in record), strict=True))
    return text.getvalue().encode()


def _hgrm(record: Record, others: Others, summary: dict[str, Any]) -> bytes:
    from hdrh.histogram import HdrHistogram

    response = record.response
    histogram = HdrHistogram(1, max(2, int(response.max())), DIGITS)
    for latency in response.tolist():
        histogram.record_value(latency)
    file = BytesIO()
    histogram.output_percentile_distribution(file, MICROSECOND)
    return file.getvalue()


Form = Callable[[Record, Others, dict[str, Any]], bytes]
FORMS: dict[str, Form] = {".h5": _hdf5, ".hdf5": _hdf5, ".csv": _csv, ".hgrm": _hgrm}
