"""Data sets fetched from where they are published, checked, and put where `open_stream` finds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from neurosim.checks import one_of
from neurosim.errors import ConfigError, StreamError

TIMEOUT = 30  # seconds without a byte
PIECE = 1 << 20  # bytes handed on at a time


class Dataset(NamedTuple):
    """Where a data set is published, the folder it goes to, its files with their md5, and how it is then opened."""

    base: str
    folder: str
    files: dict[str, str]
    sources: tuple[str, ...]


CIFAR = "https://www.cs.toronto.edu/~kriz/"
DATASETS = {
    "mnist": Dataset(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",  # the authors' own host turns downloads away
        "mnist",
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        ("mnist:train", "mnist:test"),
    ),
    "cifar10": Dataset(
        CIFAR,
        "cifar10",
        {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
        ("cifar10:train", "cifar10:test"),
    ),
    "cifar10-binary": Dataset(
        CIFAR,
        "cifar10",
        {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        ("cifar10:train", "cifar10:test"),
    ),
    "cifar100": Dataset(
        CIFAR,
        "cifar100",
        {"cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85"},
        ("cifar100:train", "cifar100:test"),
    ),
    "cifar100-binary": Dataset(
        CIFAR,
        "cifar100",
        {"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
        ("cifar100:train", "cifar100:test"),
    ),
    "stl10": Dataset(
        "http://ai.stanford.edu/~acoates/stl10/",
        "stl10",
        {"stl10_binary.tar.gz": "91f7769df0f17e558f3565bffb0c7dfb"},
        ("stl10:train", "stl10:test"),
    ),
}


class Fetched(NamedTuple):
    """A file that is there now, and whether it was before."""

    path: Path
    kept: bool


def fetch(name: str, root: str | Path = ".", *, base: str | None = None, progress: bool = False) -> Iterator[Fetched]:
    """Fetch the files of a data set, one after another; those that are there already, and right, stay.

    A file gets its name when it is whole and its md5 is right, and not before.

    Parameters
    ----------
    name : str
        One of `DATASETS`.
    root : path
        Folder that the data set's own folder lies in, or is made in.
    base : str, optional
        Address that the names of files are appended to, in place of the published one.
    progress : bool
        Draw a bar on standard error.

    Raises
    ------
    ConfigError
        If the name is unknown, the address is none, or pooch is missing.
    StreamError
        If a file cannot be fetched or written, or is another one.
    """
    one_of("name of the data set", name, tuple(DATASETS))
    dataset = DATASETS[name]
    address = dataset.base if base is None else base.rstrip("/") + "/"
    if not address.startswith(("http://", "https://")):
        raise ConfigError("from", "an address that begins with http:// or https://", base)
    for file, md5 in dataset.files.items():
        yield _one(address + file, Path(root) / dataset.folder / file, md5, progress)


def _one(url: str, path: Path, md5: str, progress: bool) -> Fetched:
    try:
        import pooch
        from requests import RequestException
    except ImportError:
        raise ConfigError("a data set", "fetched by pooch", "no pooch", "pip install 'neurosim-chip[data]'") from None
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(
        progressbar=progress, timeout=TIMEOUT, chunk_size=PIECE, headers={"Accept-Encoding": "identity"}
    )
    try:
        kept = path.exists() and pooch.file_hash(str(path), alg="md5") == md5
        if not kept:
            pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=downloader)
            path.chmod(0o644)  # the temporary file was its owner's alone
    except RequestException as error:
        raise StreamError(
            f"{url} must be there to fetch, but: {error}; nothing of it was kept (another mirror: --from URL)"
        ) from error
    except OSError as error:
        raise StreamError(f"{path} must be writable, but: {error}") from error
    except ValueError as error:
        raise StreamError(f"{url} must have the md5 {md5}, and nothing of it was kept: {error}") from error
    return Fetched(path, kept)
