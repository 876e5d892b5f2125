"""The recipe of docs/fleet-store.md and of the example goes on from a worker's state file, to the same bits."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

import neurosim as ns
from neurosim.errors import ConfigError, SampleError

ROOT = Path(__file__).parents[2]


def lines_of(count):
    return [f"pump-{i * i % 7},{i % 5},{i % 3},1,{i % 11}\n" for i in range(count)]


def recipe():
    """Return the page's function."""
    page = (ROOT / "docs" / "fleet-store.md").read_text()
    code = re.search(r"\ndef learn\(worker\):\n(?: +.*\n|\n)*", page).group()
    import neurosim

    names = {"ns": ns, "os": os, "neurosim": neurosim}
    exec(code, names)
    return names["learn"]


def test_the_page_learns_what_is_new_of_a_file_that_grows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learn, found = recipe(), []
    for count in (200, 300, 300):
        Path("pumps.csv").write_text("sensor,a,b,c,d\n" + "".join(lines_of(count)))
        found.append(sum(learn(worker) for worker in ("1/2", "2/2")))
    assert found == [200, 100, 0]
    alone = ns.Fleet([ns.recipes.softhebb(16)], inputs=4)
    ns.run_fleet(alone, ns.open_stream("pumps.csv", key="sensor"))
    shares = [ns.Fleet.load(f"pumps-{number}.h5") for number in (1, 2)]
    assert sorted(key for share in shares for key in share.keys) == sorted(alone.keys)
    assert all(share.state_sha256(key) == alone.state_sha256(key) for share in shares for key in share.keys)


def test_the_example_learns_nothing_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("workers_example", ROOT / "examples" / "fleet_workers.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.write_stream()
    first, second = example.learn("1/2"), example.learn("1/2")
    assert " 0 samples" not in first
    assert ", 0 samples, 0 of others" in second


def test_what_is_no_fleet_no_stream_or_no_chip_is_named(tmp_path):
    fleet = ns.Fleet([ns.recipes.softhebb(2)], inputs=4)
    (tmp_path / "pumps.csv").write_text("".join(lines_of(5)))
    stream = ns.open_stream(tmp_path / "pumps.csv", key="0")
    chip = ns.Chip([ns.recipes.softhebb(2)], inputs=4)
    with pytest.raises(ConfigError, match=r"fleet must be a Fleet, got 'neurosim.Chip'; neurosim.run takes a Chip"):
        ns.run_fleet(chip, stream)
    with pytest.raises(ConfigError, match=r"chip must be a Chip; neurosim.run_fleet takes a Fleet, got"):
        ns.run(fleet, stream)
    with pytest.raises(ConfigError, match=r"fleet.learn\(pairs\) takes pairs \(key, sample\)"):
        ns.run_fleet(fleet, (("a", row) for row in [[1, 2, 3, 4]]))
    for wrong in ("pumps.csv", ns.streams.ArrayStream([[1.0] * 4])):
        with pytest.raises(ConfigError, match=r"stream must be (a Stream|one with keys), got .*key=COLUMN"):
            ns.run_fleet(fleet, wrong)
    with pytest.raises(ConfigError, match="chip must be a Chip, got 'str'"):
        fleet.put("q", "x")
    with pytest.raises(ConfigError, match=r"layers must be .*, got 'one DenseWTA by itself'; put it into a list"):
        ns.Fleet(ns.recipes.softhebb(4), inputs=4)
    for key in ("a\0", "\ud800"):
        with pytest.raises(SampleError, match="without NUL and lone surrogates"):
            fleet.learn_one(key, [1, 2, 3, 4])
    assert len(fleet) == 0
