"""The gain explorer: one page that is complete in itself, opens from disk, and asks for nothing."""

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

from neurosim.reporting import figures
from neurosim.views.explorer.presets import PRESETS

__all__ = ["explorer_page"]

SCRIPTS = ("model.js", "charts.js", "page.js")
COLOURS = {
    "bar": figures.BLUE, "winner": figures.VERMILION, "unlearns": figures.PURPLE, "others": figures.GREY,
    "focus": figures.ORANGE,
}  # fmt: skip
NO_CHIP: dict[str, Any] = {
    "text": "To see the potentials that samples raise in a chip of yours, make this page by",
    "command": "neurosim explore STATE --stream SOURCE", "layer": {}, "samples": [], "sharpness": None, "signed": False,
}  # fmt: skip


def explorer_page(chip: dict[str, Any] | None = None) -> str:
    """Return the gain explorer as HTML: one page without any address, whose numbers are those of `SoftWTA`.

    Parameters
    ----------
    chip : dict, optional
        What the page has buttons for: `neurosim.views.explorer.samples.chip_data` makes it of a chip and a stream.
    """
    presets = [preset._asdict() for preset in PRESETS]
    return _filled(_island({"presets": presets, "chip": NO_CHIP if chip is None else chip}))


def _island(data: Any) -> str:
    """Return data as JSON in which nothing ends an element of HTML or begins a comment."""
    text = json.dumps(data, allow_nan=False)  # ASCII alone, whatever names hold
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _filled(data: str) -> str:
    """Return the page with its style, scripts and data; its policy admits these, by their hashes, and no others."""
    here = files("neurosim.views.explorer")
    names = ("page.html", "page.css", *SCRIPTS)
    text = {name: here.joinpath(name).read_text(encoding="utf-8") for name in names}
    colours = "".join(f"--{name}: {colour}; " for name, colour in COLOURS.items())
    style = f":root {{ {colours}}}\n{text['page.css']}"
    script = "\n".join(text[name] for name in SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(style)}; script-src {_hash(script)}"
    )
    pieces = {"@POLICY@": policy, "@STYLE@": style, "@DATA@": data, "@SCRIPT@": script}
    return re.sub("|".join(pieces), lambda match: pieces[match[0]], text["page.html"])


def _hash(text: str) -> str:
    """Return the hash of a style or a script, as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
