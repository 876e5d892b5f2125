"""Lines: CSV by its rules, headers told from samples, labels that are words or missing; what is odd is refused."""

import csv
import gzip
import io
import math
import os
import socket
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.streams import lines
from neurosim.streams.csv_lines import PLAIN, CSVLines, Form
from neurosim.streams.feeds import BUFFER
from neurosim.streams.label_numbers import LONGEST_NAME, MOST_NAMES, numbered
from neurosim.streams.line_reader import MOST_COLUMNS
from neurosim.streams.lines import LineStream


def opened(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return LineStream("x", lambda: io.BytesIO(data), **options)


def read(text, **options):
    """Return the samples and the labels of a text."""
    pairs = list(opened(text, **options))
    return [x.tolist() for x, _ in pairs], [y for _, y in pairs]


def refusal(text, **options):
    with pytest.raises(ns.StreamError) as caught:
        read(text, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return str(caught.value)


SAMPLES = [[1, 2], [3, 4]]


@pytest.mark.parametrize(("text", "options"), [
    ('"1","2"\n"3",4\n', {}),
    ('a,b\n"1", "2"\n3,4\n', {}),
    ('"a, with a delimiter","say ""b"""\n1,2\n3,4\n', {}),
    ("+1, 2. ,\n 3,4e0,\n".replace(",\n", "\n"), {}),
    ("10e-1,.2E+1\n3,4\n", {}),
    ("a;b\n1;2\n3;4\n", {"delimiter": ";"}),
    ("a\tb\n1\t2\n3\t4\n", {"delimiter": "tab"}),
    ("1\t2\n3\t4\n", {"delimiter": "\\t"}),
    ("1 2\n3 4\n", {"delimiter": "space"}),
    ("1|2\n3|4\n", {"delimiter": "|"}),
    ("1¦2\n3¦4\n", {"delimiter": "¦"}),
    ("1,2\r\n3,4", {}),
    ("\ufeff1,2\n\ufeff3,4\n", {}),
    ("\n\n  \n1,2\n\n3,4\n\n", {}),
])  # fmt: skip
def test_csv_is_parsed_by_its_rules(text, options):
    assert read(text, **options) == (SAMPLES, [None, None])


@pytest.mark.parametrize("cell", [
    "1_000", "0x10", "0b1", "nan", "NaN", "inf", "-Infinity", "", " ", "1e", "1e+", ".", "+", "--1", "1.2.3", "1 2",
    '"1,200"', "1;5", "50%", "12:30", "2020-01-01", "1e39", "-1e999", "\u0661", "\uff11", "1\u066b5", "x", "None", "NA",
])  # fmt: skip
def test_a_cell_that_is_no_decimal_number_is_malformed(cell):
    for row in (f"{cell},7", f"7,{cell}", cell):
        first = "1,2\n" if "7" in row else "1\n"
        if row.strip():
            words = refusal(first + row + "\n")
            assert words.startswith("x, line 2: column ")
            assert "; --skip-bad skips such lines" in words
            assert read(first + row + "\n" + first, skip_bad=True)[0] == 2 * read(first)[0]


@pytest.mark.parametrize("text", ["1_000,2\n3,4\n", '"1,200",7\n3,4\n', "0x10,2\n3,4\n", "nan,2\n3,4\n", ",2\n3,4\n"])
def test_a_malformed_first_line_is_not_taken_for_names(text):
    words = refusal(text)
    assert words.startswith("x, line 1: column 0 must be a decimal number, got ")
    assert "--header yes if the line names the columns" in words
    assert "--skip-bad" not in words


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(rows=st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=1, max_size=9),
       quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
       delimiter=st.sampled_from(",;\t|"), names=st.booleans())  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_what_the_csv_module_writes_is_read_to_the_bit(rows, quoting, delimiter, names):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
    if names:
        writer.writerow(["a", 'b "c"', f"d{delimiter}e"])
    writer.writerows(rows)
    options = {"delimiter": delimiter, "header": "yes" if names else "no"}
    assert np.array_equal(read(file.getvalue(), **options)[0], np.array(rows, np.float32))


@given(text=st.text(alphabet="0123456789.,eE+- \t\r_xnaif\"'[]\u0661", max_size=30), label=st.sampled_from([None, "0"]))
@settings(max_examples=500, deadline=None)
def test_the_fast_way_and_the_careful_one_agree(text, label):
    def outcome(first):
        stream = opened(first + text + "\n1,2,3\n", inputs=3 - (label is not None), header="no", label=label)
        try:
            return [(x.tolist(), y) for x, y in stream][-2:]
        except ns.StreamError as error:
            return str(error)

    fast = [outcome(first) for first in ("1,2,3\n", '"1","2","3"\n')]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CSVLines, "quickly", lambda self, line: None)
        assert [outcome(first) for first in ("1,2,3\n", '"1","2","3"\n')] == fast


