"""Sweeps: study files, which points they have, keys, the Pareto front, and the table."""

from dataclasses import replace
from itertools import product

import h5py
import numpy as np
import pytest
import sweeping
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.sweeps import files, search, study, table
from neurosim.sweeps.figure import Dot, figure
from neurosim.sweeps.pareto import front
from neurosim.sweeps.vary import Range, vary

SMALL = """
name = "small"
[search]
method = "grid"
[vary]
"made.x" = [1.0, 2.0]
sold.price = [1.0, 3.0]
[objectives]
worth = "max"
cost = "min"
"""


def points(sweep):
    return next(search.rounds(sweep, sweeping.complete, 7))


def test_a_study_file_is_read_with_its_nested_keys(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(SMALL)
    read = study.read(path, sweeping.MEASURE.sections, sweeping.MEASURE.measures)
    assert [point.name for point in points(read)] == [
        f"made.x={x} sold.price={price}" for x in (1.0, 2.0) for price in (1.0, 3.0)
    ]
    assert read.objectives == {"worth": "max", "cost": "min"}


@pytest.mark.parametrize(("old", "new", "words"), [
    ('name = "small"', "", "name must be a text, got None"),
    ("[search]", "[serach]",
     "serach must be one of search, name, vary, objectives, front, made, sold, got 'serach'; did you mean search?"),
    ("[search]\nmethod", "[search]\npoints = 3\nmethod", "search.points must be left out with method = 'grid', got 3"),
    ('"grid"', '"gird"', "search.method must be one of grid, random, optuna, got 'gird'"),
    ('"grid"', '"random"', "search.points must be a whole number of at least 1, got None"),
    ('"grid"', '"grid"\nseeds = 1', "search.seeds must be one of seed"),
    ('"made.x"', '"made"', "vary must be settings such as made.X, of made, sold, got 'made'"),
    ('"made.x"', '"mode.x"', "vary must be settings such as made.X"),
    ('"made.x"', '"made.z"', "made.z must be one of x, y, wait, log, kill, got 'z'"),
    ("[1.0, 2.0]", "[]", "vary.made.x must be a list of 1 to"),
    ("[1.0, 2.0]", "[nan]", "vary.made.x must be a list of 1 to"),
    ("[1.0, 2.0]", "3", "vary.made.x must be a list of values, or a range"),
    ("[1.0, 2.0]", "{low = 1, high = 2}", 'vary.made.x must be a list of values with method = "grid"'),
    ("[1.0, 2.0]", "{low = 2, high = 1}", "vary.made.x.high must be above low, 2, got 1"),
    ("[1.0, 2.0]", "{low = 1}", "vary.made.x.high must be a finite number, got None"),
    ("[1.0, 2.0]", "{low = 0, high = 1, log = true}", "vary.made.x.low must be positive with log = true, got 0"),
    ("[1.0, 2.0]", "{low = 0.5, high = 1, whole = true}", "vary.made.x.low must be a whole number with"),
    ("[1.0, 2.0]", "{low = 1, high = 2, steps = 3}", "vary.made.x.steps must be one of high, log, low, whole"),
    ("worth", "value", "objectives.value must be one of worth, cost, nothing, got 'value'"),
    ('"max"', '"most"', "objectives.worth must be one of max, min, got 'most'"),
    ('worth = "max"\ncost = "min"', "", "objectives must be a table such as worth"),
    ("[vary]", "[[vary]]", "vary must be a table"),
    ("name", "name = [", "study must be a TOML file that can be read"),
])  # fmt: skip
def test_bad_study_files_are_refused_by_the_name_of_the_key(tmp_path, old, new, words):
    path = tmp_path / "study.toml"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(ns.ConfigError) as refused:
        points(study.read(path, sweeping.MEASURE.sections, sweeping.MEASURE.measures))
    assert words in str(refused.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ns.ConfigError, match="study must be a TOML file that can be read"):
            study.read(path, ("made",), ("worth",))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["name", "search", "vary", "objectives", "made", "sold", "x"])


