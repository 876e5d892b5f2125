"""A temperature relative to the lead, which is by how much the largest potential of a sample exceeds the mean one."""

import numpy as np

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.shared.numbers import NEGLIGIBLE, ONE, ZERO
from neurosim.kernels.shared.softmax import maximum, total_of

LARGEST_LEAD = np.float32(1e30)  # so that every share of it is finite


@cell
def lead_over(highest, mean):
    """Return by how much the largest potential exceeds the mean one, which rounding may put above it."""
    return min(max(highest - mean, ZERO), LARGEST_LEAD)


@cell
def lead_of(potentials):
    """Return the lead of a sample with these potentials."""
    highest = maximum(potentials)
    return lead_over(highest, total_of(potentials) / np.float32(potentials.size))


@cell
def sharpness_at(lead, constants):
    """Return 1 / temperature where the mean lead is this."""
    if constants.relative == ZERO:
        return constants.sharpness
    return ONE / max(constants.relative * lead, NEGLIGIBLE)


@cell
def sharpness_of(potentials, constants, state):
    """Return 1 / temperature for a sample: by the mean lead so far, or its own lead if no sample was learned from."""
    if constants.relative == ZERO:
        return constants.sharpness
    lead = state.lead[0]
    if state.lead[1] == ZERO:
        lead = lead_of(potentials)
    return sharpness_at(lead, constants)


@not_inlined
def count_lead(potentials, forgetting, lead):
    """Count a sample for the mean lead."""
    lead[0], lead[1] = moved_lead(lead_of(potentials), lead[0], lead[1], forgetting)


@cell
def moved_lead(lead, mean, count, forgetting):
    """Return the mean lead and its count of samples once a sample of this lead is among them."""
    weight = max(ONE / (count + ONE), forgetting)
    return mean + weight * (lead - mean), count + ONE if weight > forgetting else count
