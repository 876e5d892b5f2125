"""Folders that cannot be written, also by root, as on a disk that is mounted for reading only."""

READ_ONLY = """
import os, tempfile
from numba.core import caching
CLOSED = {folders}
make, open_for_write, temporary = os.makedirs, caching.IndexDataCacheFile._open_for_write, tempfile.TemporaryFile
def check(path):
    if any(os.path.abspath(path).startswith(folder) for folder in CLOSED):
        raise OSError(30, "Read-only file system", str(path))
def make_folder(path, *rest, **named):
    if not os.path.isdir(path):
        check(path)
    make(path, *rest, **named)
def open_temporary(*rest, dir=None, **named):
    check(dir)
    return temporary(*rest, dir=dir, **named)
def open_to_write(self, path):
    check(path)
    return open_for_write(self, path)
os.makedirs, tempfile.TemporaryFile, caching.IndexDataCacheFile._open_for_write = (
    make_folder, open_temporary, open_to_write
)
"""


def read_only(*folders):
    """Return the beginning of a program in which Numba can write nothing below these folders."""
    return READ_ONLY.format(folders=[str(folder) for folder in folders])
