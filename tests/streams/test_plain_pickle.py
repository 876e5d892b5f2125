"""Pickles that would run long, crash or take memory are refused before they are run."""

import pickle
import struct

import pytest
from cifar_files import batch
from limited import opened

import neurosim as ns
from neurosim.streams.plain_pickle import load_plain

PAIRS = b"\x86q\x01h\x01h\x01"  # a tuple of two, kept as 1, and twice got


def doubled(times, protocol=b"\x80\x02"):
    """A tuple of two equal tuples, and so on, as a key of a dict: 2^times steps to hash it."""
    program = b"K\x01K\x01\x86"
    for number in range(times):
        program += b"q" + bytes([number]) + b"h" + bytes([number]) + b"\x86"
    return protocol + b"}" + program + b"K\x01s."


LONG = {
    "a tuple of equal tuples": doubled(60),
    "memoised": b"\x80\x04}"
    + b"K\x01K\x01\x86"
    + b"".join(b"\x94h" + bytes([n]) + b"\x86" for n in range(60))
    + b"K\x01s.",
    "in frames": b"\x80\x04}K\x01K\x01\x86\x94\x95" + struct.pack("<Q", 9) + b"h\x00\x86\x94h\x01\x86\x94" + b"K\x01s.",
    "by text": b"(dp0\nI1\nI1\ntp1\ng1\ntp2\ng2\ntI1\ns.".replace(b"(dp0", b"(d(I1\nI1\ntp0").replace(
        b"I1\nI1\ntp1\n", b"(g0\ng0\ntp1\n("
    ),
    "doubled by DUP": b"\x80\x02}K\x01\x85" + b"2\x86" * 60 + b"K\x01s.",
    "behind a POP": b"\x80\x02}K\x01K\x01\x86K\x010q\x00h\x00\x86K\x01s.",
    "a million nested tuples": b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s.",
    "a thousand numbers to keep": b"\x80\x02K\x01r\xff\xff\xff\x0f.",
    "billions of numbers to keep": b"\x80\x02K\x01r\xff\xff\xff\xff.",
    "a number to keep in text": b"I1\np4000000000\n.",
    "a set of tuples": b"\x80\x04\x8f(K\x01K\x01\x86\x90.",
    "a frozen set": b"\x80\x04(K\x01\x91.",
    "an array of bytes without them": b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".",
    "bytes without them": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b".",
    "5000 digits": b"I" + b"9" * 5000 + b"\n.",
    "50000 digits": b"L" + b"9" * 50_000 + b"L\n.",
    "a tuple as a name": b"\x80\x02cnumpy\ndtype\n(K\x01K\x01\x86K\x00K\x01tR.",
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent name": b"\x80\x02K\x01Q.",
}


@pytest.mark.parametrize("case", LONG)
def test_what_runs_long_is_refused_at_once(case):
    with pytest.raises(ns.StreamError) as caught:
        load_plain(LONG[case], "it")
    assert str(caught.value).startswith("it must be a whole pickle of arrays, bytes, text and whole numbers: ")
    assert len(str(caught.value)) < 400


HIDDEN = {
    "as a label": {"labels": [((1,), (1,)), 2, 3]}, "a large label": {"labels": [10**6000, 1, 2]},
    "labels that are a tuple": {"labels": (1, 2, 3)}, "a long text": {"labels": ["x" * 10**6, 1, 2]},
    "a shape of tuples": {"data": [((1,),)]},
}  # fmt: skip


def test_they_are_one_line_each_in_bounds(tmp_path):
    for name, content in (
        LONG | {name: pickle.dumps(batch(0, **changes), 2) for name, changes in HIDDEN.items()}
    ).items():
        folder = tmp_path / name / "cifar-100-python"
        folder.mkdir(parents=True)
        (folder / "train").write_bytes(content)
    names = [*HIDDEN, "a tuple of equal tuples", "a million nested tuples"]
    for kind, message in opened(tmp_path, [(name, "cifar100:train") for name in names]).values():
        assert (kind, len(message) < 500) == ("StreamError", True)


@pytest.mark.parametrize("protocol", range(5))
def test_batches_of_every_protocol_are_read(protocol):
    entries = batch(3) | {3: "a key that is no text", "filenames": [b"a.png"] * 3}
    found = load_plain(pickle.dumps(entries, protocol), "it")
    assert sorted(found) == sorted(key for key in entries if isinstance(key, str))
    assert (found["data"] == batch(3)["data"]).all()
