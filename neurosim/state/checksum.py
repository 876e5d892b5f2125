"""The checksum of a state file: damage is found before HDF5 parses the file.

Its first 512 bytes, HDF5's user block, hold the format's version and a SHA-256 of the rest.
"""

import hashlib
from typing import BinaryIO, NamedTuple

from neurosim.errors import StateError

FORMAT = 3
USER_BLOCK = 512
PIECE = 1 << 20  # bytes that are hashed, compared or transposed at a time


class Kind(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    magic : bytes
        What a file begins with: its first line.
    version : int
        Of the newest format.
    name : str
        What errors call such a file.
    opened_by : str
        What reads it, for whoever has it in hand and wanted another.
    """

    magic: bytes
    version: int
    name: str
    opened_by: str


CHIP = Kind(b"neurosim state\n", FORMAT, "neurosim state file", "that of one chip (neurosim.Chip.load)")
FLEET = Kind(b"neurosim fleet\n", 1, "neurosim fleet file", "that of a fleet (neurosim.Fleet.load, --key)")
KINDS = (CHIP, FLEET)


def user_block(digest: str, version: int = FORMAT, kind: Kind = CHIP) -> bytes:
    """Return the first 512 bytes of a file."""
    return (kind.magic + f"format {version}\nsha256 {digest}\n".encode()).ljust(USER_BLOCK, b"\n")


def digest_of(file: BinaryIO) -> str:
    """Hash what follows the user block."""
    digest = hashlib.sha256()
    file.seek(USER_BLOCK)
    while chunk := file.read(PIECE):
        digest.update(chunk)
    return digest.hexdigest()


def verify(file: BinaryIO, kind: Kind = CHIP) -> None:
    """Refuse a file that is not, byte for byte, what was written as a file of its kind.

    Raises
    ------
    StateError
        If it is foreign, of a newer format, or damaged. The message lacks the file's name, for the caller to put first.
    """
    file.seek(0)
    head = file.read(USER_BLOCK)
    if not head.startswith(kind.magic):
        other = next((f": it is {other.opened_by}" for other in KINDS if head.startswith(other.magic)), "")
        raise StateError(f"must be a {kind.name}, and is not one{other}")
    version, newest = named_version(head), kind.version
    if version.isdigit() and int(version) > newest:
        raise StateError(f"must be of format {newest} or older, and is of {int(version)}: a newer neurosim wrote it")
    if head != user_block(digest_of(file), int(version) if version.isdigit() else newest, kind):
        raise StateError("must be as it was written, and is not: it is damaged, its checksum differs")


def named_version(head: bytes) -> bytes:
    """Return the format version that the user block names."""
    return head.split(b"\n", 2)[1].removeprefix(b"format ")
