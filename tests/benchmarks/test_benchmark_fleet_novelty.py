"""The benchmark of a fleet's novelty: every detector scores every reading, and the table has the kinds of faults."""

import numpy as np
import pytest

from benchmarks import fleet_novelty as benchmark


@pytest.fixture(scope="module")
def readings():
    return benchmark.plant(12, benchmark.FIRST + 40, 2, 0)


def test_the_plant_has_both_kinds_of_faults_and_each_sensor_in_each_round():
    many = benchmark.plant(200, 60, 2, 0)
    assert (np.sort(many.keys, axis=1) == np.arange(200)).all()
    assert 0.006 < np.mean(many.faults > 0) < 0.014
    assert set(np.unique(many.faults)) == {0, benchmark.ANOTHERS, benchmark.ONE_LINE}
    assert (many.samples >= 0).all()


@pytest.mark.parametrize("name", benchmark.DETECTORS)
def test_a_detector_scores_every_reading(readings, name):
    scores, size = benchmark.DETECTORS[name](readings)
    assert scores.shape == readings.keys.shape
    assert np.isfinite(scores).all()
    assert (size > 0) == ("each" in name)


def test_all_keys_have_the_scores_of_separate_chips(readings):
    assert next(benchmark.equal_bits(readings, 4)).startswith("12 of 12 keys")


def test_the_table_by_neurons_has_a_column_for_each_span_that_is_there():
    lines = list(benchmark.by_neurons(benchmark.plant(12, 150, 2, 0)))
    assert lines[0] == "| detector | 50 to 150 |"
    assert len(lines) == 10
