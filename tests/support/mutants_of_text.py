"""Mutants of CSV, NDJSON and TOML."""

import json
import struct
import tomllib
from importlib.resources import files
from pathlib import Path
from random import Random

from mutations import LEARN, TEXTS, bent, edited, odd, perhaps_packed

CELLS = [
    "",
    " ",
    "1",
    "-1",
    "0.5",
    "1e400",
    "nan",
    "inf",
    "1_000",
    "0x10",
    '"1"',
    '"1',
    '1"',
    '""',
    '"a,b"',
    "a",
    "label",
    "null",
    "-",
    "1e",
    "+1",
    "\u0661",
    "\ufeff1",
    "1;2",
    "\t1",
    "\x00",
    "9" * 5000,
    "1" + "0" * 400,
    "true",
]
HEADERS = ["a,b,label", "label,a,b", ",a,b", "# a,b,c", "0,1,2", "1st,2nd,label", "a,a,label", '"a,1",b,label', "label"]
STUDY = {
    "name": "mutant",
    "data": {"train": "digits:train", "test": "digits:test"},
    "chip": {"recipe": "softhebb", "seed": 0, "weight_bits": 8},
    "measure": {"readout": "winner", "readout_samples": 100, "price_samples": 10},
    "search": {"method": "grid"},
    "vary": {"chip.neurons": [3, 4], "hardware.chip": ["loihi"]},
    "objectives": {"accuracy": "max", "energy_J": "min"},
}


def csv(rng: Random, folder: Path) -> list[object]:
    rows = [[str(rng.random()) for _ in range(2)] + [str(rng.randrange(3))] for _ in range(rng.choice([1, 3, 30]))]
    for _ in range(rng.choice([0, 1, 1, 3])):
        row = rng.choice(rows)
        match rng.randrange(4):
            case 0:
                row.append(rng.choice(CELLS))
            case 1:
                row.pop()
            case _:
                row[rng.randrange(3) if len(row) == 3 else 0 :] = [rng.choice(CELLS)]
    lines = [rng.choice([",", ",", ",", ";", "\t"]).join(row) for row in rows]
    if rng.random() < 0.5:
        lines.insert(0 if rng.random() < 0.8 else len(lines), rng.choice(HEADERS))
    text = rng.choice(["\n", "\n", "\r\n", "\r", "\n\n"]).join(lines)
    coding = rng.choice(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "latin-1"])
    content = text.encode(coding, errors="replace")
    name, content = perhaps_packed(rng, bent(rng, content) if rng.random() < 0.4 else content, "x.csv")
    (folder / name).write_bytes(content)
    label = rng.choice(
        [[], ["--label", "label"], ["--label", "-1"], ["--label", "2"], ["--label", rng.choice(TEXTS[:8])]]
    )
    return ["stream", folder / name, *LEARN, *label, *["--skip-bad"] * (rng.random() < 0.3)]


def frames(rng: Random, folder: Path) -> list[object]:
    form = rng.choice(["f32", "u8"])
    content = struct.pack("<30f", *[rng.random() for _ in range(30)]) if form == "f32" else rng.randbytes(30)
    content = bent(rng, content) if rng.random() < 0.6 else content[: rng.randrange(len(content) + 1)]
    name = rng.choice([f"x.{form}", "x.bin", "x.f32", "x.u8"])
    (folder / name).write_bytes(content)
    options = rng.choice([[], ["--format", form]])
    label = rng.choice([[], [], ["--label", rng.choice(["0", "-1", "2", "1", "x"])]])
    return ["stream", folder / name, *LEARN, "--inputs", rng.choice([1, 2, 3, 5]), *options, *label]


def ndjson(rng: Random, folder: Path) -> list[object]:
    rows: list[object] = [
        {"x": [rng.random(), rng.random()], "label": rng.randrange(3)} if rng.random() < 0.7 else [rng.random()] * 2
        for _ in range(rng.choice([1, 3, 30]))
    ]
    for _ in range(rng.choice([0, 1, 1, 3])):
        index = rng.randrange(len(rows))
        rows[index] = edited(rng, rows[index]) if rng.random() < 0.8 else odd(rng)
    text = "\n".join(json.dumps(row) for row in rows)
    if rng.random() < 0.1:
        text = text.replace('"label"', '"x"')
    content = bent(rng, text.encode()) if rng.random() < 0.4 else text.encode()
    name, content = perhaps_packed(rng, content, "x.ndjson")
    (folder / name).write_bytes(content)
    label = rng.choice([[], ["--label", "label"], ["--label", "x"]])
    return ["stream", folder / name, *LEARN, *label, *["--skip-bad"] * (rng.random() < 0.3)]


def study(rng: Random, folder: Path) -> list[object]:
    return ["sweep", _toml(rng, STUDY, folder), "--out", folder / "out.h5", "--list"]


def _cost(bits: int) -> list[object]:
    """Return a command that prices a few samples on a chip, up to the name of the chip."""
    chip = ["softhebb", "--neurons", 3, "--weight-bits", bits]
    return ["cost", *chip, "--stream", "digits:test", "--samples", 2, "--chip"]


def described_chip(rng: Random, folder: Path) -> list[object]:
    sources = [file for file in (files("neurosim.hardware.chips") / "presets").iterdir() if file.name.endswith(".toml")]
    path = _toml(rng, tomllib.loads(rng.choice(sorted(sources, key=str)).read_text()), folder)
    return [*_cost(2), path]


def _toml(rng: Random, table: dict[str, object], folder: Path) -> Path:
    """Write a table with some of its values changed, at times in another coding or with bytes changed."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        key = rng.choice([key for key in table if isinstance(table[key], dict)] * 5 + list(table))
        table = (
            table | {key: edited(rng, table[key])}
            if rng.random() < 0.9
            else {k: v for k, v in table.items() if k != key}
        )
    text = _inline(table, top=True)
    if rng.random() < 0.1:
        text += "\nname = 1979-05-27\n" if rng.random() < 0.5 else "\nlate = 07:32:00\n"
    content = text.encode(rng.choice(["utf-8"] * 16 + ["utf-8-sig", "utf-16"]), errors="replace")
    path = folder / rng.choice(["x.toml"] * 9 + ["x.TOML"])
    path.write_bytes(bent(rng, content) if rng.random() < 0.1 else content)
    return path


def _inline(value: object, top: bool = False) -> str:
    """Write plain data as TOML, inline tables but for the outermost."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)} = {_inline(inner)}" for key, inner in value.items()]
        return "\n".join(pairs) if top else "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return "{}" if value is None else json.dumps(value)


def setting(rng: Random, folder: Path) -> list[object]:
    """A command with odd text in an option that parses it."""
    keys = ["structure.cores", "structure.mesh", "energy.synaptic_operation.value", "title", "", "a.b", "structure"]
    values = [*TEXTS, "[" * 5000, "9" * 5000, "{a = 1}", "1979-05-27", "[1, 2", "nan", "-1", "1e400", "'''", '"']
    change = f"{rng.choice(keys)}{rng.choice(['=', '=', '=', '', '=='])}{rng.choice(values)}".replace("\x00", "")
    return [*_cost(8), "loihi", "--set", change]


KINDS = {
    "csv": csv, "ndjson": ndjson, "frames": frames, "study": study, "described chip": described_chip,
    "setting": setting,
}  # fmt: skip
