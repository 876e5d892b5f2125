"""A report of a state file, or of a record of latencies: one page that explains itself wherever it is opened."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim import hardware
from neurosim.checks import LARGEST, instance, whole
from neurosim.chip.chip import Chip
from neurosim.chip.samples import check_fits
from neurosim.errors import ConfigError, NeurosimError
from neurosim.hardware.chips.spec import Hardware, as_hardware
from neurosim.hardware.energy import check_learns
from neurosim.hardware.pricing import CostReport
from neurosim.hardware.table import joules
from neurosim.hardware.timeline.losses import loses
from neurosim.latency import Report, read_record
from neurosim.layers.own_functions import OwnFunction
from neurosim.reporting.figures import check_matplotlib
from neurosim.reporting.units import duration
from neurosim.state import store
from neurosim.streams import Stream
from neurosim.version import __version__
from neurosim.views import priced, provenance, recorded, sections
from neurosim.views.gallery import SAMPLES, Missing, first_samples, gallery, timed
from neurosim.views.page import Fact, Section, page
from neurosim.views.summary import summary_of

NO_COST = "give a described chip (--chip) and samples to price (--stream)"
NO_LATENCY = "give samples to measure it on (--stream), or what was measured before (--record)"


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a report shows besides the state itself: `state_report` has the meaning of each."""

    stream: Stream | None
    test: Stream | None
    samples: int
    learning: bool
    hardware: Hardware | None
    unverified: bool
    shape: tuple[int, ...] | None
    record: str | Path | None
    command: str | None
    leave_out: Callable[[str, str], None] | None


def state_report(
    path: str | Path,
    *,
    stream: Stream | None = None,
    test: Stream | None = None,
    samples: int = SAMPLES,
    learning: bool = False,
    hardware: Hardware | str | Path | None = None,
    unverified: bool = False,
    shape: tuple[int, ...] | None = None,
    record: str | Path | None = None,
    rules: Sequence[OwnFunction] = (),
    command: str | None = None,
    leave_out: Callable[[str, str], None] | None = None,
) -> str:
    """Return the report of a state file as HTML; the file is read once, and may be replaced meanwhile.

    Parameters
    ----------
    path : path
    stream : Stream, optional
        Samples for the chip: for figures of winners and patches, for latency, and for energy.
    test : Stream, optional
        Other samples with labels, of which classes are counted; by default half of those of `stream`, which it needs.
    samples : int
        Samples taken of each stream, at most; at least 2.
    learning : bool
        Whether a copy of the chip learns while it is timed and priced, or only responds.
    hardware : Hardware, str or path, optional
        The described chip on which samples are priced, or what `neurosim.hardware.load` takes; needs `stream`.
    unverified : bool
        Whether constants that nobody vouches for are used, too.
    shape : tuple of int, optional
        Of a sample as an image, where the chip does not say it; empty if samples are no images.
    record : path, optional
        Of latencies that were measured before (`neurosim.latency.read_record`), in place of a measurement.
    rules : sequence of RuleMaker and CompetitionMaker
        The user's own rules that the chip learns by.
    command : str, optional
        How the report was asked for, to be shown.
    leave_out : callable, optional
        Called with the name of each figure that cannot be drawn, and why not; the report says it, too.

    Raises
    ------
    ConfigError
        If matplotlib is missing, or an argument breaks a rule.
    StateError
        If the state or the record is missing, damaged, foreign or of a newer version.
    SampleError, StreamError, DivergedError
        If a stream cannot be read, or does not fit the chip.
    """
    check_matplotlib()
    whole("samples", samples, 2, LARGEST)
    for name, value in (("stream", stream), ("test", test)):
        if value is not None:
            instance(name, value, Stream)
    if test is not None and stream is None:
        raise ConfigError("test", "left out without a stream", test.name)
    described = None if hardware is None else as_hardware(hardware)
    if described is not None:
        check_learns(described, learning, unverified)
    contents = store.read(path)
    chip = Chip.of(contents, path, rules)
    measured = None if record is None else read_record(record)
    if measured is not None:
        recorded.check_same_chip(measured, chip)
    if stream is not None:
        stream.name_classes(chip.classes)
    for one in (stream, test):
        if one is not None:
            check_fits(one, chip.shape)
    wanted = _Wanted(
        stream=stream, test=test, samples=samples, learning=learning,
        hardware=described, unverified=unverified, shape=shape,
        record=record, command=command, leave_out=leave_out,
    )  # fmt: skip
    return _StateReport(Path(path), chip, summary_of(chip, contents), wanted, measured).html()


