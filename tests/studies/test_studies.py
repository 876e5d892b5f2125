"""Studies: their grids, cells and records, what a cell measures, and the tables and figures that are made of it."""

import json

import numpy as np
import pytest

import neurosim as ns
from neurosim import studies
from neurosim.experiments import data, reproduce, tables
from neurosim.experiments.cells import Cell, Folder, Table
from neurosim.readouts.labels import answers
from neurosim.streams.order import repeat
from neurosim.studies import liuson, published, radius


def test_the_published_tables_are_found_by_cell():
    assert published.of(published.ACCURACY, "liuson", "mnist", 2048) == 93.6
    assert published.of(published.ACCURACY, "random", "cifar10", 32) == 21.9
    assert published.of(published.GINI_END, "hebbnet", "mnist", 32) == 0.73
    assert published.of(published.GINI_START, "random", "mnist", 32) is None
    assert {len(row) for table in (published.ACCURACY, published.GINI_START, published.GINI_END)
            for row in table.values()} == {8}  # fmt: skip
    assert [published.band(r) for r in (0.107, 1.0, 1.25, 2.44, 35.5)] == [
        "no learning", "no learning", "partial", "learning", "learning",
    ]  # fmt: skip


def test_the_grids_are_those_of_the_papers():
    whole, fast = liuson.cells(3, False), liuson.cells(3, True)
    assert len(whole) == 3 * (5 * 8 + 4)
    assert len(fast) == 10
    assert len({cell.name for cell in whole}) == len({cell.key for cell in whole + fast}) - len(fast) == len(whole)
    radii = [cell.settings["radius"] for cell in radius.cells(3, False)]
    assert len(radii) == 81
    assert (min(radii), max(radii)) == pytest.approx((0.107, 35.5), rel=0.01)


def test_another_setting_or_version_is_another_cell():
    cells = [Cell("a", 1, "x", {"rate": 1}), Cell("a", 1, "x", {"rate": 2}), Cell("a", 2, "x", {"rate": 1})]
    assert len({cell.key for cell in cells}) == 3
    assert Cell("a", 1, "x", {"b": 1, "a": 2}).key == Cell("a", 1, "y", {"a": 2, "b": 1}).key


CELL = Cell("a", 1, "x", {"dataset": "mnist", "rate": 1})


def test_a_record_is_whole_or_not_there(tmp_path):
    folder = Folder(tmp_path / "out")
    assert folder.read(CELL) is None
    folder.write(CELL, {"status": "done"}, {"steps": np.arange(3)})
    assert folder.read(CELL)["status"] == "done"
    assert folder.read(CELL)["settings"] == CELL.settings
    assert folder.arrays(CELL)["steps"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="not JSON compliant"):
        folder.write(CELL, {"status": float("nan")})
    assert folder.read(CELL)["status"] == "done"
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 2


@pytest.mark.parametrize(("text", "words"), [
    ("{", "must be a cell's record that can be read"), ("[]", "must be the record of x, and is of something else"),
    ('{"key": "0", "status": "done"}', "is of something else; move it away"), ("\xff", "that can be read"),
])  # fmt: skip
def test_another_record_is_refused(tmp_path, text, words):
    folder = Folder(tmp_path)
    folder.write(CELL, {"status": "done"})
    next((tmp_path / "cells").iterdir()).write_bytes(text.encode("latin1"))
    with pytest.raises(ns.StateError, match=words):
        folder.read(CELL)


def test_cells_of_different_data_are_told_apart(tmp_path):
    folder, cells = Folder(tmp_path), [CELL, Cell("a", 1, "y", {"dataset": "mnist"})]
    for cell, found in zip(cells, ("one", "two"), strict=True):
        folder.write(cell, {"status": "done", "measures": {"data": found}, "seconds": 1})
    with pytest.raises(ns.StateError, match="must be of the same mnist data, and x and y are not"):
        reproduce.collect(cells, folder)


