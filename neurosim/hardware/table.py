"""A priced run as text for people, in units that fit."""

from collections.abc import Callable
from typing import Any

from neurosim.reporting import html
from neurosim.reporting.units import duration, many, size

JOULES = ((1.0, "J "), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"), (0.0, "fJ"))
SPANS = ((31_557_600.0, "years"), (86_400.0, "days"), (3_600.0, "hours"))
NAME = 12


def joules(energy: float | None) -> str:
    """Return an energy in the largest unit of which it is at least one; a dash for None."""
    if energy is None:
        return "-"
    unit, name = next((unit, name) for unit, name in JOULES if energy >= unit)
    return f"{energy / (unit or 1e-15):.2f} {name}"


def table(summary: dict[str, Any]) -> str:
    """Return a `CostReport.summary` as lines."""
    done = [*_chip(summary), ("", ""), *_energy(summary), ("", ""), *_time(summary), *_wear(summary)]
    rows = [*done, ("", ""), *_doubts(summary)]
    return "\n".join(f"{name:>{NAME}}  {text}".rstrip() for name, text in rows)


def html_table(summary: dict[str, Any]) -> str:
    """Return a `CostReport.summary` as HTML for notebooks."""
    rows = [*_chip(summary), *_energy(summary), *_time(summary), *_wear(summary)]
    doubts = "\n".join(f"{name}: {text}" for name, text in _doubts(summary))
    shown = html.pairs(row for row in rows if any(row))
    return html.heading("Cost") + shown + html.folded("what is not in it, and sources", doubts)


def _chip(summary: dict[str, Any]) -> list[tuple[str, str]]:
    used, doing = summary["mapping"], "learning from" if summary["learning"] else "responding to"
    taken, whole = used["area_used_mm2"], summary["area_mm2"]
    area = "" if taken is None else f", {taken:.3g} of its {whole:.3g} mm2"
    return [
        ("chip", f"{summary['hardware']['title']} ({summary['hardware']['name']})"),
        ("run", f"{doing} {summary['samples']:,} samples"),
        ("cores", f"{used['cores_used']:,} of {used['cores']:,}{area}"),
        *_turns(used),
        ("", f"neurons {used['neurons_share']:.1%} full, synaptic memory {used['synapse_memory_share']:.1%}"),
        ("memory", f"{size(summary['memory_bytes'])} in use{_words(summary)}"),
        *_area(summary),
    ]


def _turns(used: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a row on cores that take turns, and what does not stay on them."""
    if max(used["turns"]) == 1:
        return []
    outside = used["external_memory_bytes"]
    moved = f"; {size(outside)} of synapses come in for each sample" if outside else "; all synapses stay on the cores"
    return [("turns", ", ".join(str(count) for count in used["turns"]) + " by layer" + moved)]


def _area(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return rows for area and power density, and a row for each part of the chip."""
    rows = []
    if summary["power_density_W_per_mm2"] is not None:
        power, density = summary["power_W"] * 1e3, summary["power_density_W_per_mm2"] * 1e3
        rows.append(("power", f"{power:.3g} mW on average, {density:.3g} mW/mm2"))
    for part in summary["hardware"].get("components", ()):
        size_of = f"{part['area_mm2']:.3g} mm2 ({part['area_low_mm2']:.3g} to {part['area_high_mm2']:.3g})"
        fastest = "" if part["fastest_Hz"] is None else f", to {part['fastest_Hz'] / 1e6:,.0f} MHz"
        what = f"{part['name'].replace('_', ' ')}: {part['number']:,} x {part['text']}"
        rows.append(("", f"{what}: {size_of}{fastest}"))
    return rows


def _words(summary: dict[str, Any]) -> str:
    """Return how synapses lie in words, for a chip that says it."""
    memory = summary["hardware"].get("memory")
    if memory is None:
        return ""
    padding = summary["mapping"]["padding_share"]
    return f", in {memory['layout'].replace('_', '-')} words of {memory['word_bits']} bits; {padding:.1%} is padding"


def _energy(summary: dict[str, Any]) -> list[tuple[str, str]]:
    low, high = joules(summary["energy_low_J"]).strip(), joules(summary["energy_high_J"]).strip()
    rows = [("energy", f"{joules(summary['energy_J']).strip()} a sample ({low} to {high})")]
    for part, spent in summary["energy_split_J"].items():
        rows.append((part, "none" if spent == 0 else joules(spent)))
    rows.append(("", ""))
    for name, row in summary["operations"].items():
        if row["count"] > 0:
            each, total = joules(row["each_J"]), joules(row["energy_J"])
            rows.append(("", f"{name.replace('_', ' '):<20}{_mean(row['count']):>14} x {each:>10} = {total:>10}"))
    return rows


def _mean(count: float) -> str:
    """Return a mean count with digits enough to multiply out to the energy beside it."""
    return f"{count:.4g}" if count < 1000 else many(count)


def _time(summary: dict[str, Any]) -> list[tuple[str, str]]:
    if summary["latency_s"] is None:
        return [("latency", "not known: the description has no times")]
    at = ", ".join(f"{name} {duration(t).strip()}" for name, t in summary["latency_percentiles_s"].items())
    mean, worst = duration(summary["latency_s"]).strip(), duration(summary["latency_max_s"]).strip()
    band = _band(duration, summary["latency_low_s"], summary["latency_high_s"])
    rows = [
        ("latency", f"{mean} on average{band}, {at}, max {worst}"),
        ("waiting", f"{duration(summary['waiting_s']).strip()} of it, {_for_what(summary['power_states'])}"),
        ("limit", f"{_limit(summary)}; backlog {summary['backlog_max']:,} at most"),
        ("busiest", ", ".join(f"{name} {share:.0%}" for name, share in summary["busiest"])),
    ]
    if summary["timed_samples"] < summary["samples"]:
        rows.append(("", f"of the first {summary['timed_samples']:,} samples, and so is the static energy"))
    if summary["overload"]:
        rows.append(("overload", "the rate is more than the chip can do: latencies grow as long as it lasts"))
    if summary["deadline_s"] is not None:
        deadline, misses = duration(summary["deadline_s"]).strip(), summary["deadline_misses"]
        ends = _band("{:,}".format, summary["deadline_misses_low"], summary["deadline_misses_high"])
        rows.append(("deadline", f"{deadline}, missed by {misses:,}{ends} of {summary['timed_samples']:,} samples"))
    built = summary["hardware"]["structure"]
    if built["queue"] is not None and built["when_full"] == "drop" and not summary["lost_events"]:
        rows.append(("lost", "no event"))
    if summary["lost_events"]:
        lost = f"{summary['lost_events']:,} events, {summary['lost_share']:.2%}, found no room"
        rows.append(("lost", f"{lost}: what a chip without them would learn and answer is not simulated"))
    if summary["power_states"] is not None:
        rows += _states(summary["power_states"])
    return rows


def _limit(summary: dict[str, Any]) -> str:
    """Return the most samples a second with their band; not known where no time passes, a dash at such an end."""
    low, rate, high = (summary[f"samples_per_s_limit{end}"] for end in ("_low", "", "_high"))
    if rate is None:
        return "not known: all times are zero"
    band = f" ({low:,.0f} to {'-' if high is None else f'{high:,.0f}'})" if low != high else ""
    return f"{rate:,.0f} samples/s{band}"


def _for_what(states: dict[str, float | None] | None) -> str:
    """Return what samples wait for until the first layer takes them in."""
    return "for those before, and for the chip to wake" if states and states["wakes"] else "for those before"


def _band(text: Callable[[float], str], low: float, high: float) -> str:
    """Return a band in brackets; nothing where there is none."""
    return f" ({text(low).strip()} to {text(high).strip()})" if low < high else ""


def _states(states: dict[str, float | None]) -> list[tuple[str, str]]:
    """Return in which power states the chip spends its time, and when it pays to sleep."""
    times = {name: float(states[f"{name}_s"] or 0.0) for name in ("active", "idle", "asleep", "waking")}
    whole = sum(times.values())
    shares = ", ".join(f"{name} {time / whole:.3%}" for name, time in times.items() if time > 0)
    rows = [("power", f"{shares} of the time; woken {states['wakes']:.3g} times a sample")]
    if states["break_even_s"] is not None:
        rows.append(("", f"sleeping pays from {duration(states['break_even_s']).strip()} asleep on"))
    return rows


def _wear(summary: dict[str, Any]) -> list[tuple[str, str]]:
    if summary["writes_per_synapse_max"] is None:
        return []
    mean, most = summary["writes_per_synapse_mean"], summary["writes_per_synapse_max"]
    rows = [("wear", f"{mean:,.4g} writes a synapse on average by {summary['samples']:,} samples, {most:,} at most")]
    if summary["lifetime_samples"] is not None:
        lasts = f"{many(summary['lifetime_samples'])} samples"
        if summary["lifetime_s"] is not None:
            low, value, high = (span(summary[f"lifetime_{name}"]) for name in ("low_s", "s", "high_s"))
            lasts = f"{value} ({low} to {high}), {lasts}" if low != high else f"{value}, {lasts}"
        endured, moved = f"{summary['endurance_writes']:.3g} writes of one", summary["writes_per_cell_max"] > most
        what = (
            f"cell, which tiles or states in turns write {summary['writes_per_cell_max']:,} times"
            if moved
            else "synapse"
        )
        rows.append(("lifetime", f"{lasts}, at {endured} {what}, without wear levelling"))
    return rows


def span(seconds: float) -> str:
    """Return a time in the largest unit up to years of which it is at least one."""
    unit, name = next(((unit, name) for unit, name in SPANS if seconds >= unit), (1.0, ""))
    return f"{seconds / unit:,.3g} {name}" if name else duration(seconds).strip()


def _doubts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return rows for what the numbers leave out, and for the sources of those that are in."""
    rows = [
        ("not priced", f"{name.replace('_', ' ')}, {many(n)} a sample") for name, n in summary["not_priced"].items()
    ]
    if summary["not_timed"]:
        rows.append(("not timed", ", ".join(summary["not_timed"]).replace("_", " ")))
    rows += [("not in it", text) for text in summary["hardware"]["not_modelled"]]
    rows += [("note", text) for text in summary["notes"]]
    return [*rows, *_sources(summary["hardware"])]


def _sources(hardware: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a row for each source: its confidence, and the constants that it gives."""
    said: dict[tuple[str, str], list[str]] = {}
    for group, what in (("energy", ""), ("time", "time of "), ("power", "power, ")):
        for name, constant in hardware[group].items():
            said.setdefault((constant["confidence"], constant["source"]), []).append(what + name.replace("_", " "))
    if (lasts := hardware.get("endurance")) is not None:
        said.setdefault((lasts["confidence"], lasts["source"]), []).append("endurance")
    return [(confidence, f"{', '.join(names)}: {source}") for (confidence, source), names in said.items()]
