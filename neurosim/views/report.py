"""A report of a state file, or of a record of latencies: one page that explains itself wherever it is opened."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosim import hardware
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.pricing import CostReport
from neurosim.latency import Report, bench, read_record
from neurosim.layers.own_rules import RuleMaker
from neurosim.reporting.figures import check_matplotlib
from neurosim.reporting.html import escape
from neurosim.reporting.units import duration
from neurosim.state import store
from neurosim.streams import Stream
from neurosim.version import __version__
from neurosim.views import priced, provenance, sections
from neurosim.views.gallery import Figure, Missing, first_samples, gallery
from neurosim.views.page import Section, page
from neurosim.views.summary import summary_of

SAMPLES, WARM_UP = 1000, 100
Drawn = list[tuple[Any, str]]
NO_LATENCY = "give samples to measure it on (--stream), or what was measured before (--record)"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a report of a state file is to show besides the state itself.

    Attributes
    ----------
    stream : Stream, optional
        Samples for the chip: for figures of winners and patches, for latency, and for energy.
    test : Stream, optional
        Other samples with labels, of which classes are counted.
    samples : int, optional
        Samples of each stream to take, at most; 1,000 by default.
    learning : bool
        Whether a copy of the chip learns while it is timed and priced, or only responds.
    hardware : Hardware, optional
        The described chip on which samples are priced; needs `stream`.
    unverified : bool
        Whether constants that nobody vouches for are used, too.
    shape : tuple of int, optional
        Of a sample as an image, where the chip does not say it; empty if samples are no images.
    record : path, optional
        Of latencies that were measured before (`neurosim.latency.read_record`), in place of a measurement.
    command : str, optional
        How the report was asked for, to be shown.
    """

    stream: Stream | None = None
    test: Stream | None = None
    samples: int | None = None
    learning: bool = False
    hardware: Hardware | None = None
    unverified: bool = False
    shape: tuple[int, ...] | None = None
    record: str | Path | None = None
    command: str | None = None


def state_report(path: str | Path, request: Request | None = None, *, rules: Sequence[RuleMaker] = ()) -> str:
    """Return the report of a state file as HTML; the file is read once, and may be replaced meanwhile.

    Parameters
    ----------
    path : path
    request : Request, optional
    rules : sequence of RuleMaker
        The user's own rules that the chip learns by.

    Raises
    ------
    ConfigError
        If matplotlib is missing, or the request breaks a rule.
    StateError
        If the state or the record is missing, damaged, foreign or of a newer version.
    SampleError, StreamError, DivergedError
        If a stream cannot be read, or does not fit the chip.
    """
    request = Request() if request is None else request
    check_matplotlib()
    contents = store.read(path)
    chip = Chip.of(contents, path, rules)
    measured = None if request.record is None else read_record(request.record)
    for named, stream in (("stream", request.stream), ("test", request.test)):
        if stream is not None and stream.inputs != chip.inputs:
            raise ConfigError(f"inputs of {named}", f"{chip.inputs}, as the chip's", stream.inputs)
    return _StateReport(Path(path), chip, summary_of(chip, contents), request, measured).html()


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
    rows = provenance.of_file("record", path) + provenance.of_machine(about["environment"], "measured on")
    parts = [
        _latency(report, "Measured before, and read from the record."),
        sections.provenance_section(rows + provenance.of_this_run(command)),
    ]
    return page(Path(path).name, f"Latencies of {about['chip']} on {about['stream']}", _latency_facts(report), parts)
