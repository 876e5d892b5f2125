"""SANA-FE's energies of three small networks on its Loihi, as JSON, for tests/hardware/test_sanafe.py.

SANA-FE is under the GPL and is never imported by neurosim: this file runs by itself, in a Python of its own that has
it (`pip install sanafe`), which `NEUROSIM_SANAFE_PYTHON` names to the test. Its layout of Loihi is 8 columns of 4
tiles, with 4 cores each; a tile's number is 4 x column + row.
"""

import importlib.metadata
import json
import os
import sys

import sanafe

# inputs: width, and which of them are sent; layers: neurons, how many of them fire, tile, core of the tile.
NETWORKS = {
    "dense": {"inputs": 8, "events": list(range(8)), "layers": [[4, 0, 0, 1]]},
    "two_layers_east": {"inputs": 8, "events": [1, 2, 5], "layers": [[4, 4, 0, 1], [3, 0, 4, 0]]},
    "three_layers_both_ways": {"inputs": 16, "events": [0, 3, 4, 9, 15],
                               "layers": [[6, 4, 0, 1], [5, 2, 4, 0], [2, 0, 1, 0]]},
}  # fmt: skip
BY_STEP = ("synapse_energy", "soma_energy", "network_energy", "hops", "fired", "updated", "spikes")


def inputs(network, architecture, built):
    """Return the inputs, on core 0 of tile 0: the place of our port."""
    group = network.create_neuron_group("inputs", built["inputs"])
    for place, neuron in enumerate(group.neurons):
        spikes = [int(place in built["events"])]
        neuron.set_attributes(soma_hw_name=f"loihi_inputs[{place}]", model_attributes={"spikes": spikes})
        neuron.map_to_core(architecture.tiles[0].cores[0])
    return group


def layer(network, architecture, name, description):
    """Return a layer, whose neurons fire when anything but zero reaches them."""
    neurons, _, tile, core = description
    group = network.create_neuron_group(
        name,
        neurons,
        soma_hw_name="loihi_lif",
        default_synapse_hw_name="loihi_dense_synapse",
        default_dendrite_hw_name="loihi_dendrites",
    )
    for neuron in group.neurons:
        neuron.set_attributes(model_attributes={"threshold": 0.5})
        neuron.map_to_core(architecture.tiles[tile].cores[core])
    return group


def connect(source, target, senders, description):
    """Join all to all, by weights of 1 to the first neurons, which fire, and 0 to the others, which keep nothing."""
    neurons, fire, *_ = description
    weights = [float(place < fire) for _ in range(senders) for place in range(neurons)]
    source.connect_neurons_dense(target, {"weight": weights})


def run(built):
    """Return energies, in J, and counts: of all steps, and of each."""
    architecture, network = sanafe.load_loihi(), sanafe.Network()
    groups = [inputs(network, architecture, built)]
    for place, description in enumerate(built["layers"]):
        groups.append(layer(network, architecture, f"layer{place}", description))
    senders = built["inputs"]
    for place, description in enumerate(built["layers"]):
        connect(groups[place], groups[place + 1], senders, description)
        senders = description[0]
    chip = sanafe.SpikingChip(architecture)
    chip.load(network)
    told = chip.sim(len(groups), perf_trace=True)  # a step for the inputs, and one for each layer
    counts = ("timesteps_executed", "spikes", "packets_sent", "neurons_updated", "neurons_fired")
    steps = {name: told["perf_trace"][name] for name in BY_STEP}
    return built | {"energy_J": told["energy"], **{name: told[name] for name in counts}, "steps": steps}


def main():
    """Print the energies; what SANA-FE itself prints goes to standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        networks = {name: run(built) for name, built in NETWORKS.items()}
    finally:
        os.dup2(kept, 1)
    print(json.dumps({"sanafe": importlib.metadata.version("sanafe"), "networks": networks}, indent=1))


if __name__ == "__main__":
    main()