@settings(deadline=None)
@given(st.dictionaries(keys, plain | st.fixed_dictionaries({"method": st.sampled_from(study.METHODS)}, optional={
    "points": plain, "seed": plain, "batch": plain}) | st.dictionaries(st.sampled_from(
        ["made.x", "made", "sold.price", "worth", "low"]), plain | st.just([1]), max_size=3)))  # fmt: skip
def test_no_table_breaks_the_reader(table):
    try:
        points(study.of(table, sweeping.MEASURE.sections, sweeping.MEASURE.measures))
    except ns.ConfigError:
        return  # nothing else may be raised


def test_a_key_is_the_hash_of_the_whole_configuration():
    (one,) = points(sweeping.sweep_of(vary={"made.x": [2.0]}))
    assert one.key == "3225b5e816d4"  # another one, and no table of before can be gone on with
    (same,) = points(sweeping.sweep_of(vary={"sold.price": [1.0]}, made={"x": 2.0}, name="another"))
    assert same.key == one.key
    others = points(sweeping.sweep_of(vary={"made.x": [2.0, 2.0], "sold.price": [2.0, 3.0]}))
    assert len({point.key for point in others} | {one.key}) == 3
    assert next(search.rounds(sweeping.sweep_of(vary={"made.x": [2.0]}), sweeping.complete, 8))[0].key != one.key


def test_more_random_points_begin_with_the_same_ones():
    wide = {"made.x": {"low": 1e-3, "high": 10.0, "log": True}, "made.y": {"low": 1, "high": 6, "whole": True}}
    ten, many = (
        [point.varied for point in points(sweeping.sweep_of({"method": "random", "points": n, "seed": 3}, wide))]
        for n in (10, 600)
    )
    assert many[:10] == ten
    assert {row["made.y"] for row in many} == {1, 2, 3, 4, 5, 6}
    assert 0.4 < np.mean([row["made.x"] < 0.1 for row in many]) < 0.6
    other = points(sweeping.sweep_of({"method": "random", "points": 10, "seed": 4}, wide))
    assert [point.varied for point in other] != ten


@settings(deadline=None)
@given(st.integers(-9, 9), st.integers(1, 9), st.booleans(), st.booleans(), st.floats(0, 1, exclude_max=True))
def test_a_range_keeps_its_ends(low, more, log, whole, share):
    if log:
        low = abs(low) + 1
    ends = vary("made.x", {"low": low, "high": low + more, "log": log, "whole": whole})
    assert isinstance(ends, Range)
    assert low <= ends.at(share) <= low + more
    assert isinstance(ends.at(share), int if whole else float)


def test_too_large_a_grid_is_refused():
    with pytest.raises(ns.ConfigError, match="vary must be a grid of at most 100000 points, got 1000000"):
        points(sweeping.sweep_of(vary={"made.x": list(range(1000)), "made.y": list(range(1000))}))


@pytest.mark.parametrize("seed", range(5))
def test_the_front_is_what_no_other_point_beats(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 12, (120, 3)).astype(float)  # many ties
    values[rng.random(values.shape) < 0.03] = np.nan
    largest = np.array([True, False, False])
    signs = np.where(largest, -1, 1)

    def beats(a, b):
        pairs = list(zip(a * signs, b * signs, strict=True))
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    whole = [row for row in values if not np.isnan(row).any()]
    wanted = [not np.isnan(row).any() and not any(beats(other, row) for other in whole) for row in values]
    assert front(values, largest).tolist() == wanted
    assert any(wanted)


def test_equal_points_are_on_the_front_together():
    values = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 3.0], [2.0, np.nan]])
    assert front(values, np.array([True, False])).tolist() == [True, True, False, False]


def swept(tmp_path, vary):
    sweep = sweeping.sweep_of(vary=vary)
    engine = sweeping.engine_of(sweep, tmp_path / "out.points")
    executor = sweeping.executors.Local(2)
    engine.run(executor)
    executor.close()
    rows = engine.rows()
    files.write(tmp_path / "out.h5", engine, rows)
    return rows