HEADERS = [
    ("a,b\n1,2\n", {}, "none"), ("1st,2nd\n1,2\n", {}, "none"), ("# a,b\n1,2\n", {}, "none"),
    ("label,x\n5,1\n", {"label": "label"}, 5), ("x,label\n1,5\n", {"label": "-1"}, 5),
    ("label,0,1,2\n7,1,2,3\n", {"label": "label"}, 7), ("0,1,2,label\n1,2,3,7\n", {"label": "label"}, 7),
    ("label,1,2,3\n7,1,2,3\n", {"label": "label"}, 7), ("label,0,1,2\n7,1,2,3\n", {}, "none"),
    ("0,1,2,3\n1,2,3,7\n", {"label": "3", "header": "yes"}, 7), ("0,1,2,3\n4,5,6,7\n", {"header": "yes"}, "none"),
    ("1990,1991\n1,2\n", {"header": "yes"}, "none"), ("2020-01-01,12:30\n1,2\n", {"header": "yes"}, "none"),
    ("[mV],[s]\n1,2\n", {"header": "yes"}, "none"), ("größe,重さ\n1,2\n", {}, "none"),
    (",a,b\n0,1,2\n", {"label": "b"}, 2), ('"a","b"\n1,2\n', {"label": "a"}, 1),
    (" a , b \n1,2\n", {"label": "b"}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "label"), HEADERS)
def test_names_of_columns_are_no_sample(text, options, label):
    stream = opened(text, **options)
    (pair,) = list(stream)
    values = [float(cell) for cell in text.splitlines()[1].split(",")]
    if label != "none":
        values.remove(label)
        assert pair[1] == label
    assert pair[0].tolist() == values
    assert stream.inputs == len(values)  # the label is none of them


@pytest.mark.parametrize(("text", "options", "words"), [
    ("0,1,2,3\n5,6,7,8\n", {"label": "3"}, "it counts them from 0"),
    ("0,1\n5,6\n", {}, "it counts them from 0"),
    ('"0","1","2"\n5,6,7\n', {}, "it counts them from 0"),
    (",0,1,2\n0,5,6,7\n", {}, "it counts them from 0"),
    ("label,0,1,2\n7,1,2,3\n", {"label": "0"}, "it counts them from 0"),
    ("5.1,3.5,1.4,0.2,Iris-setosa\n", {}, "it has 'Iris-setosa' and '5.1'"),
    ("1,2.5e\n3,4\n", {}, "it has '2.5e' and '1'"),
    ("sample,400.5,401\n1,2,3\n", {}, "it has 'sample' and '400.5'"),
])  # fmt: skip
def test_a_first_line_that_may_be_either_is_refused(text, options, words):
    for skip_bad in (False, True):
        message = refusal(text, skip_bad=skip_bad, **options)
        assert message.startswith("x, line 1: the line must be either the names of the columns or a sample, and may")
        assert words in message
        assert message.endswith("give --header yes if it names the columns, --header no if it is a sample")


