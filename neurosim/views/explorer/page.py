"""The gain explorer: one page that is complete in itself, opens from disk, and asks for nothing."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from neurosim.chip.chip import Chip
from neurosim.layers.competition import Competition, HardWTA, SoftWTA
from neurosim.layers.rules import SoftHebb
from neurosim.reporting import figures
from neurosim.streams import Stream
from neurosim.views.explorer.presets import PRESETS
from neurosim.views.explorer.samples import ChipSample, chip_samples

__all__ = ["explorer_page"]

SCRIPTS = ("model.js", "charts.js", "page.js")
COLOURS = {
    "bar": figures.BLUE, "winner": figures.VERMILION, "unlearns": figures.PURPLE, "others": figures.GREY,
    "focus": figures.ORANGE,
}  # fmt: skip
HARD = 1000.0  # ln(gain) that stands for a hard competition
DIGITS = 9  # of a number: what float32 holds
WITHOUT = "To see the potentials that samples raise in a chip of yours, make this page by"
COMMAND = "neurosim explore STATE --stream SOURCE"


def explorer_page(
    chip: Chip | None = None, stream: Stream | None = None, samples: Sequence[int] = (), layer: int = 0, name: str = ""
) -> str:
    """Return the gain explorer as HTML: one page without any address, whose numbers are those of `SoftWTA`.

    Parameters
    ----------
    chip : Chip, optional
        Whose potentials the page has buttons for.
    stream : Stream
        Where they come from; of a chip.
    samples : sequence of int
        Positions in the stream, from 0; of a chip.
    layer : int
        Index, from 0.
    name : str
        What the page calls the chip, such as the name of its file.

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError
        As `neurosim.views.explorer.samples.chip_samples` does.
    """
    data: dict[str, Any] = {
        "text": WITHOUT,
        "command": COMMAND,
        "samples": [],
        "sharpness": None,
        "signed": False,
        "note": "",
    }
    if chip is not None and stream is not None:
        data = _chip_data(chip, chip_samples(chip, stream, samples, layer), stream, layer, name)
    return _filled(_island({"presets": [preset._asdict() for preset in PRESETS], "chip": data}))


def _chip_data(chip: Chip, samples: Sequence[ChipSample], stream: Stream, layer: int, name: str) -> dict[str, Any]:
    constants = chip.layers[layer].constants
    where = f"layer {layer + 1} of {name or 'the chip'}"
    text = f"Potentials of {constants.neurons:,} neurons, {where}, for samples of {stream.name}."
    sharpness, note = _sharpness(constants.competition)
    if not isinstance(constants.rule, SoftHebb):
        note += f" The layer's rule is {type(constants.rule).__name__}; steps are SoftHebb's, in units of its rate."
    return {
        "text": text, "command": "", "samples": [_sample_data(sample) for sample in samples], "sharpness": sharpness,
        "signed": bool(getattr(constants.competition, "signed", False)), "note": note.strip(),
    }  # fmt: skip


def _sharpness(competition: Competition) -> tuple[float | None, str]:
    """Return ln(gain) of a competition, None if it is no softmax, and what the page says of it."""
    if isinstance(competition, SoftWTA):
        note = "The gain is the layer's own."
        if competition.winner_only:
            note += " With winner_only, all but the winner respond with 0 there."
        return competition.sharpness, note
    if isinstance(competition, HardWTA):
        return HARD, "The layer's competition is hard: the limit of a large gain."
    return None, f"The layer's competition is {type(competition).__name__}; responses are those of SoftWTA instead."


def _sample_data(sample: ChipSample) -> dict[str, Any]:
    layer = {
        "potentials": _rounded(sample.potentials), "offsets": _rounded(sample.offsets),
        "norms": _rounded(sample.norms), "rates": _rounded(sample.rates), "square": sample.square,
        "cutoff": sample.cutoff, "cap": sample.cap, "noSteps": sample.no_steps,
        "activation": {"name": sample.activation, "exponent": sample.exponent},
    }  # fmt: skip
    return {"name": sample.name, "layer": layer}


def _rounded(values: Any) -> list[float]:
    """Return numbers of float32 without digits that it does not hold: a third of the page's size."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def _island(data: Any) -> str:
    """Return data as JSON in which nothing ends an element of HTML or begins a comment."""
    text = json.dumps(data, allow_nan=False)  # ASCII alone, whatever names hold
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _filled(data: str) -> str:
    """Return the page with its style, its scripts and its data; the policy admits these, by their hashes, and no more."""
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
