"""The checksum of a state file: damage is found before HDF5 parses the file.

Its first 512 bytes, HDF5's user block, hold the format's version and a SHA-256 of the rest.
"""

import hashlib
from typing import BinaryIO

from neurosim.errors import StateError

MAGIC = b"neurosim state\n"
FORMAT = 3
USER_BLOCK = 512
PIECE = 1 << 20  # bytes that are hashed, compared or transposed at a time


def user_block(digest: str, version: int = FORMAT) -> bytes:
    """Return the first 512 bytes of a file."""
    return (MAGIC + f"format {version}\nsha256 {digest}\n".encode()).ljust(USER_BLOCK, b"\n")


def digest_of(file: BinaryIO) -> str:
    """Hash what follows the user block."""
    digest = hashlib.sha256()
    file.seek(USER_BLOCK)
    while chunk := file.read(PIECE):
        digest.update(chunk)
    return digest.hexdigest()


def verify(file: BinaryIO) -> None:
    """Refuse a file that is not, byte for byte, what `image` made.

    Raises
    ------
    StateError
        If it is foreign, of a newer format, or damaged. The message lacks the file's name, for the caller to put first.
    """
    file.seek(0)
    head = file.read(USER_BLOCK)
    if not head.startswith(MAGIC):
        raise StateError("must be a neurosim state file, and is not one")
    version = named_version(head)
    if version.isdigit() and int(version) > FORMAT:
        raise StateError(f"must be of format {FORMAT} or older, and is of {int(version)}: a newer neurosim wrote it")
    if head != user_block(digest_of(file), int(version) if version.isdigit() else FORMAT):
        raise StateError("must be as it was written, and is not: it is damaged, its checksum differs")


def named_version(head: bytes) -> bytes:
    """Return the format version that the user block names."""
    return head[len(MAGIC) :].split(b"\n")[0].removeprefix(b"format ")