def test_header_no_takes_the_first_line_for_a_sample():
    assert read("0,1,2,3\n5,6,7,8\n", label="3", header="no") == ([[0, 1, 2], [5, 6, 7]], [3, 8])


@pytest.mark.parametrize(("text", "options", "words"), [
    ("a,b,a\n1,2,3\n", {}, "line 1: names of columns must differ, got 'a' for the columns 0 and 2"),
    ("a,b, a \n1,2,3\n", {"label": "b"}, "names of columns must differ"),
    ("0,0\n1,2\n", {"header": "yes"}, "names of columns must differ, got '0'"),
    ("a,b\n1,2\n", {"label": "c"}, "line 1: the label's column must be one of 'a', 'b', got 'c'"),
    ("1,2\n3,4\n", {"label": "c"}, "must be a number if no line names the columns, got 'c': the line is '1', '2'"),
    ("a,b\n1,2\n", {"label": "a", "header": "no"}, "must be a number if no line names the columns, got 'a'"),
    ("label,0,1\n1,2,3\n", {"label": "0", "header": "yes"}, "the number of column 0, 'label'; give -2 or -3"),
    ('{"x":[1]}\n', {"header": "yes"}, "header must be auto or no for lines of JSON, got yes"),
    ("x\n1,2\n", {"header": "yes", "inputs": 2}, "line 1: a sample must have 2 inputs, got 1"),
    ('"a\nb",c\n1,2\n', {"header": "yes"}, "line 1: a quoted cell must end on its line"),
    ("größe,b\n1,2\n".encode("latin1"), {"header": "yes"}, "line 1: a line must be text in UTF-8, got the byte 0xf6"),
])  # fmt: skip
def test_what_does_not_fit_the_first_line_is_refused_also_with_skip_bad(text, options, words):
    for skip_bad in (False, True):
        message = refusal(text, skip_bad=skip_bad, **options)
        assert words in message
        assert "--skip-bad" not in message


@pytest.mark.parametrize(
    "text", ["größe,b\n1,2\n".encode("latin1"), b'"a,b\n1,2\n', b"[mV],[s]\n1,2\n", b"a\r,b\n1,2\n"]
)
def test_no_advice_loses_the_names(text):
    assert "--skip-bad" not in refusal(text)


@pytest.mark.parametrize("again", ["a,b", '"a","b"', "\ufeffa,b", " a, b", "a,b\r"])
def test_names_that_come_again_are_a_malformed_line(again):
    text = f"a,b\n1,2\n{again}\n3,4\n"
    assert "line 3: it repeats the names of the columns, as where a log begins anew" in refusal(text)
    stream = opened(text, skip_bad=True)
    assert [x.tolist() for x, _ in stream] == SAMPLES
    assert stream.bad == 1


@pytest.mark.parametrize("again", ["0,1,2,label", "0,1,2,3", '"0","1","2","3"'])
def test_names_that_are_numbers_may_come_again_too(again):
    text = f"{again}\n5,6,7,1\n{again}\r\n8,9,9,1\n{again}"
    samples, labels = read(text, header="yes", label="label" if "label" in again else "3", skip_bad=True)
    assert (samples, labels) == ([[5, 6, 7], [8, 9, 9]], [1, 1])


@pytest.mark.parametrize(("text", "options", "advice"), [
    ("a;b\n1;2\n", {}, "--delimiter ';' if that is between the cells"),
    ("a;b\n1,5;2,5\n", {}, "--delimiter ';' if that is between the cells"),
    ("a\tb\n1\t2\n", {}, "--delimiter tab if that is between the cells"),
    ("1 2\n3 4\n", {}, "--delimiter space if that is between the cells"),
    ("a;b\n1,5;2,5\n", {"delimiter": ";"}, "decimals need a point"),
])  # fmt: skip
def test_another_delimiter_is_proposed(text, options, advice):
    assert advice in refusal(text, **options)


