r"""The cells of a crossbar: their constants as the compiled loop takes them, and what they are before the first sample.

.. math:: w_{ki} = s_k v_{ki}, \qquad s_k = \max_i |w_{ki}|
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.engine.dense.few_bits import at_random
from neurosim.kernels.dense import devices, few_bits
from neurosim.layers.dense import DenseWTA
from neurosim.layers.devices import Crossbar

Array = NDArray[np.float32]
CELLS, FIRST_WRITES, FIRST_EXPONENTS = 701, 702, 703  # purposes of random numbers: while learning, and before


class Cells(NamedTuple):
    """Cells as they were programmed: weight = scale x synapse.

    Attributes
    ----------
    synapses : float32 (inputs, neurons)
        In units of the largest conductance.
    scales : float32 (neurons,)
    exponents : float32 (inputs or 0, neurons)
        Of the drift; empty, where nothing depends on age.
    """

    synapses: Array
    scales: Array
    exponents: Array


def numbers(layer: DenseWTA) -> list[float]:
    """Return the numbers of `neurosim.kernels.dense.devices`, in its order; none where synapses are exact."""
    given = layer.devices
    if given is None:
        return []
    found = [0.0] * devices.DEVICE_NUMBERS
    found[devices.LEVELS] = 0 if given.states is None else given.states - 1
    found[devices.NOISE : devices.NOISE_BEND + 1] = given.polynomial()
    found[devices.NU : devices.NU + 4] = given.exponent("drift")
    found[devices.SPREAD : devices.SPREAD + 4] = given.exponent("drift_spread")
    found[devices.START], found[devices.PERIOD] = given.drift_start_s, given.sample_s
    found[devices.IDLE], found[devices.READ_NOISE] = given.idle_s, given.read_noise
    found[devices.FLICKER : devices.FLICKER_MOST + 1] = given.flicker()
    found[devices.READ_TIME], found[devices.IR_DROP] = given.read_time_s, given.ir_drop
    found[devices.ADC_LEVELS] = 0 if given.adc_bits is None else 2 ** (given.adc_bits - 1) - 1
    found[devices.ADC_RANGE] = given.adc_range or 0.0
    return found


def salt(seed: int, index: int) -> int:
    """Return the salt of all that is random in cells while learning, a function of the chip's seed and the layer."""
    return int(randomness.words(seed, CELLS, index, 1)[0])


def in_cells(layer: DenseWTA, given: Crossbar, weights: Array, seed: int, index: int) -> Cells:
    """Program weights (inputs, neurons) into cells, the largest of each neuron at the largest conductance.

    Synapses are written over the weights, which may be the largest array in memory.
    """
    scales = np.maximum(np.maximum(weights.max(axis=0), -weights.min(axis=0)), few_bits.FAINTEST).astype(np.float32)
    inputs, neurons = weights.shape
    exponents = np.zeros((inputs if given.ages else 0, neurons), np.float32)
    for i, row in enumerate(weights):
        target = row / scales.astype(np.float64)
        if given.states is not None:
            target = _to_states(layer, target, given.states - 1, seed, index, i)
        size = np.abs(target)
        if given.ages:
            spread = _by_conductance(size, given.exponent("drift_spread"))
            mean = _by_conductance(size, given.exponent("drift"))
            exponents[i] = np.abs(mean + spread * _normal(seed, FIRST_EXPONENTS, index, i, neurons))
        deviation = np.maximum(np.polyval(given.polynomial()[::-1], size), 0)
        written = target + deviation * _normal(seed, FIRST_WRITES, index, i, neurons)
        weights[i] = np.where(written * target < 0, 0, written)
    return Cells(weights, scales, exponents)


def _to_states(
    layer: DenseWTA, target: NDArray[np.float64], levels: int, seed: int, index: int, i: int
) -> NDArray[np.float64]:
    exact = target * levels
    rounded: NDArray[np.float64] = np.rint(exact)
    if layer.rounding == "stochastic":
        low = np.floor(exact)
        rounded = low + (at_random(seed, index, i, len(exact)) < exact - low)
    return np.clip(rounded, -levels, levels) / levels + 0.0


def _by_conductance(size: NDArray[np.float64], four: tuple[float, ...]) -> NDArray[np.float64]:
    slope, value, least, most = four
    found: NDArray[np.float64] = np.clip(slope * np.log(np.maximum(size, float(devices.DARKEST))) + value, least, most)
    return found


def _normal(seed: int, purpose: int, index: int, i: int, count: int) -> NDArray[np.float64]:
    """Return a normal number for each of a row's synapses."""
    pairs = randomness.at_places(seed, purpose, index, i, 1, 2 * count)[0].reshape(count, 2)
    return randomness.normal_of(pairs)
