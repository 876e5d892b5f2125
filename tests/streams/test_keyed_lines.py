"""Lines with a key: whose each sample is, from a column by name or number, or from a key of JSON."""

import csv
import io
import json
import random

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ConfigError, SampleError, StreamError
from neurosim.streams.keyed import LONGEST_KEY, KeyedBlock, checked_key

KEYS = ["pump", "17", "-1", "Pumpe Süd", "a,b", 'say "x"', "0x10", "ключ"]


def samples(count, seed=0):
    draw = random.Random(seed)
    return [
        (draw.choice(KEYS), [round(draw.random(), 3) for _ in range(3)], draw.choice(["ok", "bad"]))
        for _ in range(count)
    ]


def read(stream, size=7):
    """Return keys, samples and labels of all blocks."""
    blocks = list(stream.blocks(size=size))
    assert all(isinstance(block, KeyedBlock) and len(block.keys) == len(block.samples) <= size for block in blocks)
    labels = None if blocks[0].labels is None else np.concatenate([block.labels for block in blocks]).tolist()
    return [key for block in blocks for key in block.keys], np.concatenate([b.samples for b in blocks]), labels


def check(stream, rows, labelled=True):
    assert stream.keyed
    assert stream.inputs == 3
    keys, values, labels = read(stream)
    assert keys == [key for key, _, _ in rows]
    assert np.array_equal(values, np.array([x for _, x, _ in rows], np.float32))
    if labelled:
        assert [stream.classes[label] for label in labels] == [label for _, _, label in rows]


@pytest.mark.parametrize("order", ["key label x", "x key label", "label x key", "key x label", "x label key"])
@pytest.mark.parametrize(("by", "header"), [("name", True), ("number", True), ("number", False)])
def test_key_and_label_may_be_any_columns_of_csv(tmp_path, order, by, header):
    rows, text = samples(120), io.StringIO()
    writer, names = csv.writer(text, lineterminator="\n"), []
    for part in order.split():
        names += ["a", "b", "c"] if part == "x" else [part]
    if header:
        writer.writerow(names)
    for key, x, label in rows:
        cells = {"key": [key], "label": [label], "x": x}
        writer.writerow([cell for part in order.split() for cell in cells[part]])
    (tmp_path / "rows.csv").write_text(text.getvalue())
    key, label = (name if by == "name" else str(names.index(name)) for name in ("key", "label"))
    stream = ns.open_stream(tmp_path / "rows.csv", key=key, label=label)
    check(stream, rows)
    assert stream.columns == (("a", "b", "c") if header else ())


def test_negative_numbers_of_columns_count_from_the_end(tmp_path):
    (tmp_path / "rows.csv").write_text("1,2,3,ok,pump\n4,5,6,bad,fan\n")
    stream = ns.open_stream(tmp_path / "rows.csv", key="-1", label="-2")
    check(stream, [("pump", [1, 2, 3], "ok"), ("fan", [4, 5, 6], "bad")])


@pytest.mark.parametrize("form", ["object", "array"])
def test_keys_of_json(tmp_path, form):
    rows = samples(60)
    with (tmp_path / "rows.ndjson").open("w") as file:
        for key, x, label in rows:
            line = {"who": key, "x": x, "y": label} if form == "object" else [key, *x, label]
            file.write(json.dumps(line, ensure_ascii=len(key) % 2 == 0) + "\n")
    columns = ("who", "y") if form == "object" else ("0", "-1")
    check(ns.open_stream(tmp_path / "rows.ndjson", key=columns[0], label=columns[1]), rows)


def test_numbers_of_json_are_keys_as_texts(tmp_path):
    lines = ['{"x": [1], "k": 17}', '{"x": [2], "k": 17}', '{"x": [3], "k": "17"}', '{"x": [4], "k": " 17 "}']
    (tmp_path / "rows.ndjson").write_text("\n".join(lines))
    assert read(ns.open_stream(tmp_path / "rows.ndjson", key="k"))[0] == ["17"] * 4


def test_a_stream_with_keys_is_read_from_any_position_and_in_epochs(tmp_path):
    rows = samples(50)
    (tmp_path / "rows.ndjson").write_text("\n".join(json.dumps({"k": k, "x": x}) for k, x, _ in rows))
    stream = ns.open_stream(tmp_path / "rows.ndjson", key="k", epochs=2)
    assert stream.keyed
    keys = [key for block in stream.blocks(33, 8) for key in block.keys]
    assert keys == ([key for key, _, _ in rows] * 2)[33:]
    assert stream.identity()["key"] == "k"
    other = ns.open_stream(tmp_path / "rows.ndjson")
    assert not other.keyed
    assert "key" not in other.identity()
    assert other.identity()["content"] != stream.identity()["content"]


FRACTIONS = ["1.5", "-0.5", "2.0", "2.", ".5", "1e-3", "1.5e3", "+1e3", "-1E3"]
NO_KEYS = [
    "",
    "  ",
    "nan",
    "NaN",
    "null",
    "NA",
    "none",
    "None",
    "inf",
    "-Inf",
    "+infinity",
    *FRACTIONS,
    "x" * (LONGEST_KEY + 1),
    "ü" * (LONGEST_KEY + 1),
    "a\x07b",
]


@pytest.mark.parametrize("key", NO_KEYS)
def test_what_is_no_key_is_a_malformed_line(tmp_path, key):
    path = tmp_path / "rows.csv"
    path.write_text(f"a,1,2\n{key},3,4\nb,5,6\n")
    with pytest.raises(StreamError, match="line 2: a key must"):
        list(ns.open_stream(path, key="0").blocks())
    stream = ns.open_stream(path, key="0", skip_bad=True)
    assert read(stream)[0] == ["a", "b"]
    assert stream.bad == 1