@pytest.mark.parametrize("delimiter", ["", "ab", "1", "e", ".", "-", '"', "\n", "\0", "[", "\udc80", 3])
def test_a_delimiter_is_one_character(delimiter):
    with pytest.raises(ns.ConfigError, match="delimiter must be one character that no number has, such as ; or tab"):
        opened("1\n", delimiter=delimiter)


def test_a_header_is_one_of_three():
    with pytest.raises(ns.ConfigError, match="header must be one of auto, yes, no, got 'maybe'"):
        opened("1\n", header="maybe")


def test_a_file_tsv_has_tabs(tmp_path):
    (tmp_path / "a.tsv").write_text("a\tb\n1\t2\n3\t\n")
    stream = ns.open_stream("a.tsv", root=tmp_path, label="b")
    assert [(x.tolist(), y) for x, y in stream] == [([1], 2), ([3], None)]
    (tmp_path / "b.TSV").write_text("1;2\n")
    assert ns.open_stream("b.TSV", root=tmp_path, delimiter=";").inputs == 2


@pytest.mark.parametrize("cell", ["", " ", "nan", "NaN", "NAN", "null", "NULL", "NA", "-1", "-1.0", '""', '"nan"'])
@pytest.mark.parametrize("labels", [("3", "4"), ("cat", "dog")])
def test_rows_without_a_label_have_minus_one(cell, labels):
    text = f"1,{cell}\n2,{labels[0]}\n3,{cell}\n4,{labels[1]}\n5,{cell}\n"
    stream = opened(text, label="-1")
    (block,) = stream.blocks()
    numbers = [3, 4] if labels[0] == "3" else [0, 1]
    assert block.labels.tolist() == [-1, numbers[0], -1, numbers[1], -1]
    assert block.labels.dtype == np.int64
    assert [y for _, y in stream] == [None, numbers[0], None, numbers[1], None]
    assert stream.labelled


def test_json_without_a_label_has_minus_one():
    text = (
        '{"x":[1]}\n{"x":[2],"y":null}\n{"x":[3],"y":NaN}\n{"x":[4],"y":-1}\n{"x":[5],"y":""}\n[6]\n{"x":[7],"y":2}\n'
    )
    (block,) = opened(text.replace("[6]\n", ""), label="y").blocks()
    assert block.labels.tolist() == [-1, -1, -1, -1, -1, 2]
    (block,) = opened("[1,null]\n[2,7]\n[3,NaN]\n", label="-1").blocks()
    assert block.labels.tolist() == [-1, 7, -1]


def test_a_key_that_no_object_has_is_refused_in_a_file():
    assert "x must have the label's key z in an object, got it in none" in refusal('{"x":[1],"y":1}\n' * 3, label="z")
    assert "label's key" in refusal('{"x":[1],"y":1}\n' * 3, label="z", inputs=1)


@pytest.mark.parametrize("text", [
    "1,cat\n2,dog\n3, cat \n4,\n5,\"two, words\"\n6,7\n",
    '[1,"cat"]\n[2,"dog"]\n[3," cat"]\n[4,null]\n[5,"two, words"]\n[6,7]\n',
    '{"x":[1],"y":"cat"}\n{"x":[2],"y":"dog"}\n{"x":[3],"y":"cat"}\n{"x":[4]}\n'
    '{"x":[5],"y":"two, words"}\n{"x":[6],"y":7}\n',
])  # fmt: skip
def test_words_are_numbered_in_the_order_in_which_they_appear(text):
    stream = opened(text, label="y" if "{" in text else "-1")
    for _ in range(2):
        assert [y for _, y in stream] == [0, 1, 0, None, 2, 3]
        assert stream.classes == ("cat", "dog", "two, words", "7")
    assert [block.labels.tolist() for block in stream.blocks(2, 3)] == [[0, -1, 2], [3]]


def test_names_go_on_after_those_that_are_known():
    stream = opened("1,cat\n2,dog\n3,cow\n", label="1")
    before = stream.identity()
    stream.name_classes(("cow", "cat"))
    assert stream.classes == ("cow", "cat")
    assert [y for _, y in stream] == [1, 2, 0]
    assert stream.classes == ("cow", "cat", "dog")
    assert stream.identity() == before
    assert opened("1,dog\n", label="1").identity() != opened("1,cat\n", label="1").identity()


