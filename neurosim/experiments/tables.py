"""Tables of a study as Markdown and as CSV, and its report."""

import csv
import io
from collections.abc import Sequence
from statistics import fmean, stdev

from neurosim.experiments.cells import Cell, Finished, Folder, Study, Table

NOTHING = "-"


def number(value: float | None, places: int) -> str:
    """Return a number as text, or a dash for None."""
    return NOTHING if value is None else f"{value:.{places}f}"


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None if there are no values."""
    return fmean(values) if values else None


def spread(values: Sequence[float], places: int) -> str:
    """Return mean and standard deviation over seeds as text: `93.6 ± 0.2`; a single value has no deviation."""
    if not values:
        return NOTHING
    text = number(fmean(values), places)
    return text if len(values) < 2 else f"{text} ± {stdev(values):.{places}f}"


def difference(published: float | None, ours: Sequence[float], places: int) -> str:
    """Return the mean of ours less the published number as text, with its sign."""
    return NOTHING if published is None or not ours else f"{fmean(ours) - published:+.{places}f}"


def markdown(table: Table) -> str:
    """Return a table in Markdown, with columns that are aligned in plain text too: text left, numbers right."""
    columns = list(zip(table.header, *table.rows, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    is_text = [any(cell[:1].isalpha() for cell in column[1:]) for column in columns]
    marks = ["-" * width if left else "-" * (width - 1) + ":" for left, width in zip(is_text, widths, strict=True)]

    def line(cells: Sequence[str]) -> str:
        columns = zip(cells, widths, is_text, strict=True)
        texts = (cell.ljust(width) if left else cell.rjust(width) for cell, width, left in columns)
        return "| " + " | ".join(texts) + " |"

    return "\n".join([f"## {table.title}", "", line(table.header), line(marks), *map(line, table.rows)])


def comma_separated(table: Table) -> str:
    """Return a table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([table.header, *table.rows])
    return text.getvalue()


def cells_table(cells: Sequence[Cell], finished: Finished) -> Table:
    """Return a table with a row for each finished cell: its settings, and those of its measures that are no lists."""
    done = [(cell, finished[cell.name]) for cell in cells if cell.name in finished]
    settings = list(dict.fromkeys(name for cell, _ in done for name in cell.settings))
    measures = list(dict.fromkeys(
        name for _, record in done for name, value in record["measures"].items() if not isinstance(value, list)
    ))  # fmt: skip
    rows = [
        [cell.name, *(_text(cell.settings.get(name)) for name in settings),
         *(_text(record["measures"].get(name)) for name in measures), _text(record["seconds"])]
        for cell, record in done
    ]  # fmt: skip
    return Table("cells", "Cells", ["cell", *settings, *measures, "seconds"], rows)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _preface(study: Study, cells: Sequence[Cell], finished: Finished) -> str:
    """Return the first paragraph of a report."""
    lines = [
        f"{len(finished)} of {len(cells)} cells are finished; ours are means over seeds ± their standard deviation.",
        f"Published: {study.source}.",
    ]
    if any(cell.settings["train_samples"] is not None for cell in cells):
        most = max(cell.settings["train_samples"] or 0 for cell in cells)
        lines.append(
            f"With --fast a chip learns from {most} samples at most: not to be held against what is published."
        )
    return "\n".join(lines)


def write(study: Study, cells: Sequence[Cell], finished: Finished, failed: dict[str, str], folder: Folder) -> str:
    """Write the tables as CSV and the report as Markdown; return the report."""
    tables = study.tables(list(cells), finished)
    for table in [*tables, cells_table(cells, finished)]:
        text = comma_separated(table)
        folder.put(folder.path / f"{table.name}.csv", lambda path, text=text: path.write_text(text, encoding="utf-8"))  # type: ignore[misc]
    sections = [f"# {study.name}: published and measured", _preface(study, cells, finished), *map(markdown, tables)]
    if failed:
        sections.append("\n".join(["## Failed", "", *(f"- {name}: {error}" for name, error in failed.items())]))
    report = "\n\n".join(sections) + "\n"
    folder.put(folder.path / "report.md", lambda path: path.write_text(report, encoding="utf-8"))
    return report
