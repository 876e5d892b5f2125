"""The summary of a measurement as text for people, in units that fit."""

from typing import Any

from neurosim.latency.roofline.roofline_table import roofline_rows
from neurosim.reporting import html
from neurosim.reporting.units import duration

LATENCIES = {
    "p50": "p50_s", "p90": "p90_s", "p95": "p95_s", "p99": "p99_s", "p99.9": "p999_s", "p99.99": "p9999_s",
    "max": "max_s", "mean": "mean_s", "jitter": "jitter_s", "p99 - p50": "p99_minus_p50_s",
}  # fmt: skip
READING = (
    "p99 is the latency that 99 % of the samples do not exceed. Latency and service are the whole call for a sample; "
    "in the loop is the part of it within the chip's compiled code, the rest is Python's. Response adds the time that "
    "a sample waited for those before it. Jitter is the mean difference between one latency and the next."
)
NAME, CELL = 11, 12


def table(summary: dict[str, Any]) -> str:
    """Return the summary as lines."""
    rows = [*_head(summary), *_start(summary), ("", ""), *_latencies(summary)]
    rows += [("", ""), *_load(summary), *_machine(summary)]
    if summary["device"] is not None:
        rows += _device(summary["device"])
    if summary["roofline"] is not None:
        rows += roofline_rows(summary["roofline"])
    return "\n".join(f"{name:>{NAME}}  {text}".rstrip() for name, text in rows)


def _head(summary: dict[str, Any]) -> list[tuple[str, str]]:
    arrivals, doing = summary["arrivals"], "learning from" if summary["learning"] else "responding to"
    arrived = {
        "closed": "closed loop: the next sample when the last one is done",
        "period": f"one every {duration(1 / arrivals.get('rate_hz', 1)).strip()}",
        "poisson": f"at random (Poisson), {arrivals.get('rate_hz', 0):,g} samples/s on average",
        "bursts": f"bursts of {arrivals.get('burst', 0):,}, {arrivals.get('rate_hz', 0):,g} samples/s on average",
        "stream": "by recorded timestamps",
    }[arrivals["kind"]]
    ended = "  (interrupted)" if summary["interrupted"] else ""
    return [
        *_when(summary),
        ("chip", summary["chip"]),
        ("stream", f"{summary['stream']}, in memory before the clock starts"),
        ("measured", f"{doing} {summary['samples']:,} samples, one at a time{ended}"),
        ("arrivals", arrived),
    ]


