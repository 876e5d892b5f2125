"""A page of HTML that needs nothing but itself: no script, no address, every text escaped."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from neurosim.reporting.figures import as_png
from neurosim.reporting.html import embedded, escape

# The browser holds the page to it: whatever a text may smuggle in, nothing is run, and nothing is fetched.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
DPI = 240  # of figures: twice the pixels that a column has on most screens
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="neurosim">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
"""


class Section(NamedTuple):
    """A part of a page.

    Attributes
    ----------
    name : str
        Its anchor: letters and dashes.
    title : str
    body : str
        HTML.
    """

    name: str
    title: str
    body: str


class Fact(NamedTuple):
    """A name, its value, and a note on it, to be seen first."""

    name: str
    value: str
    note: str = ""


def page(title: str, about: str, facts: Iterable[Fact], sections: Iterable[Section]) -> str:
    """Return a page of sections, with links to them above.

    Parameters
    ----------
    title, about : str
        What the page is of, in a few words, and in a sentence.
    facts : iterable of Fact
    sections : iterable of Section
    """
    sections = list(sections)
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    links = "\n".join(f'<a href="#{escape(section.name)}">{escape(section.title)}</a>' for section in sections)
    parts = [
        HEAD.format(policy=escape(POLICY), title=escape(title), style=style),
        f'<header>\n<h1>{escape(title)}</h1>\n<p class="quiet">{escape(about)}</p>\n</header>\n',
        f'<dl class="facts">\n{"".join(map(_fact, facts))}</dl>\n',
        f'<nav aria-label="Sections">\n{links}\n</nav>\n<main>\n',
        *(_section(section) for section in sections),
        "</main>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _fact(fact: Fact) -> str:
    note = f'<dd class="quiet">{escape(fact.note)}</dd>' if fact.note else ""
    return f"<div><dt>{escape(fact.name)}</dt><dd>{escape(fact.value)}</dd>{note}</div>\n"


def _section(section: Section) -> str:
    name = escape(section.name)
    return f'<section id="{name}">\n<h2>{escape(section.title)}</h2>\n{section.body}\n</section>\n'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text; `kind` is a class of the style sheet."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def subtitle(text: str) -> str:
    """Return a title within a section."""
    return f"<h3>{escape(text)}</h3>"


def wide(body: str) -> str:
    """Return HTML that is scrolled by itself where it is wider than the page."""
    return f'<div class="wide">{body}</div>'


def beside(left: str, right: str) -> str:
    """Return two pieces of HTML, side by side where the page is wide enough."""
    return f'<div class="beside"><div>{left}</div><div>{right}</div></div>'


def code(text: str) -> str:
    """Return a text of which each space counts."""
    return f"<pre>{escape(text)}</pre>"


def bullets(texts: Iterable[str]) -> str:
    """Return a list of texts."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def figures(drawn: Iterable[tuple[Any, str]]) -> str:
    """Return matplotlib's figures, each with its caption, as pictures within the page.

    Raises
    ------
    ConfigError
        If one cannot be drawn.
    """
    return f'<div class="figures">\n{"".join(_figure(figure, caption) for figure, caption in drawn)}</div>'


def _figure(figure: Any, caption: str) -> str:
    source, text = embedded(as_png(figure, DPI)), escape(caption)
    return f'<figure><img src="{source}" alt="{text}"><figcaption>{text}</figcaption></figure>\n'
