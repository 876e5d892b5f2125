"""Normalising constants against quadrature over the sphere, closed forms, recurrences, and mpmath where it is."""

import math

import pytest
import reference_mixture as reference

from neurosim.bayes import bessel
from neurosim.errors import ConfigError

CONCENTRATIONS = (1e-3, 0.1, 1.0, 7.0, 50.0, 100.0, 2000.0, 1e6)
ORDERS = (0, 0.5, 1, 9.5, 49, 49.5, 50, 50.5, 99, 391, 999, 4999)


@pytest.mark.parametrize("kappa", CONCENTRATIONS)
@pytest.mark.parametrize("inputs", [2, 3, 4, 10, 64, 101, 102, 784, 2000, 100_000])
def test_the_constant_is_that_of_quadrature_over_the_sphere(inputs, kappa):
    expected = reference.log_normaliser(inputs, kappa)
    assert bessel.log_normaliser(inputs, kappa) == pytest.approx(expected, rel=1e-11, abs=1e-9)
    assert bessel.mean_cosine(inputs, kappa) == pytest.approx(reference.mean_cosine(inputs, kappa), rel=1e-8, abs=1e-10)


def test_on_the_sphere_of_three_inputs_it_is_a_hyperbolic_sine():
    for kappa in (1e-8, 1e-3, 0.5, 3.0, 500.0):
        log_sinh = kappa + math.log(-math.expm1(-2 * kappa) / 2)
        assert bessel.log_normaliser(3, kappa) == pytest.approx(math.log(kappa / (4 * math.pi)) - log_sinh, abs=1e-12)
        if kappa > 1e-3:  # below, the closed form cancels
            assert bessel.mean_cosine(3, kappa) == pytest.approx(1 / math.tanh(kappa) - 1 / kappa, rel=1e-9)


def test_without_concentration_the_density_is_one_over_the_area():
    for inputs in (2, 3, 784, 100_000):
        expected = pytest.approx(-reference.log_area(inputs), rel=1e-12, abs=1e-9)
        assert bessel.log_normaliser(inputs, 1e-9) == expected


@pytest.mark.parametrize("argument", [0.01, 3.0, 60.0, 1e4])
@pytest.mark.parametrize("order", [1, 48.5, 49, 49.5, 50, 50.5, 51, 391])
def test_neighbouring_orders_obey_the_recurrence(order, argument):
    below, here, above = (bessel.log_scaled_bessel(order + step, argument) for step in (-1, 0, 1))
    # Abramowitz and Stegun 9.6.26: I_(v-1) = I_(v+1) + (2v/x) I_v, here over I_(v-1).
    assert math.exp(above - below) + 2 * order / argument * math.exp(here - below) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("order", ORDERS)
def test_orders_and_arguments_of_every_size_agree_with_mpmath(order):
    mpmath = pytest.importorskip("mpmath", reason="an independent library of special functions")
    for argument in (1e-8, 9e-4, 1e-3, 0.1, 1, 10, 50, 100, 1e3, 1e4):
        with mpmath.workdps(40):
            exact = float(mpmath.log(mpmath.besseli(order, mpmath.mpf(argument))) - argument)
        assert bessel.log_scaled_bessel(order, argument) == pytest.approx(exact, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kappa", CONCENTRATIONS)
@pytest.mark.parametrize("inputs", [2, 3, 10, 101, 784, 100_000])
def test_a_concentration_is_found_again_from_its_mean_cosine(inputs, kappa):
    length = bessel.mean_cosine(inputs, kappa)
    assert bessel.concentration_of(inputs, length) == pytest.approx(kappa, rel=1e-8)


@pytest.mark.parametrize(("inputs", "length"), [(2, 0.3), (3, 0.9), (10, 0.5), (784, 0.7)])
def test_a_concentration_is_that_of_the_highest_likelihood(inputs, length):
    assert bessel.concentration_of(inputs, length) == pytest.approx(
        reference.best_concentration(inputs, length), rel=1e-6
    )


@pytest.mark.parametrize("call", [bessel.log_normaliser, bessel.mean_cosine])
@pytest.mark.parametrize(
    ("inputs", "kappa", "message"),
    [
        (1, 1.0, "inputs must be a whole number of at least 2, got 1"),
        (2, 0.0, "concentration must be above 0, at most 1e[+]08, got 0.0"),
        (2, 1e9, "concentration must be above 0, at most 1e[+]08, got 1000000000.0"),
        (2, math.nan, "concentration must be above 0, at most 1e[+]08, got nan"),
    ],
)
def test_what_is_out_of_range_is_refused(call, inputs, kappa, message):
    with pytest.raises(ConfigError, match=message):
        call(inputs, kappa)


@pytest.mark.parametrize("length", [0.0, 1.0, 1.5, 1 - 1e-15, math.nan])
def test_a_length_without_concentration_is_refused(length):
    with pytest.raises(ConfigError, match="length must be "):
        bessel.concentration_of(3, length)
