"""Plain lines: parsed several at once, to the samples, labels and errors of reading them one by one with care."""

import io
import random

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams.csv_lines import PLAIN as PLAIN_MARKS
from neurosim.streams.line_reader import LineReader
from neurosim.streams.lines import LineStream
from neurosim.streams.rows import Rows

PLAIN = ["0", "1", "0.5", "-0.25", "1e-3", "-3", "255", "0.0", "-0.0", "16777217", "0.1", "2.5000000000000001"]
ODD = [
    "-0", "-0e5", "+1", ".5", "1.", "01", "-00", "1E5", "1e+5", "3.4028235e38", "3.4028236e38", "-3.40282351e38",
    "1e39", "1e400", "1e-46", "5e-324", "1_000", "0x10", "nan", "NaN", "inf", "", "  ", " 7", "7\t", "7\r", "9" * 30,
    "9" * 5000, "18446744073709551616", "1152921573326323713", "true", "null", '"5"', "cat", "[1]", "{}", "-", "1e",
    "1,5", "\u0663",
]  # fmt: skip
LABELS = [
    "3.0", "-1", "cat", '"dog"', "", "nan", "null", "2.5", "-0", "9007199254740993", "1180591620717411303425", "true",
]  # fmt: skip
EXTRA = ['"z":1', '"x":[1]', '"y":2', '"m":{"a":1,"a":2}', '"t":true', '"s":"a\\"b"', '"\\u0078":[1]', '"u":"\\ud800"']
LINES = ["", " ", "\ufeff1,2", '"1","2"', "1,2,", "1\x002", "1,2\x0b", "[1,2", "a,b"]


