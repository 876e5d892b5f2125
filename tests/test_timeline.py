"""The timeline: equal to a plain reference and to SimPy's models, to closed forms, and to what is counted by hand."""

import numpy as np
import pytest
from hypothesis import event, given, settings
from reference_timeline import Reference
from timeline_networks import cases, plain, plain_reference

from neurosim import randomness
from neurosim.errors import ConfigError
from neurosim.hardware import timeline
from neurosim.hardware.timeline import Emission, Network, simulate


@settings(max_examples=1500, deadline=None)
@given(cases())
def test_equal_to_the_reference(case):
    expected = Reference(*case).run()
    if expected.stuck:
        event("deadlock")
        with pytest.raises(ConfigError, match="free of deadlock"):
            simulate(*case)
        return
    event("lost" if sum(expected.lost) else "blocked" if sum(s.blocked for s in expected.servers) else "free")
    assert plain(simulate(*case)) == plain_reference(expected)
