"""Results as HTML for notebooks: tables, and pictures within the text, of which nothing is fetched from anywhere."""

import base64
import html
from collections.abc import Iterable, Sequence

from neurosim.reporting.texts import visible

TABLE = '<table style="border-collapse:collapse;margin:.3em 0">'
CELL = "padding:.15em .7em;vertical-align:top;text-align:"
PICTURE = "display:block;margin:.3em 0;max-width:100%;image-rendering:pixelated"


def escape(text: object) -> str:
    """Return any value's text so that a page shows it as it is, within attributes too."""
    return html.escape(visible(str(text)), quote=True)


def heading(title: object, text: object = "") -> str:
    """Return a line that says in bold what follows, and more of it beside that."""
    return f"<div><strong>{escape(title)}</strong> {escape(text)}</div>"


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with a row of names above; what begins with a digit or is a dash stands to the right."""
    sides = [_side(cell) for cell in rows[0]] if rows else ["left"] * len(head)
    names = "".join(
        f'<th scope="col" style="{CELL}{side}">{escape(name)}</th>' for name, side in zip(head, sides, strict=True)
    )
    return f"{TABLE}<thead><tr>{names}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody></table>"


def pairs(rows: Iterable[tuple[object, object]]) -> str:
    """Return a table of names and what they are."""
    lines = (
        f'<tr><th scope="row" style="{CELL}right">{escape(name)}</th><td style="{CELL}left">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"{TABLE}<tbody>{''.join(lines)}</tbody></table>"


def image(png: bytes, description: object, width: int | None = None) -> str:
    """Return a picture, the file's bytes within the page; its pixels stay sharp when it is shown larger.

    Parameters
    ----------
    png : bytes
        The PNG file.
    description : object
        What is shown to who cannot see it.
    width : int, optional
        Width on the page in pixels, by default the picture's.
    """
    size = "" if width is None else f";width:{int(width)}px"
    return f'<img src="{embedded(png)}" alt="{escape(description)}" style="{PICTURE}{size}"/>'


def embedded(png: bytes) -> str:
    """Return the address of a PNG file that holds the file itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def folded(title: object, text: object) -> str:
    """Return a title that unfolds a long text, which is shown as code."""
    code = f'<pre style="white-space:pre-wrap">{escape(text)}</pre>'
    return f"<details><summary>{escape(title)}</summary>{code}</details>"


def _row(cells: Sequence[object]) -> str:
    return "<tr>" + "".join(f'<td style="{CELL}{_side(cell)}">{escape(cell)}</td>' for cell in cells) + "</tr>"


def _side(cell: object) -> str:
    return "right" if str(cell)[:1].isdigit() or str(cell) == "-" else "left"
