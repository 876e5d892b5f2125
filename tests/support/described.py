"""A described chip of round numbers, as a TOML file: what tests of hardware start from."""

PLAIN = """
title = "A chip of round numbers"
summary = "For tests."
not_modelled = ["the package"]

[structure]
cores = 4
mesh = [2, 2]
neurons_per_core = 8
synapse_bits_per_core = 4096
weight_bits = 8
neuron_bits = 16
area_mm2 = 4.0
source = "made up"
"""
ENERGIES = {
    "synaptic_operation": 2, "neuron_update": 3, "exponential": 5, "weight_update": 7, "event_in": 11,
    "event_out": 13, "hop_east_west": 17, "hop_north_south": 19, "memory_read_bit": 23, "memory_write_bit": 29,
}  # fmt: skip
TIMES = {
    "synaptic_operation": 2, "neuron_update": 3, "exponential": 5, "weight_update": 7, "event_in": 11,
    "event_out": 13, "hop": 17,
}  # fmt: skip


def constant(group, name, value, unit, **more):
    lines = [f"[{group}.{name}]", f"value = {value}", f"low = {value / 2}", f"high = {value * 2}", f'unit = "{unit}"']
    told = {"definition": "one", "source": "made up", "confidence": "assumed"} | more
    return "\n".join([*lines, *(f'{key} = "{text}"' for key, text in told.items())]) + "\n\n"


def text(energies=ENERGIES, times=TIMES, static=31, head=PLAIN, **more):
    """Return a description: energies in pJ, times in ns, static power in mW."""
    tables = [constant("energy", name, value, "pJ", **more) for name, value in energies.items()]
    tables += [constant("time", name, value, "ns") for name, value in times.items()]
    tables += [constant("power", "static", static, "mW")] if static else []
    return head + "\n" + "".join(tables)


def written(folder, **options):
    """Write a description to a file; return its path."""
    path = folder / "plain.toml"
    path.write_text(text(**options))
    return path