class Maker:
    """Makes files of lines, most of them plain."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.odd = self.random.choice([0, 0, 0.01, 0.2])
        self.kind = self.random.choice(["csv", "csv", "array", "object"])
        self.labelled, self.width = self.random.random() < 0.5, self.random.choice([1, 2, 5])
        self.delimiter = self.random.choice([",", ",", ";", "\t", " ", "\u00a6"]) if self.kind == "csv" else ","
        self.column = self.random.randint(0, self.width)

    def options(self):
        found = {"delimiter": self.delimiter, "skip_bad": self.random.random() < 0.5}
        found["header"] = self.random.choice(["auto", "no", "yes"])
        if self.labelled:
            found["label"] = "y" if self.kind == "object" else str(self.column)
        return found

    def text(self):
        lines = [self.line() for _ in range(self.random.randint(1, 30))]
        if self.kind == "csv" and self.random.random() < 0.3:
            lines.insert(0, self.delimiter.join(f"c{number}" for number in range(self.width + self.labelled)))
        text = bytearray(self.random.choice(["\n", "\r\n"]).join(lines).encode())
        if self.random.random() < self.odd and text:
            text[self.random.randrange(len(text))] = self.random.choice(b'0,.eE+-[]{}":\n\r \xff\0t')
        return bytes(text)

    def number(self):
        if self.random.random() < self.odd:
            return self.random.choice(ODD)
        return self.random.choice(PLAIN) if self.random.random() < 0.5 else repr(self.random.uniform(-9, 9))

    def label(self):
        return self.random.choice(LABELS) if self.random.random() < self.odd else self.random.choice("123")

    def line(self):
        if self.random.random() < self.odd / 4:
            return self.random.choice(LINES)
        numbers = [self.number() for _ in range(self.width + (self.random.random() < self.odd / 9))]
        if self.kind == "object":
            entries = [f'"x":[{self.random.choice([",", ", "]).join(numbers)}]']
            if self.labelled:
                entries.insert(self.random.randint(0, 1), f'"y":{self.label() or "null"}')
            if self.random.random() < self.odd:
                entries.append(self.random.choice(EXTRA))
            return "{" + ",".join(entries) + "}"
        if self.labelled:
            numbers.insert(self.column, self.label())
        return self.delimiter.join(numbers) if self.kind == "csv" else f"[{','.join(numbers)}]"


def outcome(text, options, size):
    """Return what comes of a text: the bits of the samples, the labels, their names, bad lines, and the error."""
    found = []
    try:
        stream = LineStream("x", lambda: io.BytesIO(text), **options)
        found.append((stream.inputs, stream.classes, stream.columns, stream.identity()))
        for samples, labels in stream.blocks(size=size):
            assert samples.dtype == np.float32
            assert samples.flags.c_contiguous
            assert samples.flags.writeable
            found += zip(map(bytes, samples), [None] * len(samples) if labels is None else labels.tolist(), strict=True)
        found.append((stream.bad, stream.classes))
    except ns.StreamError as error:
        found.append(str(error))
    return found


def check(seeds):
    plain, read = 0, LineReader.quickly

    def counting(self, lines):
        nonlocal plain
        found = read(self, lines)
        plain += 0 if found is None else len(lines)
        return found

    for seed in seeds:
        maker = Maker(seed)
        text, options = maker.text(), maker.options()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LineReader, "quickly", counting)
            quick = [outcome(text, options, size) for size in (1, 3, 256)]
            patch.setattr(LineReader, "quickly", lambda self, lines: None)
            assert quick == [outcome(text, options, 256)] * 3, (seed, text, options)
    assert plain > 10 * len(seeds)


def test_plain_lines_are_read_as_all_others():
    check(range(300))


@pytest.mark.slow
def test_many_plain_lines_are_read_as_all_others():
    check(range(300, 20_000))


@pytest.mark.parametrize("line", ["{}", "[{}]", '{{"x":[{}]}}'])
def test_float32_is_rounded_from_float64(line):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63, 4000, dtype=np.int64).view(np.float64)
    cells = [repr(value) for value in bits[(bits < 1e38) & (bits > 1e-300)].tolist()]
    cells += [f"{value:.25g}" for value in rng.random(500)] + [
        repr(int(value)) for value in 2.0 ** rng.uniform(0, 120, 500)
    ]
    text = "1\n" * (line == "{}") + "".join(line.format(cell) + "\n" for cell in cells)
    (block,) = LineStream("x", lambda: io.BytesIO(text.encode()), header="no").blocks(size=1 << 20)
    wanted = np.array([float(cell) for cell in cells]).astype(np.float32)
    assert block.samples[-len(cells) :, 0].tobytes() == wanted.tobytes()


def test_zero_keeps_its_sign_in_csv_and_has_none_in_json():
    for line, sign in (
        ("-0,1", True),
        ("1,-0 ", True),
        ("-0.0,1", True),
        ("-0e3,1", True),
        ("[-0,1]", False),
        ("[-0.0,1]", True),
    ):
        text = f"{'[2,2]' if '[' in line else '2,2'}\n" + f"{line}\n" * 3
        (block,) = LineStream("x", lambda text=text: io.BytesIO(text.encode()), header="no").blocks()
        zeros = block.samples[1:][block.samples[1:] != 1]
        assert np.signbit(zeros).tolist() == [sign] * 3


def test_lines_after_names_have_one_width():
    text = "a,b,c\n[1,2]\n3,4,5\n[6,7]\n"
    with pytest.raises(ns.StreamError, match="line 3: a sample must have 2 inputs, got 3"):
        list(LineStream("x", lambda: io.BytesIO(text.encode())))
    stream = LineStream("x", lambda: io.BytesIO(text.encode()), skip_bad=True)
    assert [x.tolist() for x, _ in stream] == [[1, 2], [6, 7]]
    assert stream.bad == 1


def test_a_carriage_return_within_a_line_is_refused_wherever_the_line_stands():
    with pytest.raises(ns.StreamError, match="line 2: a line must end in a line feed, got a carriage return within it"):
        list(LineStream("x", lambda: io.BytesIO(b"1,2\n1\r,2\n"), header="no"))


@pytest.mark.parametrize("line", [*PLAIN, *[odd for odd in ODD if not odd.encode().translate(None, PLAIN_MARKS)]])
@pytest.mark.parametrize("width", [1, 2])
def test_one_line_of_numbers_is_read_as_one_of_several(line, width):
    rows, text = Rows(width), ",".join([line] * width).encode()
    one, several = rows.of_line(text), rows.of_text(text)
    assert (one is None) == (several is None)
    if one is not None:
        assert (one.shape, one.tobytes()) == (several.shape, several.tobytes())
        assert one.flags.writeable
