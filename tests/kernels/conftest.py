import shutil

import pytest
from kernel_copy import run
from tiny_kernel import RUN, entries, with_tiny_loop


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """A copy of the kernels with a tiny loop of several files, compiled and kept on disk."""
    folder = with_tiny_loop(tmp_path_factory.mktemp("original"))
    assert run(folder, RUN) == [6, 0]
    assert len(entries(folder)) == 2
    return folder


@pytest.fixture
def package(original, tmp_path):
    """A copy of that, with what was compiled."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path
