"""Arrays begin with a line of the cache, those that a chip learns in among them."""

import numpy as np
import pytest

import neurosim as ns
from neurosim import aligned


@pytest.mark.parametrize("shape", [7, (3, 5), ()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_shape_type_and_address(shape, dtype):
    for make in (aligned.empty, aligned.zeros):
        array = make(shape, dtype)
        expected = np.zeros(shape, dtype)
        assert (array.shape, array.dtype, array.strides) == (expected.shape, expected.dtype, expected.strides)
        assert array.ctypes.data % 64 == 0
        assert array.flags.writeable
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("constants", [{}, {"initial": "zeros"}, {"weight_bits": 8}])
def test_a_chip_s_synapses_are_so(tmp_path, constants):
    chip = ns.Chip([ns.recipes.softhebb(33, **constants)], inputs=65)
    chip.save(tmp_path / "chip.h5")
    for one in (chip, ns.Chip.load(tmp_path / "chip.h5")):
        assert one.layers[0].state.synapses.ctypes.data % 64 == 0