@pytest.mark.parametrize("key", [None, True, 1.5, 2.0, -0.0, float("nan"), [1], {}, 2**63, b"a", *NO_KEYS])
def test_values_that_are_no_keys(tmp_path, key):
    with pytest.raises(ValueError, match="a key must"):
        checked_key(key)
    if isinstance(key, bytes):
        return
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps({"k": "a", "x": [1]}) + "\n" + json.dumps({"k": key, "x": [2]}) + "\n")
    with pytest.raises(StreamError, match="line 2: "):
        list(ns.open_stream(path, key="k").blocks())


def test_longest_keys():
    assert checked_key("x" * LONGEST_KEY) == "x" * LONGEST_KEY
    assert checked_key("ü" * LONGEST_KEY) == "ü" * LONGEST_KEY
    assert checked_key(2**63 - 1) == str(2**63 - 1)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)])
def test_whole_numbers_of_64_bits_are_keys_to_the_last_digit(tmp_path, number):
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps({"k": number, "x": [1]}) + "\n")
    assert read(ns.open_stream(path, key="k"))[0] == [str(number)]


def test_an_empty_name_of_a_column_is_said(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("pump,x\na,1\n")
    for column in ("key", "label"):
        with pytest.raises(StreamError, match=f"the {column}'s column must be one of 'pump', 'x', got ''"):
            list(ns.open_stream(path, **{column: ""}).blocks())


@pytest.mark.parametrize(
    "key", ["7", "007", "+7", "-7", "1e3", "12E5", "0x10", "1_000", "v1.5", "1.2.3", "info", "nano"]
)
def test_texts_and_whole_numbers_are_keys(tmp_path, key):
    assert checked_key(f" {key} ") == key
    path = tmp_path / "rows.csv"
    path.write_text(f"a,1,2\n{key},3,4\n")
    assert read(ns.open_stream(path, key="0"))[0] == ["a", key]


def test_a_fraction_is_no_key_though_an_equal_whole_number_is_known(tmp_path):
    path = tmp_path / "rows.ndjson"
    path.write_text('{"k": 2, "x": [1]}\n' * 3 + '{"k": 2.0, "x": [2]}\n' + '{"k": 2, "x": [3]}\n')
    stream = ns.open_stream(path, key="k", skip_bad=True)
    assert read(stream)[0] == ["2"] * 4
    assert stream.bad == 1


def test_bytes_that_are_no_text_are_a_malformed_line(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,1\n\xff\xfe,2\nb,3\n")
    stream = ns.open_stream(path, key="0", skip_bad=True)
    assert read(stream)[0] == ["a", "b"]
    assert stream.bad == 1


def test_an_object_without_the_key_is_malformed(tmp_path):
    path = tmp_path / "rows.ndjson"
    path.write_text('{"k": "a", "x": [1]}\n{"x": [2]}\n')
    with pytest.raises(StreamError, match="line 2: the object must have the key 'k', got 'x'"):
        list(ns.open_stream(path, key="k").blocks())


def test_messages_of_columns_name_what_stands_in_the_line(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("k,a,y,b\np,1,0,2\np,1,0,x\n")
    with pytest.raises(StreamError, match="line 3: column 3, 'b', must be a decimal number, got 'x'"):
        list(ns.open_stream(path, key="k", label="y").blocks())


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("a,b\n1,2\n", {"key": "c"}, "the key's column must be one of 'a', 'b', got 'c'"),
        ("1,2\n3,4\n", {"key": "c"}, "the key's column must be a number if no line names the columns"),
        ("1,2\n3,4\n", {"key": "5"}, "the key's column must be below 2"),
        ("a,b,c\n1,2,3\n", {"key": "a", "label": "0"}, "columns of key and label must differ, got column 0"),
        ("a,b\n1,2\n", {"key": "a", "label": "b"}, "at least one input, got none beside the label and the key"),
        ("a\n1\n", {"key": "a"}, "at least one input, got none beside the key"),
    ],
)
def test_a_column_that_is_not_there(tmp_path, text, options, match):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises((StreamError, ValueError), match=match):
        list(ns.open_stream(tmp_path / "rows.csv", **options).blocks())


def test_keys_are_for_lines(tmp_path):
    np.save(tmp_path / "rows.npy", np.ones((3, 2), np.float32))
    with pytest.raises(ConfigError, match="key must be left out for all sources but"):
        ns.open_stream(tmp_path / "rows.npy", key="0")
    (tmp_path / "rows.csv").write_text("a,1\n")
    with pytest.raises(ConfigError, match="brings no messages"):
        ns.open_stream(tmp_path / "rows.csv", key="@message")


def test_a_chip_learns_from_a_stream_with_keys_as_from_one_without(tmp_path):
    rows = samples(40)
    (tmp_path / "keyed.ndjson").write_text("\n".join(json.dumps({"k": k, "x": x}) for k, x, _ in rows))
    (tmp_path / "plain.ndjson").write_text("\n".join(json.dumps(x) for _, x, _ in rows))
    chips = [ns.Chip([ns.recipes.softhebb(4)], inputs=3) for _ in range(2)]
    for chip, stream in zip(chips, [("keyed.ndjson", "k"), ("plain.ndjson", None)], strict=True):
        ns.run(chip, ns.open_stream(tmp_path / stream[0], key=stream[1]))
    assert chips[0].state_sha256 == chips[1].state_sha256


def test_bad_samples_are_no_bad_keys(tmp_path):
    (tmp_path / "rows.csv").write_text("a,1,2\nb,-1,2\n")
    chip = ns.Chip([ns.recipes.softhebb(4)], inputs=2)
    with pytest.raises(SampleError):
        ns.run(chip, ns.open_stream(tmp_path / "rows.csv", key="0"))
