"""Sweeps over the parts of a chip: area is an objective, and points that cannot be built fail alone."""

import pytest

from neurosim.errors import ConfigError, InfeasibleError
from neurosim.experiments.data import Data
from neurosim.sweeps import point, settings, study

STUDY = """
name = "parts"
[data]
train = "digits:train"
test = "digits:test"
train_samples = 60
test_samples = 40
[chip]
recipe = "softhebb"
neurons = 10
weight_bits = 8
[measure]
readout = "winner"
price_samples = 20
[hardware]
chip = "cmos28-int8"
[search]
method = "grid"
[vary]
hardware.structure.clock_Hz = [200e6, 1e9]
[objectives]
accuracy = "max"
area_mm2 = "min"
power_density_W_per_mm2 = "min"
"""


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return study.read(path, point.SECTIONS, point.MEASURES).sections  # the objectives are measures


def complete(asked, **hardware):
    return settings.complete(asked | {"hardware": asked["hardware"] | hardware})


def test_area_and_power_density_are_measures(asked, tmp_path):
    data = Data(tmp_path)
    wide, narrow = (complete(asked, **{"structure.lanes": lanes}) for lanes in (8.0, 2))
    learned = point.learn(wide, data)
    both = [point.price(learned, each) for each in (narrow, wide)]
    assert both[0]["area_mm2"] < both[1]["area_mm2"]
    for measures in both:
        assert measures["power_density_W_per_mm2"] == pytest.approx(measures["power_W"] / measures["area_mm2"])


def test_what_cannot_be_built_fails_at_its_point_alone(asked, tmp_path):
    slow, fast = complete(asked), complete(asked, **{"structure.clock_Hz": 1e9})
    assert slow["hardware"]["description"] != fast["hardware"]["description"]
    point.admit(slow, Data(tmp_path))
    with pytest.raises(InfeasibleError, match=r"structure.clock_Hz must be at most"):
        point.admit(fast, Data(tmp_path))
    with pytest.raises(ConfigError, match=r"components.weights.node_nm must be from 7 to 130 nm"):
        complete(asked, **{"components.node_nm": 3})  # a value that no chip can have stops the study
    assert complete(asked, **{"memory.banks": 4.0}) == complete(asked, **{"memory.banks": 4})
    assert complete(asked, **{"components.weights.banks": 8.0}) == complete(asked, **{"components.weights.banks": 8})
