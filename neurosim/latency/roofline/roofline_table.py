"""The stages of a chip's layers beside their floors, as rows of a table for people."""

from typing import Any

from neurosim.reporting.units import duration, giga, many, size

STAGE, CELL = 10, 12
PRODUCTS = ("integrate", "product", "norms")
METHODS = {"events": "event by event", "in_place": "by a product in place", "apart": "by a product apart"}
COLUMNS = ("synapses", "vectors", "operations", "floor", "measured", "/ floor", "/ random", "bound by")


def roofline_rows(roofline: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the part `roofline` of a summary of `bench` as rows of its table."""
    rows = [("", ""), *_machine(roofline["machine"])]
    for number, layer in enumerate(roofline["layers"], 1):
        rows += [("", ""), *_layer(f"layer {number}", layer, roofline["samples"])]
    return rows


def _machine(machine: dict[str, Any]) -> list[tuple[str, str]]:
    source = "assumed: the system does not tell" if machine["caches_assumed"] else "as the system tells"
    caches = ", ".join(f"{name} {size(count)}" for name, count in machine["caches_bytes"].items())
    rows = [("caches", f"{caches}, {source}")]
    for name, level in machine["levels"].items():
        read, update = giga(level["read_bytes_per_s"]), giga(level["update_bytes_per_s"])
        rows.append((name, f"reads {read} GB/s, reads and writes {update} GB/s, at {size(level['working_set_bytes'])}"))
    return [*rows, ("operations", f"{giga(machine['operations_per_s'])} G/s, multiplications and additions of float32")]


def _layer(name: str, layer: dict[str, Any], samples: int) -> list[tuple[str, str]]:
    return _conv(name, layer, samples) if "positions" in layer else _dense(name, layer, samples)


def _dense(name: str, layer: dict[str, Any], samples: int) -> list[tuple[str, str]]:
    written = "" if layer["written_neurons_mean"] is None else f", {layer['written_neurons_mean']:,.1f} neurons written"
    active = f"{layer['active_inputs_mean']:,.1f} active inputs{written}, on average over {samples:,} samples"
    run, one = giga(layer["rows_read_bytes_per_s"]), giga(layer["rows_of_a_sample_update_bytes_per_s"])
    random = f"{giga(layer['random_rows_read_bytes_per_s'])} and {giga(layer['random_rows_update_bytes_per_s'])}"
    return [
        (name, active),
        ("synapses", f"{size(layer['synapses_bytes'])}; GB/s: the run's rows read {run}, one sample's updated {one},"),
        ("", f"random rows read and updated {random}"),
        *_stages(layer["stages"]),
        ("", f"medians; {duration(layer['timer_s']).strip()} of each time is the clock's"),
    ]


def _conv(name: str, layer: dict[str, Any], samples: int) -> list[tuple[str, str]]:
    """Return the rows of a convolutional layer."""
    carried = "one thread" if layer["threads"] == 1 else f"{layer['threads']} threads"
    sizes = f"{layer['positions']:,} positions x {layer['patch']:,} inputs x {layer['neurons']:,} neurons"
    read, update = (giga(layer[f"synapses_{kind}_bytes_per_s"]) for kind in ("read", "update"))
    speeds = f"GB/s: read {read}, read and written {update}; {_products(layer)}"
    stages, call, rest = layer["stages"], *(duration(layer[f"{key}_s"]).strip() for key in ("call", "beside_stages"))
    rare = [name for name, stage in stages.items() if stage["samples"] < samples]
    only = [("", f"{', '.join(rare)}: in some samples only, of which these are the medians")] if rare else []
    return [
        (name, f"{sizes}, carried by {carried}; {samples:,} samples"),
        *_learned(layer),
        ("synapses", f"{size(layer['synapses_bytes'])}; {speeds}"),
        *_stages(stages),
        *only,
        ("", f"medians; {duration(layer['timer_s']).strip()} of each time is the clock's and the threads' meeting"),
        ("", f"the call takes {call}, {rest} of it beside these stages: Python, and waking threads"),
    ]  # fmt: skip


def _learned(layer: dict[str, Any]) -> list[tuple[str, str]]:
    """Return how much was learned, and by which method it was written."""
    if not layer["learned_windows"]:
        return []
    methods = ", ".join(f"{METHODS[name]} {count:,}" for name, count in layer["written_by"].items())
    each = f"window of {layer['window']}" if layer["window"] > 1 else "sample"
    events, written = layer["events_mean"], layer["written_neurons_mean"]
    return [
        ("learning", f"{events:,.1f} responses above the cutoff and {written:,.1f} neurons a {each}, written {methods}")
    ]


def _products(layer: dict[str, Any]) -> str:
    """Return the rates of BLAS that the stages' products are compared with."""
    stages, names = layer["stages"], PRODUCTS + (("write",) if "in_place" in layer["written_by"] else ())
    rates = {name: giga(stages[name]["operations_per_s"]) for name in names if name in stages}
    return "BLAS's G/s: " + ", ".join(f"{name} {rate}" for name, rate in rates.items())


def _stages(stages: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("", f"{'':<{STAGE}}" + "".join(f"{column:>{CELL}}" for column in COLUMNS)),
        *(("", f"{name:<{STAGE}}{_stage(stage)}") for name, stage in stages.items()),
    ]


def _stage(stage: dict[str, Any]) -> str:
    ratios = (stage["measured_over_floor"], stage["random_rows_measured_over_floor"])
    cells = [
        size(stage["synapse_bytes"]),
        size(stage["vector_bytes"]),
        many(stage["operations"]),
        duration(stage["floor_s"]),
        duration(stage["measured_s"]),
        *("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
        stage["bound_by"] or "-",
    ]
    return "".join(f"{cell:>{CELL}}" for cell in cells)