def record_report(path: str | Path, command: str | None = None) -> str:
    """Return the report of a record of latencies as HTML: what was measured, on which machine.

    Raises
    ------
    ConfigError
        If matplotlib is missing.
    StateError
        If the record is missing, damaged, foreign or of a newer version.
    """
    check_matplotlib()
    report = read_record(path)
    about = report.about
    rows = provenance.of_this_run(command) + _of_record(path, report)
    parts = [_latency(report, recorded.when_and_what(report)), sections.provenance_section(rows)]
    return page(Path(path).name, f"Latencies of {about['chip']} on {about['stream']}", _latency_facts(report), parts)


class _StateReport:
    """The sections of a report of a chip, of which some need measurements.

    Parameters
    ----------
    path : Path
        Of the state, for its name.
    chip : Chip
        It is not changed.
    summary : dict
        From `summary_of`.
    wanted : _Wanted
    measured : Report, optional
        Latencies of a record.
    """

    def __init__(
        self, path: Path, chip: Chip, summary: dict[str, Any], wanted: _Wanted, measured: Report | None
    ) -> None:
        self._path, self._chip, self._summary, self._wanted = path, chip, summary, wanted
        self._missing: list[tuple[str, str]] = []
        self._stream, self._test = (
            None if stream is None else first_samples(stream, wanted.samples) for stream in (wanted.stream, wanted.test)
        )
        self._measured, self._cost = measured or self._timed(), self._priced()

    def html(self) -> str:
        """Return the whole page."""
        chip, summary = self._chip, self._summary
        with np.errstate(all="ignore"):  # weights near the end of float32's range give numbers beyond it
            parts = [sections.chip_section(chip, summary), sections.learned_section(chip, summary), self._figures()]
        if self._measured is not None:
            parts.append(self._latencies(self._measured))
        if self._cost is not None:
            drawn = [
                (priced.energy(self._cost), "Energy of a sample, from the low to the high values of the constants."),
                (priced.floor_plan(self._cost), "The chip on the cores of the described hardware."),
            ]
            parts.append(sections.cost_section(self._cost, drawn, self._how("Counted and priced")))
        parts.append(sections.provenance_section(self._provenance()))
        if self._missing:
            parts.append(sections.missing_section(self._missing))
        stream = (summary["stream"] or {}).get("name")
        about = f"{chip!r}" + ("" if stream is None else f" from {stream}") + f"; by neurosim {__version__}"
        return page(self._path.name, about, self._facts(), parts)

    def _latencies(self, measured: Report) -> Section:
        """Return the section of latencies: of this report, or of a record, with a warning if that may not fit."""
        if self._wanted.record is None:
            return _latency(measured, self._how("Measured"))
        doubt = recorded.doubt(measured, self._summary["state_sha256"])
        return _latency(measured, recorded.when_and_what(measured), doubt)

    def _how(self, doing: str) -> str:
        """Return what was done with the stream for the report."""
        assert self._stream is not None
        learns = "a copy of the chip learned from them" if self._wanted.learning else "the chip only responded to them"
        return f"{doing} for this report with samples of {self._stream.name}, one at a time: {learns}."

    def _figures(self) -> Section:
        """Return the figures of the chip; note why others are missing."""
        wanted = self._wanted
        found = gallery(
            self._chip, shape=wanted.shape, stream=self._stream, test=self._test, samples=wanted.samples
        )  # fmt: skip
        drawn: dict[str, sections.Drawn] = {}
        for entry in found:
            if entry.name == "latency":  # which has a section, with its table
                continue
            if isinstance(entry, Missing):
                self._leave_out(entry.name, entry.why)
                continue
            try:
                figure = entry.draw()
            except NeurosimError as error:
                self._leave_out(entry.name, str(error))
                continue
            of = entry.name.rpartition("-")[0].replace("-", " ").capitalize() or "Whole chip"
            drawn.setdefault(of, []).append((figure, f"{entry.caption}."))
        return sections.figures_section(drawn)

    def _leave_out(self, name: str, why: str) -> None:
        """Note what is missing, and tell who asked for it."""
        name = name.replace("-", " ")
        self._missing.append((name, why))
        if self._wanted.leave_out is not None:
            self._wanted.leave_out(name, why)

    def _timed(self) -> Report | None:
        """Return the latencies of the stream's samples, taken one at a time."""
        if self._stream is None:
            self._missing.append(("latency", NO_LATENCY))
            return None
        learning = self._wanted.learning
        try:
            return timed(deepcopy(self._chip) if learning else self._chip, self._stream, learning=learning)
        except NeurosimError as error:
            self._leave_out("latency", str(error))
            return None

    def _priced(self) -> CostReport | None:
        """Return what the stream's samples cost on the described chip."""
        wanted = self._wanted
        if wanted.hardware is None or self._stream is None:
            self._missing.append(("cost", NO_COST))
            return None
        chip = deepcopy(self._chip) if wanted.learning else self._chip
        try:
            hardware.place(chip, wanted.hardware)  # refuses what does not fit before it runs
            counts = hardware.count(chip, self._stream, learning=wanted.learning)
            cost = hardware.price(counts, wanted.hardware, unverified=wanted.unverified)
            if error := loses(cost.hardware, cost.schedule):  # the page shows answers of a chip that loses none
                raise error
            return cost
        except NeurosimError as error:
            self._leave_out("cost", str(error))
            return None

    def _facts(self) -> list[Fact]:
        """Return what is to be seen first."""
        layers = self._summary["layers"]
        facts = [
            Fact("learned from", f"{self._chip.samples:,}", "samples"),
            Fact("neurons", " + ".join(f"{layer['constants']['neurons']:,}" for layer in layers)),
            Fact("have won", f"{1 - layers[-1]['never_won']:.1%}", "of the last layer's neurons"),
        ]
        facts += [] if self._measured is None else _latency_facts(self._measured)
        if self._cost is not None:
            low, value, high = (joules(energy).strip() for energy in self._cost.mean_energy_J)
            facts.append(Fact(f"energy, {_doing(self._cost.counts.learning)}", value, f"{low} to {high}"))
        return facts

    def _provenance(self) -> provenance.Rows:
        """Return rows of this report, the state, and what else was read for it."""
        wanted = self._wanted
        rows = provenance.of_this_run(wanted.command) + provenance.of_state(self._summary)
        for option, stream in (("stream", wanted.stream), ("test", wanted.test)):
            rows += [] if stream is None else provenance.of_stream(option, stream)
        if wanted.record is not None and self._measured is not None:
            rows += _of_record(wanted.record, self._measured)
        if wanted.hardware is not None:
            rows.append(("described chip", f"{wanted.hardware.title} ({wanted.hardware.name})"))
        return rows


def _of_record(path: str | Path, report: Report) -> provenance.Rows:
    """Return rows of a record, and of the machine that it was measured on, which may be another one."""
    return provenance.of_file("record", path) + provenance.of_machine(report.about["environment"], "record's ")


def _latency(report: Report, how: str, doubt: str = "") -> Section:
    return sections.latency_section(report, priced.latency(report), how, doubt)


def _latency_facts(report: Report) -> list[Fact]:
    response, doing = report.summary()["response"], _doing(report.about["learning"])
    names = {"p50_s": "median latency", "p99_s": "p99 latency", "max_s": "longest latency"}
    return [
        Fact(name, duration(response[key]).strip(), doing) for key, name in names.items() if response[key] is not None
    ]


def _doing(learning: bool) -> str:
    return "learning from a sample" if learning else "responding to a sample"