def test_names_go_on_in_a_pipe_and_over_epochs(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1,dog\n2,cat\n3,7\n")))
    stream = ns.open_stream("-", inputs=1, label="1")
    stream.name_classes(["cat"])
    assert [y for _, y in stream] == [1, 0, 2]
    (tmp_path / "a.csv").write_text("1,dog\n2,cat\n")
    stream = ns.open_stream("a.csv", root=tmp_path, label="1", epochs=2)
    stream.name_classes(["cat"])
    assert [y for _, y in stream] == [1, 0, 1, 0]
    assert stream.classes == ("cat", "dog")


def test_names_that_cannot_be_are_refused(tmp_path):
    for names in (
        ["a", "a"],
        [""],
        ["a\n"],
        ["\ud800"],
        ["a" * (LONGEST_NAME + 1)],
        map(str, range(MOST_NAMES + 1)),
        [3],
    ):
        with pytest.raises(ns.StreamError, match="classes must be"):
            opened("1,a\n", label="1").name_classes(list(names))
    with pytest.raises(ns.StreamError, match="labels of x must be words, as those that were learned, got numbers"):
        opened("1,2\n", label="1").name_classes(["a"])
    opened("1,2\n", label="1").name_classes([])
    ns.open_stream("digits").name_classes(["a"])  # whose numbers count the names


@pytest.mark.parametrize(("text", "words"), [
    ("1,3\n2,cat\n", "line 2: a label must be a whole number from 0, as the first label is, got 'cat'; where"),
    ("1,1_000\n", "line 1: a label must be a whole number from 0, or a word, got '1_000'"),
    ("1,inf\n", "line 1: a label must be a whole number from 0, or a word, got 'inf'"),
    ("1,2.5\n", "line 1: a label must be a whole number from 0 to 2147483647, or -1 for none, got '2.5'"),
    ("1,-2\n", "or -1 for none, got '-2'"),
    ("1,2147483648\n", "or -1 for none"),
    ("1,a\x1b[31m\n", "a label must have no control characters or lone surrogates"),
    ('{"x":[1],"-1":"\\ud800"}\n', "a label must have no control characters or lone surrogates"),
    ('{"x":[1],"-1":true}\n', "a label must be a number, a word or null, got True"),
    ('{"x":[1],"-1":Infinity}\n', "a label must be a whole number from 0, or a word, got 'inf'"),
    ("1," + "w" * (LONGEST_NAME + 1) + "\n", f"a label must have at most {LONGEST_NAME} characters"),
])  # fmt: skip
def test_labels_that_cannot_be_are_malformed(text, words):
    assert words in refusal(text, label="-1", header="no")


def test_a_text_for_each_sample_is_no_label():
    text = "".join(f"1,w{number}\n" for number in range(MOST_NAMES + 1))
    assert f"line {MOST_NAMES + 1}: labels must be at most {MOST_NAMES} different words" in refusal(text, label="1")


def test_a_malformed_line_numbers_no_word():
    stream = opened("1,a\nx,b\n2,c\n", label="1", skip_bad=True)
    assert [y for _, y in stream] == [0, 1]
    assert stream.classes == ("a", "c")


@pytest.mark.parametrize(("text", "words"), [
    ('{"x":[1,2],"x":[3,4]}\n', "line 1: keys of an object must differ, got 'x' twice"),
    ('{"x":[1],"y":{"a":1,"a":2}}\n', "keys of an object must differ, got 'a' twice"),
    ('{"x":[1],"\\ud800":1,"\\ud800":1}\n', "keys of an object must differ, got '\\ud800' twice"),
    ('{"x":[1,NaN]}\n', "a sample must be a flat list of numbers, got null or NaN"),
    ('{"x":[1,null]}\n', "a sample must be a flat list of numbers, got null or NaN"),
    ('{"x":[1,-Infinity]}\n', "input 1 must be finite in float32, got -inf"),
    ("[1,true]\n", "a sample must be a flat list of numbers, got True"),
    ('{"x":3}\n', "a sample must be a flat list of numbers, got 3"),
    ('{"x":{}}\n', "a sample must be a flat list of numbers, got {}"),
    ('{"x":[]}\n', "a sample must have at least one input"),
    ("[" + "9" * 5000 + "]\n", "a whole number must have fewer digits than Python's limit"),
    ("2,3\n[4,5,6]\n", "line 2: a line must have the 2 columns that the first line names, got 3"),
    ("[" * 100_000 + "\n", "nested too deeply"), ('{"x":' * 100_000 + "\n", "nested too deeply"),
])  # fmt: skip
def test_json_that_cannot_be_is_malformed(text, words):
    options = {"label": "1", "header": "yes"} if "columns" in words else {}
    assert words in refusal(text, **options)


def test_arrays_of_json_may_follow_names():
    assert read('a,label\n[1,"cat"]\n2,dog\n', label="label") == ([[1], [2]], [0, 1])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_text_of_two_bytes_a_character_is_named(encoding):
    assert "UTF-16" in refusal("1,2\n3,4\n".encode(encoding))


@pytest.mark.parametrize(("text", "words"), [
    (b"1,2\n1,\x002\n", "line 2: a line must be text in UTF-8, got bytes of zero"),
    (b"1,2\n1,\xff\n", "line 2: a line must be text in UTF-8, got the byte 0xff"),
    (b"[1,\xff]\n", "line 1: a line must be text in UTF-8, got the byte 0xff"),
    (b"1,2\n3,4\r5,6\n", "line 2: a line must end in a line feed, got a carriage return within it"),
    (b'1,2\n3,"4\n5,6\n', "line 2: a quoted cell must end on its line"),
    (b'1,2\n3,"4"5\n', "line 2: cells must follow the rules of CSV"),
    (b"1,2\n3," + b"4" * 200_000 + b"x\n", "line 2: a cell must have at most 131072 characters"),
])  # fmt: skip
def test_bytes_that_are_no_lines_are_malformed(text, words):
    assert words in refusal(text)


@pytest.mark.parametrize("mark", [b"1,", b'"1",', b"[1,", b'{"x":[1,', b","])
@pytest.mark.parametrize("first", [b"", b"1\n"])
def test_lines_of_too_many_columns_are_refused_before_they_are_split(monkeypatch, mark, first):
    text = first + mark + b"1," * MOST_COLUMNS + b"1\n"
    assert f"a line must have at most {MOST_COLUMNS} columns; write wider samples to .npy or .h5" in refusal(text)


@pytest.mark.parametrize(("skip_bad", "most", "words"), [(False, 16, "shorter than"), (True, 129, "more than")])
def test_a_line_that_is_too_long_is_not_read_to_its_end(monkeypatch, skip_bad, most, words):
    monkeypatch.setattr(lines, "LONGEST_LINE", 16 * BUFFER)
    monkeypatch.setattr(lines, "MOST_DISCARDED", 128 * BUFFER)

    class Endless(io.RawIOBase):
        asked = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            Endless.asked += 1
            buffer[:] = b"1," * (len(buffer) // 2)
            return len(buffer)

    with pytest.raises(ns.StreamError, match=words):
        list(LineStream("x", Endless, inputs=2, skip_bad=skip_bad).blocks())
    assert Endless.asked == most


@pytest.mark.parametrize("size", [15, 16, 17, 40])
@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("buffer", [8, 16, BUFFER])
def test_a_line_that_is_too_long_is_passed_over(monkeypatch, size, end, buffer):
    monkeypatch.setattr(lines, "LONGEST_LINE", 16)
    text = b"1\n" + b"2" * size + b"\n3\n" + b"4" * size + end
    stream = LineStream("x", lambda: io.BufferedReader(io.BytesIO(text), buffer), skip_bad=True)
    found = [x[0] for x, _ in stream]
    assert found[0] == 1
    assert found[-1] == 3 or size < 16
    assert (len(found), stream.bad) == ((4, 0) if size < 16 else (2, 2))


def test_a_compressed_nothing_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_EMPTY", 1000)
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(b"1,2\n" + b"\n" * 5000)
    with pytest.raises(ns.StreamError, match="must hold samples, got 1001 lines without one in succession"):
        list(ns.open_stream("a.csv.gz", root=tmp_path).blocks())


def test_only_a_regular_file_is_read(tmp_path):
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "gone.csv").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.csv"))
        for name, kind in (("fifo", "a pipe; only - is a pipe"), ("folder", "a folder"), ("zero", "a device"),
                           ("socket", "a socket"), ("gone", "there is none")):  # fmt: skip
            with pytest.raises(ns.StreamError, match=kind):
                ns.open_stream(f"{name}.csv", root=tmp_path)


def test_the_error_of_a_file_of_bad_lines_names_the_first():
    words = refusal("# written by hand\n1,2\n3,4\n", skip_bad=True)
    assert "got none: all of 2 lines are malformed, the first so: line 2: a line must have the 1 columns that" in words


def test_reading_the_fingerprint_leaves_the_count_of_bad_lines():
    stream = opened("1\nx\n2\n", skip_bad=True)
    list(stream)
    stream.identity()
    assert stream.bad == 1


def test_plain_characters_are_those_of_float():
    for character in map(chr, range(128)):
        text = f"1{character}1"
        try:
            number = float(text)
        except ValueError:
            continue
        assert (character.encode() in PLAIN) == (character != "_")
        assert math.isfinite(number)
    assert Form.checked(3, "auto", None) == Form("3", "auto", ",")


def test_numpy_labels_may_be_missing():
    stream = ns.streams.ArrayStream(np.ones((4, 2)), np.array([1, np.nan, -1, 3]))
    assert next(stream.blocks()).labels.tolist() == [1, -1, -1, 3]
    assert [y for _, y in stream] == [1, None, None, 3]
    half = ns.streams.ArrayStream(np.ones((2, 2)), np.array([7, np.nan], np.float16))
    assert next(half.blocks()).labels.tolist() == [7, -1]
    with pytest.raises(ns.SampleError, match="got -3"):
        ns.streams.ArrayStream(np.ones((2, 2)), np.array([7, -3], np.int8))


@pytest.mark.parametrize(("labels", "numbers", "names"), [
    (np.array([3, -1, 2]), [3, -1, 2], ()),
    (np.array([3, np.nan, 2]), [3, -1, 2], ()),
    (np.array(["cat", "", "dog", "cat"]), [0, -1, 1, 0], ("cat", "dog")),
    (np.array([b"caf\xc3\xa9", b"nan", b"3"]), [0, -1, 1], ("caf\xe9", "3")),
    (np.array(["7", "", "5"]), [7, -1, 5], ()),
    (np.array(["cat", None, np.nan, b"cat", "dog"], object), [0, -1, -1, 0, 1], ("cat", "dog")),
    (np.array([4, None, 2.0], object), [4, -1, 2], ()),
])  # fmt: skip
def test_arrays_of_words_are_numbered(labels, numbers, names):
    found = numbered(labels, len(labels), "a.npz")
    assert (found[0].tolist(), found[1]) == (numbers, names)
    assert found[0].dtype == np.int64


@pytest.mark.parametrize("label", ["cat\n", b"\xff", [1], 2.5, "1_000", pytest.param(object(), id="object")], ids=repr)
def test_arrays_of_what_is_no_label_are_refused(label):
    labels = np.empty(2, object)
    labels[:] = [3, label]
    with pytest.raises(ns.SampleError, match=r"label 1 of a\.npz must be a number or a word"):
        numbered(labels, 2, "a.npz")
