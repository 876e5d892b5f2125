r"""Modified Bessel functions of any order, as logarithms: what von Mises-Fisher densities are normalised by.

SciPy's scaled function underflows at high orders (order 391, of 784 inputs, below an argument of 50), so the uniform
expansion for large orders takes its place there.
"""

import math
from functools import cache

from numpy.polynomial import Polynomial

from neurosim.checks import number, whole
from neurosim.errors import ConfigError

LARGE_ORDER = 50  # from here on the first terms of the expansion suffice: the next one is below 1e-13
TERMS = 10
SMALL_ARGUMENT = 1e-3  # below it two terms of the power series suffice
MOST_STEPS = 100  # Newton's method takes five or so
LARGEST = 1e8  # concentration: beyond it SciPy's function loses its digits


def log_scaled_bessel(order: float, argument: float) -> float:
    r"""Return :math:`\ln(e^{-x} I_\nu(x))`, to some 1e-12.

    Parameters
    ----------
    order : float
        :math:`\nu`, at least 0.
    argument : float
        :math:`x`, above 0.

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 9.6.10 for small arguments, 9.7.7 for large
    orders.
    """
    if order >= LARGE_ORDER:
        return _of_large_order(order, argument)
    if argument < SMALL_ARGUMENT:
        square = argument * argument / 4
        return order * math.log(argument / 2) - math.lgamma(order + 1) + math.log1p(square / (order + 1)) - argument
    from scipy.special import ive

    return math.log(ive(order, argument))


def _of_large_order(order: float, argument: float) -> float:
    r"""Return the uniform expansion, its exponent :math:`\nu \eta - x` written without cancellation.

    With z = x / order and t = 1 / sqrt(1 + z^2) the function is
    exp(order * eta) / sqrt(2 pi order / t) * (1 + u_1(t) / order + u_2(t) / order^2 + ...).
    """
    z = argument / order
    root = math.hypot(1, z)
    exponent = order * (1 / (root + z) - math.asinh(1 / z))
    series = sum(float(term(1 / root)) / order**power for power, term in enumerate(_terms()))
    return exponent - math.log(2 * math.pi * order * root) / 2 + math.log(series)


@cache
def _terms() -> tuple[Polynomial, ...]:
    """Return the polynomials u_0, u_1, ... of the expansion by their recurrence (Abramowitz and Stegun 9.3.10)."""
    terms, t = [Polynomial([1.0])], Polynomial([0.0, 1.0])
    for _ in range(TERMS):
        last = terms[-1]
        terms.append(t**2 * (1 - t**2) * last.deriv() / 2 + ((1 - 5 * t**2) * last).integ() / 8)
    return tuple(terms)


def check(inputs: int, concentration: float) -> None:
    """Refuse a sphere of fewer than two inputs, and a concentration that is out of range.

    Raises
    ------
    ConfigError
        If one is.
    """
    whole("inputs", inputs, 2)
    number("concentration", concentration, f"above 0, at most {LARGEST:g}", 0, above=True)
    if concentration > LARGEST:
        raise ConfigError("concentration", f"above 0, at most {LARGEST:g}", concentration)


def log_normaliser(inputs: int, concentration: float) -> float:
    r"""Return the logarithm of the constant that makes a von Mises-Fisher density integrate to one.

    .. math:: \ln C_D(\kappa) = (D/2 - 1) \ln \kappa - (D/2) \ln 2\pi - \ln I_{D/2-1}(\kappa)

    Parameters
    ----------
    inputs : int
        :math:`D`, at least 2: the sphere is that of the unit vectors of so many inputs.
    concentration : float
        :math:`\kappa`, above 0, at most 1e8.

    Raises
    ------
    ConfigError
        If one is out of range.

    References
    ----------
    Mardia and Jupp, Directional Statistics (2000), equation 9.3.4.
    """
    check(inputs, concentration)
    order = inputs / 2 - 1
    constant = order * math.log(concentration) - inputs / 2 * math.log(2 * math.pi)
    return constant - log_scaled_bessel(order, concentration) - concentration


def mean_cosine(inputs: int, concentration: float) -> float:
    r"""Return the mean cosine between a sample and the direction of its component.

    .. math:: A_D(\kappa) = I_{D/2}(\kappa) / I_{D/2-1}(\kappa)

    Parameters and errors as in `log_normaliser`.
    """
    check(inputs, concentration)
    order = inputs / 2
    return math.exp(log_scaled_bessel(order, concentration) - log_scaled_bessel(order - 1, concentration))


def concentration_of(inputs: int, length: float) -> float:
    r"""Return the concentration whose mean cosine is a given length R: the root of :math:`A_D(\kappa) = R`.

    .. math::

        \kappa_0 = \frac{R (D - R^2)}{1 - R^2}, \qquad
        \kappa \leftarrow \kappa - \frac{A - R}{1 - A^2 - (D - 1) A / \kappa}, \quad A = A_D(\kappa)

    Parameters
    ----------
    inputs : int
        :math:`D`, at least 2.
    length : float
        :math:`R`, above 0, below 1.

    Raises
    ------
    ConfigError
        If one is out of range, or the concentration is beyond 1e8.

    References
    ----------
    Banerjee, Dhillon, Ghosh and Sra, J. Machine Learning Research 6 (2005) 1345, section 4, for the first estimate;
    Sra, Computational Statistics 27 (2012) 177, for Newton's steps.
    """
    whole("inputs", inputs, 2)
    number("length", length, "above 0, below 1", 0, above=True)
    if length >= 1 or (concentration := length * (inputs - length**2) / (1 - length**2)) > LARGEST:
        advice = "the samples hardly differ from the directions: keep the concentration"
        raise ConfigError("length", f"such that the concentration is at most {LARGEST:g}", length, advice)
    for _ in range(MOST_STEPS):
        mean = mean_cosine(inputs, concentration)
        slope = 1 - mean**2 - (inputs - 1) * mean / concentration
        step = (mean - length) / slope
        concentration -= step
        if abs(step) <= 1e-10 * concentration:
            break
    return concentration