def test_the_table_gives_back_what_was_measured(tmp_path):
    rows = swept(tmp_path, {"made.x": [1.5, 2.0, "bad"], "sold.price": [1, 2]})
    read = table.read(tmp_path / "out.h5")
    for row, found in zip(rows, read, strict=True):
        entries = table.entries(row)
        wanted = entries | {"made.x": str(entries["made.x"])}
        assert {name: found[name] for name in wanted} == wanted
    assert [row["front"] for row in read] == [True, False, True, False, False, False]
    with h5py.File(tmp_path / "out.h5") as file:
        array = file["points"][:]
        assert (array.dtype["sold.price"], array.dtype["worth"], array.dtype["front"]) == (
            np.int64,
            np.float64,
            np.bool_,
        )
        assert file.attrs["version"] == 7
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("key,status,front,front_probability,made.x,sold.price,worth,cost")
    assert len(lines) == 7
    assert (tmp_path / "out-worth-cost.png").read_bytes().startswith(b"\x89PNG")


def test_pandas_reads_the_table(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    swept(tmp_path, {"made.x": [1.0, 2.0]})
    frame = pandas.DataFrame.from_records(h5py.File(tmp_path / "out.h5")["points"][:])
    assert frame["made.x"].tolist() == [1.0, 2.0]


def test_another_file_is_left_alone(tmp_path):
    (tmp_path / "a.h5").write_text("mine")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["points"] = [1, 2]
    for name in ("a.h5", "b.h5", "c.csv"):
        with pytest.raises(ns.StateError, match=r"out must end in|must be the table of a sweep"):
            table.check(tmp_path / name, "small")


def test_files_are_named_as_seen_from_the_study(tmp_path, monkeypatch):
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "one.toml"
    path.write_text(
        'name = "x"\n[search]\nmethod = "grid"\n[hardware]\nchip = "mine.toml"\n'
        '[vary]\nhardware.other = ["a.toml", "/b.toml", "loihi"]\n[objectives]\ny = "max"\n'
    )
    monkeypatch.chdir(tmp_path)
    for place, folder in (("studies/one.toml", "studies"), (path, tmp_path / "studies")):
        read = study.read(place, ("hardware",), ("y",))
        assert read.sections["hardware"]["chip"] == f"{folder}/mine.toml"
        assert read.vary["hardware.other"].values == (f"{folder}/a.toml", "/b.toml", "loihi")


FIGURES = product(
    ["cost", "energy_J", "latency_s", "odd_name_$x_{", "area_mm2"], ["min", "max"],
    [["points"], ["loihi", "a chip with a name of many words, and more of them", "c"]], [(2, True), (1e4, False)],
)  # fmt: skip


@pytest.mark.parametrize(("name", "wish", "kinds", "span", "chances"), [
    pytest.param(*case[:3], *case[3], marks=[pytest.mark.slow] if n % 5 else []) for n, case in enumerate(FIGURES)
])  # fmt: skip
def test_figures_keep_the_style_and_say_what_is_better(name, wish, kinds, span, chances):
    readable = pytest.importorskip("readable", reason="the extra views is not installed")
    rng = np.random.default_rng(0)
    sweep = replace(sweeping.sweep_of(), objectives={"worth": "max", name: wish})
    dots = []
    for kind in kinds * 5:
        x, y = 10 ** rng.uniform(-6, -4), span ** rng.uniform()
        dots.append(Dot(x, y, (x / 2, x * 3), (y, y), bool(rng.integers(2)), kind, rng.uniform() if chances else None))
    drawn = figure(sweep, "worth", name, dots, files.NOTE if chances else "")
    readable.check(drawn)
    axes = drawn.axes[0]
    assert axes.get_title(loc="left") == (
        "small\nprices of these chips leave out different things" if chances else "small"
    )
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log" if span > 10 else "linear")
    assert axes.get_ylabel() == "worth (more is better)"
    better = {"min": "less", "max": "more"}[wish]
    words = {
        "energy_J": "energy a sample, µJ", "latency_s": "mean latency, µs", "cost": "cost",
        "odd_name_$x_{": r"odd name \$x {", "area_mm2": "area of the chip, mm²",
    }  # fmt: skip
    assert axes.get_xlabel() == f"{words[name]} ({better} is better)"
