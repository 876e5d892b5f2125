"""Which worker has which keys, where several processes share a stream: a function of the key alone."""

import hashlib
from functools import lru_cache
from typing import NamedTuple

from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError
from neurosim.fleet.keys import as_key

REMEMBERED = 1 << 16  # keys whose worker is not computed again


@lru_cache(REMEMBERED)
def hash_of_key(key: str | int) -> int:
    """Return the stable hash of a key, from 0 to 2**64 - 1.

    The first eight bytes of the SHA-256 of the key's text in UTF-8, the lowest byte first; a whole number's text is
    decimal. So it is the same in every process, on every machine and in every language.
    """
    return int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8], "little")


def worker_of(key: str | int, workers: int) -> int:
    """Return which of the workers 0, 1, ..., `workers` - 1 has a key: the remainder of its hash.

    Parameters
    ----------
    key : str or int
        As a fleet takes it; 17 and "17" have the same worker.
    workers : int
        How many share the keys.

    Raises
    ------
    ConfigError
        If `workers` is not a whole number from 1.
    SampleError
        If `key` is none.

    Examples
    --------
    >>> import neurosim as ns
    >>> [ns.worker_of(key, 8) for key in ("pump-1", "17", "Pumpe Süd")]
    [0, 5, 7]
    """
    whole("workers", workers, 1, LARGEST)
    return hash_of_key(as_key(key)) % int(workers)  # what is remembered of 1 must not come from True


class Worker(NamedTuple):
    """One of several that share the keys of a stream.

    Attributes
    ----------
    number : int
        From 1.
    workers : int
        How many there are.
    """

    number: int = 1
    workers: int = 1

    @classmethod
    def of(cls, text: str) -> "Worker":
        """Return the worker that a text such as `2/8` says, the second of eight.

        Raises
        ------
        ConfigError
            If the text is none of that form, or the number is not from 1 to that of the workers.
        """
        number, _, workers = text.partition("/")
        plain = all(part.isascii() and part.isdigit() and len(part) < 10 for part in (number, workers))
        if not plain or not 1 <= int(number) <= int(workers):
            raise ConfigError("worker", "N/M, the number of a worker from 1 and how many there are, such as 2/8", text)
        return cls(int(number), int(workers))

    def has(self, key: str | int) -> bool:
        """Tell whether the key is this worker's."""
        return self.workers == 1 or hash_of_key(key) % self.workers == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.workers}"