def _when(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a row of the date and time of the measurement, which an older record does not tell."""
    at = summary.get("measured_at")
    return [] if at is None else [("when", f"{str(at)[:16].replace('T', ' ')} UTC")]


def _start(summary: dict[str, Any]) -> list[tuple[str, str]]:
    cold, warm = (duration(summary[f"first_sample_{kind}_s"]).strip() for kind in ("cold", "warm"))
    return [
        ("compiling", f"{duration(summary['compile_s']).strip()}, or fetching what was compiled before"),
        ("first", f"{cold} cold, {warm} after {summary['warm_up_samples']:,} samples of warm-up"),
    ]


def html_table(summary: dict[str, Any]) -> str:
    """Return the summary as HTML for notebooks."""
    columns = _columns(summary)
    rows = [[name, *(duration(column[key]).strip() for column in columns.values())] for name, key in LATENCIES.items()]
    percentiles = html.table(["", *columns], rows)
    doing = "learning from a sample" if summary["learning"] else "responding to a sample, without learning"
    return (
        html.heading("Latency", f"of {doing}")
        + html.pairs([*_head(summary), *_start(summary)])
        + percentiles
        + html.pairs([*_load(summary), ("machine", _at_work(summary["environment"]))])
    )


def _columns(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the distributions that were measured, by what they are of."""
    columns = {"latency": summary["service"]}
    if summary["arrivals"]["kind"] != "closed":
        columns = {"service": summary["service"], "response": summary["response"]}
    if summary["loop"] is not None:
        columns["in the loop"] = summary["loop"]
    return columns | {f"layer {number}": layer for number, layer in enumerate(summary["layers"] or (), 1)}


def _latencies(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table of latencies: columns for service, response (in an open loop), the loop and each layer."""
    columns = _columns(summary)
    rows = [("", "".join(f"{name:>{CELL}}" for name in columns))]
    rows += [
        (name, "".join(f"{duration(column[key]):>{CELL}}" for column in columns.values()))
        for name, key in LATENCIES.items()
    ]
    missing = {name: key for name, key in LATENCIES.items() if key[:-2] in summary["too_few_samples_for"]}
    for name, key in missing.items():
        rows.append(("", f"{name} needs {summary['too_few_samples_for'][key[:-2]]:,} samples"))
    return rows


def _load(summary: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if summary["samples_per_s"] is not None:
        text = f"{summary['samples_per_s']:,.0f} samples/s"
        if summary["offered_per_s"] is not None:
            text += f" of {summary['offered_per_s']:,.0f} that came, at work {summary['busy_share']:.1%} of the time"
        rows.append(("speed", text))
    if summary["offered_per_s"] is not None and summary["service"]["mean_s"] * summary["offered_per_s"] > 1:
        rows.append(("overload", "the rate is more than the chip can do: responses grow as long as it lasts"))
    if summary["deadline_s"] is not None:
        share, deadline = summary["deadline_miss_share"], duration(summary["deadline_s"]).strip()
        rows.append(("deadline", f"{deadline}, missed by {summary['deadline_misses']:,} samples ({share:.3%})"))
    if summary["backlog_max"] is not None:
        mean, most = summary["backlog_mean"], summary["backlog_max"]
        rows.append(("backlog", f"{mean:,.2f} samples on average, {most:,} at most"))
    if summary["snapshots"] is not None:
        rows.append(("snapshots", _snapshots(summary["snapshots"])))
    if summary["waited_for"]:
        late, latest = (duration(summary[f"wake_late_{kind}_s"]).strip() for kind in ("median", "max"))
        whose = f"part of the response of the {summary['waited_for']:,} samples waited for"
        rows.append(("waking", f"late by {late}, {latest} at most: {whose}"))
    return rows


def _snapshots(snapshots: dict[str, Any]) -> str:
    writing, pause, longest = (duration(snapshots[name]).strip() for name in ("write_s", "pause_s", "pause_max_s"))
    late = f", {snapshots['late']:,} of them late" if snapshots["late"] else ""
    return f"{snapshots['written']:,} written in {writing}{late}; samples waited {pause} for them, {longest} at most"


def _device(device: dict[str, Any]) -> list[tuple[str, str]]:
    """Return rows for a device that is called once for many samples."""
    resident, through = (duration(device[name]).strip() for name in ("resident_s", "end_to_end_s"))
    how = f"{device['chunk']} samples a call: {resident} a sample by its own clock, {through} from host memory and back"
    return [("device", how), *((f"layer {number}", memory) for number, memory in enumerate(device["placement"], 1))]


def _machine(summary: dict[str, Any]) -> list[tuple[str, str]]:
    machine, interruptions = summary["environment"], summary["interruptions"]
    collector = "on" if summary["garbage_collector"] else "off"
    software = f"Python {machine['python']}, NumPy {machine['numpy']}, Numba {machine['numba']}"
    between = f"{interruptions['preemptions']:,} preemptions, {interruptions['page_faults']:,} page faults"
    return [
        ("timer", f"{duration(summary['timer_s']).strip()} a reading, within each latency and not subtracted"),
        ("collector", f"Python's is {collector}: {interruptions['collections']:,} collections"),
        ("between", between),
        ("machine", _at_work(machine)),
        ("software", f"{software}, {machine['blas_threads'] or 'unknown'} BLAS threads"),
    ]


def _at_work(machine: dict[str, Any]) -> str:
    """Return the processor, and what else it had to do when the measurement began."""
    cores = f"{machine['cores_allowed'] or machine['cores']} of {machine['cores']} cores"
    governor = f"governor {machine['governor'] or 'unknown'}, load {machine['load_1min']:.2f}"
    return f"{machine['processor'] or 'unknown'}, {cores}, {governor}"
