"""Rules of plasticity, one neuron and one sample each; `neurosim.layers.rules` has equations and papers.

All take the same arguments, so that one call fits all: potential u, response y, norm |w|, trace (a running mean of the
response or its square), total (sum of |u| over the layer), rate, and the rule's own parameters. All return decay and
growth.
"""

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.by_address import ask
from neurosim.kernels.shared.codes import OWN, SANGER, SUBSPACE
from neurosim.kernels.shared.numbers import ONE, SQRT2, ZERO
from neurosim.kernels.shared.tables import chosen_by_code, codes_of


@cell
def hebb(potential, response, norm, trace, total, rate, parameters):
    """Plain Hebb."""
    return ONE, rate * response


@cell
def oja(potential, response, norm, trace, total, rate, parameters):
    """Oja 1982."""
    growth = rate * response
    return ONE - growth * response, growth


@cell
def instar(potential, response, norm, trace, total, rate, parameters):
    """Grossberg 1976; on-line k-means with a hard competition."""
    growth = rate * response
    return ONE - growth, growth


@cell
def softhebb(potential, response, norm, trace, total, rate, parameters):
    """Moraitis et al. 2022."""
    growth = rate * response
    return ONE - growth * potential, growth


@cell
def hebbnet(potential, response, norm, trace, total, rate, parameters):
    """Gupta et al. 2021; the trace is the mean response."""
    return ONE, rate * (response - trace)


@cell
def bcm(potential, response, norm, trace, total, rate, parameters):
    """Bienenstock, Cooper and Munro 1982; the trace is the mean squared response, parameters ceiling and decay."""
    capped = min(response, parameters[0])
    return ONE - rate * parameters[1], rate * capped * (capped - trace)


@cell
def eghr(potential, response, norm, trace, total, rate, parameters):
    """Isomura and Toyoizumi 2016 with a Laplace prior; the parameter is the error's threshold."""
    error = parameters[0] - SQRT2 * total
    sign = ONE if potential > ZERO else ZERO
    sign = -ONE if potential < ZERO else sign
    return ONE, rate * error * SQRT2 * sign


CELLS = (softhebb, oja, instar, hebbnet, bcm, eghr, hebb)  # a rule's code is its cell's index
CODES = {**codes_of(CELLS), "sanger": SANGER, "subspace": SUBSPACE, "own": OWN}
SOFT_HEBB, BCM = CODES["softhebb"], CODES["bcm"]
_decide = chosen_by_code(CELLS)


@cell
def decide(rule, own, potential, response, norm, trace, total, rate, parameters):
    """Return decay and growth by the layer's rule; `own` is the user's: None, a function, or the address of one."""
    if own is not None:  # noqa: SIM102 - in a line of its own, Numba leaves no code where there is no such rule
        if rule == OWN:
            return ask(own, potential, response, norm, trace, total, rate, parameters)
    return _decide(rule, potential, response, norm, trace, total, rate, parameters)
