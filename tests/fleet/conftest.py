import pytest

from neurosim.engine.fleet import layer


@pytest.fixture(autouse=True, scope="module")
def _threads_at_once():
    """Let threads share the smallest chunks, too: tests' chips are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer, "TOGETHER", 1)
        yield
