"""TOML as users write it, at the one door for all of it."""

import os

import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.outside import toml

DEEP = 20_000  # brackets


@pytest.mark.parametrize("content", [
    b"\xef\xbb\xbfa = 1\n", b"\xef\xbb\xbfa = 1\r\n", b"a = 1\r\n", b"a = 1",
], ids=["a mark", "a mark and Windows", "Windows", "plain"])  # fmt: skip
def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path, content):
    path = tmp_path / "FILE.TOML"
    path.write_bytes(content)
    assert toml.read("study", path) == {"a": 1}
    assert toml.is_toml(path)


@pytest.mark.parametrize(("content", "words"), [
    ("a = " + "[" * DEEP, "nested too deeply"),
    ("a = " + "1" * 5000, "digits"),
    ("a = 0x" + "f" * 6000, "a is a whole number above"),
    ("a = [1, {b = 0x" + "f" * 20 + "}]", "a.b is a whole number above"),
    ("[a]\nb = 2024-01-01", "a.b is a date or a time, 2024-01-01"),
    ("a = [12:00:00]", "a is a date or a time, 12:00:00"),
    (".".join("a" * 50_000) + " = 1", "a key of more than 1000 names"),
    (" . ".join("a" * 50_000) + " = 1", "a key of more than 1000 names"),
    ("x = {" + ".".join(["'a'"] * 50_000) + " = 1}", "a key of more than 1000 names"),
    ("#" * (3 << 20), "larger than 2 MiB"),
    ("a = \ud800", "utf-8"),
])  # fmt: skip
def test_what_no_setting_is_is_refused_at_once(tmp_path, content, words):
    path = tmp_path / "study.toml"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ns.ConfigError, match=words) as refused:
        toml.read("study", path)
    assert str(refused.value).startswith("study must be a TOML file that can be read")
    assert "\n" not in str(refused.value)


def test_many_numbers_with_points_are_no_deep_key(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text("a = [" + "0.5," * 1000 + "]\nb = '" + "one.two. " * 100 + "'\n# " + "." * 200)
    assert len(toml.read("study", path)["a"]) == 1000


def test_a_table_that_is_changed_is_read_unchanged_again(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text("a = {b = [1]}")
    toml.read("study", path)["a"]["b"].append(2)
    assert toml.read("study", path) == {"a": {"b": [1]}}


@pytest.mark.parametrize("made", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path, made):
    odd, based = tmp_path / "odd.toml", tmp_path / "based.toml"
    made(odd)
    based.write_text('base = "odd.toml"')
    for name, path in (("chip", odd), ("base", based)):
        with pytest.raises(ns.ConfigError, match=f"{name} must be a TOML file that can be read"):
            hardware.load(path)


def test_a_description_may_begin_with_a_mark_and_end_in_capitals(tmp_path):
    (tmp_path / "BASE.TOML").write_text('base = "cmos45-int8"\ntitle = "mine"\n', encoding="utf-8-sig")
    (tmp_path / "chip.Toml").write_text('base = "BASE.TOML"\n', encoding="utf-8-sig")
    assert hardware.load(tmp_path / "chip.Toml").title == "mine"


@pytest.mark.parametrize(("text", "value"), [("4", 4), (" [1, 2]", [1, 2]), ("odin ", "odin"), ("1e-3", 0.001)])
def test_a_value_is_toml_or_else_text(text, value):
    assert toml.value_of("set", text) == value


@pytest.mark.parametrize("text", ["[" * DEEP, "1" * 5000, "0x" + "f" * 6000, "2024-01-01", "4\nx = 3"])
def test_a_value_that_is_none_is_refused(text):
    with pytest.raises(ns.ConfigError) as refused:
        toml.value_of("set", text)
    assert len(str(refused.value)) < 1500


def test_an_error_shows_values_of_any_size():
    assert str(ns.ConfigError("x", "small", 1 << 100_000)) == "x must be small, got int that is too large to be shown"
    message = str(ns.ConfigError("x", "small", list(range(100_000))))
    assert len(message) < 1100
    assert message.endswith("99998, 99999]")
