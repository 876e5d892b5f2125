"""The loops that measure a machine do what is counted for them, no less."""

import numpy as np
import pytest

from neurosim.kernels import machine


@pytest.mark.parametrize("lines", [1, 2, 7, 8, 9, 23])
def test_every_line_of_every_row_is_read_as_often_as_it_is_named(lines):
    x = np.full((5, lines * machine.LINE), 1000.0, np.float32)
    x[:, :: machine.LINE] = np.arange(5 * lines).reshape(5, lines)
    order = np.array([4, 0, 0, 2, 1, 3, 1, 1, 4, 2, 2], np.int32)  # eight in step, and three
    assert machine.read_rows(x, order) == x[order, :: machine.LINE].sum()


@pytest.mark.parametrize("lines", [1, 3, 8])
def test_every_line_of_every_row_is_written_as_often_as_it_is_named(lines):
    x = np.zeros((4, lines * machine.LINE), np.float32)
    machine.update_rows(x, np.array([3, 1, 1], np.int32))
    expected = np.zeros_like(x)
    expected[[1, 3], :: machine.LINE] = [[2], [1]]
    np.testing.assert_array_equal(x, expected)


def test_every_element_is_multiplied_and_added_to_eight_times_a_pass():
    x = np.arange(37, dtype=np.float32)
    expected, factor, term = x.copy(), np.float32(0.7), np.float32(0.3)
    machine.multiply_and_add(x, factor, term, 2)
    for _ in range(2 * machine.OPERATIONS // 2):
        expected = expected * factor + term
    assert x.tobytes() == expected.tobytes()  # each product rounded before it is added