def test_tables_for_people_and_for_programs():
    table = Table("t", "What", ["method", "ours"], [["a", "1.0 ± 0.5"], ["long name", "-"]])
    assert tables.markdown(table).split("\n") == [
        "## What",
        "",
        "| method    |      ours |",
        "| --------- | --------: |",
        "| a         | 1.0 ± 0.5 |",
        "| long name |         - |",
    ]
    assert tables.comma_separated(table) == "method,ours\na,1.0 ± 0.5\nlong name,-\n"
    assert tables.spread([1.0, 2.0], 1) == "1.5 ± 0.7"
    assert (tables.spread([1.25], 1), tables.spread([], 1)) == ("1.2", "-")
    assert (tables.difference(2.0, [1.0, 2.0], 1), tables.difference(None, [1.0], 1)) == ("-0.5", "-")


def record(**measures):
    return {"status": "done", "seconds": 1.5, "measures": {"data": "d"} | measures}


def test_the_tables_of_liuson_hold_ours_against_theirs():
    cells = [cell for cell in liuson.cells(2, False) if "-mnist-32-" in cell.name]
    shares = {"live": 0.5, "dead": 0.25, "between": 0.25, "never_won": 0.1, "usage_entropy": 0.9,
              "effective_winners": 20.4}  # fmt: skip
    finished = {
        f"liuson-mnist-32-{seed}": record(
            head_accuracy=0.5 + seed / 50, readout_accuracy=0.7, curve=[[1, 0.8], [100, 0.6], [900, 0.2]], **shares
        )
        for seed in (0, 1)
    }
    accuracy, gini, activity = liuson.tables(cells, finished)
    assert accuracy.rows[0] == ["random", "mnist", "32", "67.5", "-", "-", "-"]
    assert accuracy.rows[1] == ["liuson", "mnist", "32", "52.6", "51.0 ± 1.4", "-1.6", "70.0 ± 0.0"]
    assert gini.rows[0] == ["liuson", "mnist", "32", "0.61", "0.60 ± 0.00", "-0.01", "0.12", "0.20 ± 0.00", "+0.08"]
    assert activity.rows[0][3:] == ["50.0 ± 0.0", "25.0 ± 0.0", "25.0 ± 0.0", "10.0 ± 0.0", "0.90 ± 0.00", "20 ± 0"]
    assert activity.rows[1][3:] == ["-"] * 6
    assert all(len(row) == len(table.header) for table in (accuracy, gini, activity) for row in table.rows)


def test_the_table_of_radii_has_the_bands():
    cells = radius.cells(2, False)
    measures = {"winner_accuracy": 0.9, "readout_accuracy": 0.95, "never_won": 0.5, "median_norm": 1.001}
    table = radius.tables(cells, {cells[0].name: record(**measures)})[0]
    assert len(table.rows) == 27
    assert table.rows[0] == ["0.107", "no learning", "90.0", "95.0", "50.0", "1.00"]
    assert table.rows[-1] == ["35.527", "learning", "-", "-", "-", "-"]


def test_every_single_number_of_a_cell_is_in_the_csv():
    cells = liuson.cells(1, True)[:2]
    table = tables.cells_table(cells, {cells[1].name: record(head_accuracy=0.5, curve=[[1, 0.5]])})
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["cell"] == cells[1].name
    assert (row["head_accuracy"], row["neurons"], row["seconds"]) == ("0.5", "32", "1.5")
    assert "curve" not in row


def test_data_are_shifted_and_scaled(small_mnist):
    sets = data.Data(small_mnist)
    plain, scaled = sets.part("mnist", "test"), sets.part("mnist", "test", mean=0.1307, deviation=0.3081, count=7)
    assert (plain.length, scaled.length) == (500, 7)
    places = np.array([6, 0])
    wanted = (plain.take(places).samples - np.float32(0.1307)) / np.float32(0.3081)
    assert np.array_equal(scaled.take(places).samples, wanted)
    assert np.array_equal(scaled.take(places).labels, plain.take(places).labels)


