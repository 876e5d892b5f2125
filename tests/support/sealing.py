"""State files with other contents and a hash that fits."""

from neurosim.state import checksum


def reseal(path, version=None, kind=checksum.CHIP):
    """Do what a careful forger would: edit, then make the checksum right again."""
    with path.open("rb") as file:
        head = checksum.user_block(checksum.digest_of(file), kind.version if version is None else version, kind)
    path.write_bytes(head + path.read_bytes()[len(head) :])
