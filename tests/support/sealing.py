"""State files with other contents and a hash that fits."""

from neurosim.state import checksum


def reseal(path, version=checksum.FORMAT):
    """Do what a careful forger would: edit, then make the checksum right again."""
    with path.open("rb") as file:
        head = checksum.user_block(checksum.digest_of(file), version)
    path.write_bytes(head + path.read_bytes()[len(head) :])