def test_a_random_layer_is_measured_as_the_chip_answers(small_mnist):
    settings = next(cell.settings for cell in liuson.cells(1, True) if cell.name == "random-mnist-32-0")
    measures = liuson.measure(settings, data.Data(small_mnist)).measures
    test = data.Data(small_mnist).part("mnist", "test", mean=liuson.MEAN, deviation=liuson.DEVIATION)
    chip = ns.Chip([liuson.layer(settings)], inputs=784, seed=0)
    assert chip.layers[0].norms.mean() == pytest.approx(6.27, abs=0.1)
    output, labels, winners = liuson.features(chip, test)
    for response, truth in answers(chip, test):
        assert np.array_equal(output, np.maximum(response.potentials, 0))
        assert np.array_equal(winners, response.winner)
        assert np.array_equal(labels, truth)
    assert measures["readout_accuracy"] > 0.9
    assert 0.2 < measures["head_accuracy"] <= 1
    assert "curve" not in measures


@pytest.mark.parametrize("method", ["liuson", "softhebb", "hebbnet"])
def test_a_layer_that_learns_is_measured_from_its_first_update_to_its_last(small_mnist, method):
    cell = next(cell for cell in liuson.cells(1, True) if cell.name == f"{method}-mnist-32-0")
    measures, arrays = liuson.measure(cell.settings, data.Data(small_mnist))
    curve = measures["curve"]
    assert (curve[0][0], curve[-1][0]) == (1, 100)
    assert 40 <= len(curve) <= liuson.POINTS
    train = data.Data(small_mnist).part("mnist", "train", mean=liuson.MEAN, deviation=liuson.DEVIATION)
    shuffled = repeat(train, 1, 0)
    chip = ns.Chip([liuson.layer(cell.settings)], inputs=784, seed=0)
    chip.learn(next(shuffled.blocks(0, 32)).samples)
    assert curve[0][1] == pytest.approx(ns.instruments.gini(chip.layers[0].steps), abs=1e-6)
    layer = ns.Chip([liuson.layer(cell.settings)], inputs=784, seed=0).learn(shuffled).layers[0]
    steps = layer.steps
    assert layer.updates == 100
    assert curve[-1][1] == pytest.approx(ns.instruments.gini(steps), abs=1e-6)
    assert np.array_equal(arrays["steps"], steps.astype(np.float32))
    assert np.array_equal(arrays["most"][0], layer.weights[steps.argmax()])
    assert np.array_equal(arrays["least"][-1], layer.weights[np.argsort(-steps, kind="stable")[-1]])
    assert measures["live"] + measures["dead"] + measures["between"] == pytest.approx(1)
    turned = (layer.weights * layer.first_weights).sum(axis=1)
    turned /= np.linalg.norm(layer.weights, axis=1) * np.linalg.norm(layer.first_weights, axis=1)
    assert measures["live"] == pytest.approx((turned < 0.5).mean())
    assert measures["never_won"] == (layer.wins == 0).mean()
    assert json.loads(json.dumps(measures, allow_nan=False)) == measures


def test_radius_is_measured_at_both_ends(small_mnist):
    low, high = (
        radius.measure(radius.cells(1, True)[place].settings, data.Data(small_mnist)).measures for place in (0, -1)
    )
    assert low["median_norm"] < 0.2  # from 0.107, hardly anything learned
    assert low["never_won"] > high["never_won"]
    assert low["winner_accuracy"] < high["winner_accuracy"]
    assert high["readout_accuracy"] > 0.9


def test_figures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra views is not installed")
    folder, rng = Folder(tmp_path), np.random.default_rng(0)
    cells = [
        cell for cell in liuson.cells(2, False) if cell.name.startswith("liuson-") and cell.settings["neurons"] == 32
    ]
    done = {}
    for cell in cells:
        width = 784 if cell.settings["dataset"] == "mnist" else 3072
        done[cell.name] = record(curve=[[1, 0.5], [9, 0.2]])
        arrays = {"most": rng.normal(size=(8, width)), "least": rng.normal(size=(8, width)), "steps": rng.random(32)}
        folder.write(cell, done[cell.name], arrays)
    names = studies.find("liuson").figures(cells, done, folder)
    assert len(names) == 2 + 3
    some = {"winner_accuracy": 0.9, "readout_accuracy": 0.95, "never_won": 0.5, "median_norm": 1.0}
    circle = radius.cells(1, True)
    names += studies.find("radius").figures(circle, {circle[0].name: record(**some)}, folder)
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)
    assert json.loads((tmp_path / "cells").glob("*.json").__next__().read_text())["status"] == "done"
