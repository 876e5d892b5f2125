"""Energies beside SANA-FE's: three small networks on its Loihi, component by component, from its constants.

`tests/support/oracle_sanafe.py` runs SANA-FE, in a process of its own; what it printed is kept in tests/data.
"""

import json
import os
import subprocess
from pathlib import Path

import counted
import numpy as np
import pytest
from near import near

from neurosim import hardware
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.energy import energy

HERE = Path(__file__).parents[1]
NETWORKS = ("dense", "two_layers_east", "three_layers_both_ways")
# SANA-FE prices a message where it comes in and a neuron's firing where it goes out, which our event_out has in one.
OVERRIDES = {"energy.event_in.value": 111.0, "energy.event_out.value": 69.3, "structure.mesh": [2, 64]}
ACCESS, EAST_WEST, NORTH_SOUTH = 51.2e-12, 3.0e-12, 4.2e-12
EXACT = 1e-14  # the rounding of its sums: it prints 4.259999999999999e-10


def kept():
    return (HERE / "data" / "sanafe-2.2.9.json").read_text()


def priced(network):
    """Return the energy of one sample through the same layers, on cores 0, 1 and 2 of a mesh of two columns."""
    chip = hardware.load("loihi-sanafe", OVERRIDES)
    inputs, events, layers = network["inputs"], len(network["events"]), []
    for place, (neurons, fire, *_) in enumerate(network["layers"]):
        sent = np.arange(neurons)[None] < fire
        layers.append(counted.layer(counted.dense(place, inputs, neurons), [events], sent=sent))
        inputs, events = neurons, fire
    run = counted.counts(*layers, learning=False)
    mapping = hardware.place([layer.demand for layer in run.layers], chip)
    assert [part.core for part in mapping.parts] == list(range(len(layers)))
    return energy(chip, operations(mapping, run)).operations


@pytest.fixture
def told():
    return json.loads(kept())["networks"]


@pytest.mark.parametrize("name", NETWORKS)
def test_synapses_cost_the_same(told, name):
    ours = priced(told[name])
    assert ours["synaptic_operation"]["count"] == told[name]["spikes"]
    assert ours["synaptic_operation"]["energy_J"] == near(told[name]["energy_J"]["synapse"], rel=EXACT)


@pytest.mark.parametrize("name", NETWORKS)
def test_neurons_cost_the_same(told, name):
    """SANA-FE goes to every neuron in every step; a sample is one update of each, and the response fires, too."""
    theirs, ours = told[name], priced(told[name])
    neurons = sum(layer[0] for layer in theirs["layers"])
    idle = neurons * (theirs["timesteps_executed"] - 1) * ACCESS
    firing = ours["event_out"]["energy_J"] - ours["event_out"]["each_J"]
    assert ours["neuron_update"]["count"] == neurons
    assert ours["neuron_update"]["energy_J"] + firing + idle == near(theirs["energy_J"]["soma"], rel=EXACT)


@pytest.mark.parametrize("name", NETWORKS)
def test_messages_cost_the_same(told, name):
    """All but our response, which goes back to the port and which SANA-FE's networks do not send."""
    theirs, ours = told[name], priced(told[name])
    column, row = [(0, 0), (1, 0), (0, 1)][len(theirs["layers"]) - 1]
    response = column * EAST_WEST + row * NORTH_SOUTH
    network = sum(ours[part]["energy_J"] for part in ("event_in", "hop_east_west", "hop_north_south"))
    assert ours["event_in"]["count"] == theirs["packets_sent"]
    assert network - response == near(theirs["energy_J"]["network"], rel=EXACT)


def test_what_is_kept_is_what_sanafe_says():
    if "NEUROSIM_SANAFE_PYTHON" not in os.environ:
        pytest.skip("NEUROSIM_SANAFE_PYTHON is unset: it names a Python that has sanafe")
    command = [os.environ["NEUROSIM_SANAFE_PYTHON"], str(HERE / "support" / "oracle_sanafe.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(run.stdout) == json.loads(kept())
