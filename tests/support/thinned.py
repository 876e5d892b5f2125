"""Cases of a test of which the default run has a few, and the slow run the others."""

import pytest


def few_of(cases, step=3):
    """Mark all cases slow but every third, or so many; a tuple is a case of several arguments."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=[pytest.mark.slow] if n % step else [])
        for n, case in enumerate(cases)
    ]
