"""Download published data sets, verify them, and store them where `open_stream` looks for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from neurosim.checks import one_of
from neurosim.errors import ConfigError, StreamError
from neurosim.outside.files import check_regular
from neurosim.state.file_system import keep_mode
from neurosim.streams.sources import NAMED

TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 20  # bytes written at a time
LARGEST = 4 << 30  # bytes of a file; STL-10's archive, the largest, has 2.6 GB


class Dataset(NamedTuple):
    """A published data set.

    Attributes
    ----------
    base : str
        Address that its files' names are appended to.
    source : str
        Name of its source (`neurosim.streams.sources`), and of the folder that the files are stored in.
    files : dict
        md5 by file name.
    unpacked : tuple of str
        Splits that can be read only from the unpacked archive.
    """

    base: str
    source: str
    files: dict[str, str]
    unpacked: tuple[str, ...] = ()

    @property
    def sources(self) -> list[str]:
        """Names of the splits that can be opened as soon as the files are there."""
        return [f"{self.source}:{split}" for split in NAMED[self.source].splits if split not in self.unpacked]


CIFAR = "https://www.cs.toronto.edu/~kriz/"
DATASETS = {
    "mnist": Dataset(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",  # the authors' own host refuses downloads
        "mnist",
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "cifar10": Dataset(CIFAR, "cifar10", {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"}),
    "cifar10-binary": Dataset(CIFAR, "cifar10", {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}),
    "cifar100": Dataset(CIFAR, "cifar100", {"cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85"}),
    "cifar100-binary": Dataset(CIFAR, "cifar100", {"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"}),
    "stl10": Dataset(
        "http://ai.stanford.edu/~acoates/stl10/",
        "stl10",
        {"stl10_binary.tar.gz": "91f7769df0f17e558f3565bffb0c7dfb"},
        unpacked=("unlabelled",),
    ),
}


class Fetched(NamedTuple):
    """Path of a file of a data set, and whether it was there before, with the right md5 (`kept`)."""

    path: Path
    kept: bool


def fetch(name: str, root: str | Path = ".", *, base: str | None = None, progress: bool = False) -> Iterator[Fetched]:
    """Download the files of a data set, one after another; keep those that are there with the right md5.

    A download is stored under its final name only when it is complete and its md5 is right.

    Parameters
    ----------
    name : str
        One of `DATASETS`.
    root : path
        Folder that holds the data set's own folder, which is created if it is missing.
    base : str, optional
        Address of a mirror, used instead of the published one.
    progress : bool
        Draw a progress bar on standard error.

    Raises
    ------
    ConfigError
        If the name is unknown, `base` is not an HTTP address, or pooch is missing.
    StreamError
        If a file cannot be downloaded or written, or its md5 is wrong.
    """
    one_of("name of the data set", name, tuple(DATASETS))
    dataset = DATASETS[name]
    address = dataset.base if base is None else base.rstrip("/") + "/"
    if not address.startswith(("http://", "https://")):
        raise ConfigError("from", "an address that begins with http:// or https://", base)
    for file, md5 in dataset.files.items():
        yield _download(address + file, Path(root) / dataset.source / file, md5, progress)


class _Limited:
    """A file that a download is written to, which ends one that does not end by itself."""

    def __init__(self, file: BinaryIO, address: str) -> None:
        self._file, self._address, self._count = file, address, 0
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        """Write bytes; refuse more than any file of a data set has."""
        self._count += len(data)
        if self._count > LARGEST:
            raise StreamError(f"{self._address} must be at most {LARGEST} bytes, got more; nothing of it was kept")
        return self._file.write(data)


def _download(url: str, path: Path, md5: str, progress: bool) -> Fetched:
    try:
        import pooch
        from requests import RequestException
    except ImportError:
        raise ConfigError("a data set", "fetched by pooch", "no pooch", "pip install 'neurosim-chip[data]'") from None
    pooch.get_logger().setLevel("WARNING")
    http = pooch.HTTPDownloader(
        progressbar=progress, timeout=TIMEOUT, chunk_size=CHUNK, headers={"Accept-Encoding": "identity"}
    )

    def downloader(address: str, output: str, owner: object) -> None:
        with open(output, "w+b") as file:
            http(address, _Limited(file, address), owner)

    try:
        if path.exists() and not path.is_dir():
            check_regular(path)
        kept = path.exists() and pooch.file_hash(str(path), alg="md5") == md5
        if not kept:
            pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=downloader)
            keep_mode(path, 0o644)  # pooch's temporary file was readable by its owner only
    except RequestException as error:
        raise StreamError(
            f"{url} must be there to fetch, but: {error}; nothing of it was kept (another mirror: --from URL)"
        ) from error
    except StreamError:
        raise
    except OSError as error:
        raise StreamError(f"{path} must be writable, but: {error}") from error
    except ValueError as error:
        raise StreamError(f"{url} must have the md5 {md5}, and nothing of it was kept: {error}") from error
    return Fetched(path, kept)
