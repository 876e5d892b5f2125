"""Studies: the published head, cells and their records, tables; and the whole of them as a user meets them."""

import gzip
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from test_cifar import NAMES, batch, packed

import neurosim as ns
from neurosim import studies
from neurosim.cli import main
from neurosim.readouts import answers
from neurosim.streams.order import repeat
from neurosim.studies import data, head, liuson, published, radius, reproduce, tables
from neurosim.studies.study import Cell, Folder, Table
from neurosim.studies.workers import Worker, Workers


def clouds(count=4000, seed=0):
    """Four classes that lines tell apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    return (4 * np.eye(4, 10)[labels] + 0.3 * rng.random((count, 10))).astype(np.float32), labels


def test_the_head_learns_what_lines_tell_apart():
    result = head.train_head(clouds(), clouds(200, 1), classes=4)
    assert result.accuracy == max(result.accuracies) > 0.99
    assert 2 <= len(result.losses) == len(result.accuracies) <= 10
    assert result.losses[-1] < result.losses[0]


def test_the_head_follows_from_its_seed():
    first, again, other = (head.train_head(clouds(400), clouds(200, 1), classes=4, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.losses != other.losses


def test_the_head_stops_when_the_test_loss_stands_still():
    features, labels = clouds(400)
    result = head.train_head((np.zeros_like(features), labels), (features, labels), classes=4)
    assert len(result.losses) == 2  # nothing to learn but a bias


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    parameters, features, labels = rng.normal(size=(6, 3)), rng.normal(size=(7, 5)), rng.integers(0, 3, 7)
    found, wanted = head.gradient_of(parameters, features, labels), np.empty((6, 3))
    for place in np.ndindex(6, 3):
        step = np.zeros((6, 3))
        step[place] = 1e-6
        above, below = (head.measured(parameters + sign * step, features, labels)[1] for sign in (1, -1))
        wanted[place] = (above - below) / 2e-6
    assert found == pytest.approx(wanted, abs=1e-8)


def test_adamw_takes_the_steps_of_its_paper():
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=8).astype(np.float32)
    wanted, optimiser = parameters.astype(np.float64), head.AdamW(parameters)
    mean = square = 0.0
    for step in range(1, 20):
        gradient = rng.normal(size=8).astype(np.float32)
        optimiser.step(gradient)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient.astype(np.float64) ** 2
        wanted *= 1 - 1e-3 * 0.01
        wanted -= 1e-3 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    assert parameters == pytest.approx(wanted, abs=1e-6)


def test_dropout_keeps_half_and_doubles_it():
    features = np.ones((50, 101), np.float32)
    kept = head.dropped(features, 0, 3)
    assert set(np.unique(kept)) == {0, 2}
    assert kept.mean() == pytest.approx(1, abs=0.1)
    assert not np.array_equal(kept, head.dropped(features, 0, 4))


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
    assert len(whole) == 3 * (4 * 8 + 4)
    assert len(fast) == 8
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
            head_accuracy=0.5 + seed / 50, readout_accuracy=0.7, curve=[[1, 0.6], [9, 0.2]], **shares
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


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small MNIST of noise with a bright patch for each class: enough work for a cell to be killed at."""
    folder = tmp_path_factory.mktemp("data") / "mnist"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 3200), ("t10k", 500)):
        labels = rng.integers(0, 10, count, np.uint8)
        images = rng.integers(0, 100, (count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 6, 5:20] += 120
        for name, array in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", labels)):
            content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
            (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(content, 1))
    return folder.parent


def test_data_are_shifted_and_scaled(root):
    sets = data.Data(root)
    plain, scaled = sets.part("mnist", "test"), sets.part("mnist", "test", mean=0.1307, deviation=0.3081, count=7)
    assert (plain.length, scaled.length) == (500, 7)
    places = np.array([6, 0])
    wanted = (plain.take(places).samples - np.float32(0.1307)) / np.float32(0.3081)
    assert np.array_equal(scaled.take(places).samples, wanted)
    assert np.array_equal(scaled.take(places).labels, plain.take(places).labels)


def test_a_random_layer_is_measured_as_the_chip_answers(root):
    settings = next(cell.settings for cell in liuson.cells(1, True) if cell.name == "random-mnist-32-0")
    measures = liuson.measure(settings, data.Data(root)).measures
    test = data.Data(root).part("mnist", "test", mean=liuson.MEAN, deviation=liuson.DEVIATION)
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
def test_a_layer_that_learns_is_measured_from_its_first_update_to_its_last(root, method):
    cell = next(cell for cell in liuson.cells(1, True) if cell.name == f"{method}-mnist-32-0")
    measures, arrays = liuson.measure(cell.settings, data.Data(root))
    curve = measures["curve"]
    assert (curve[0][0], curve[-1][0]) == (1, 100)
    assert 40 <= len(curve) <= liuson.POINTS
    train = data.Data(root).part("mnist", "train", mean=liuson.MEAN, deviation=liuson.DEVIATION)
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


def test_radius_is_measured_at_both_ends(root):
    low, high = (radius.measure(radius.cells(1, True)[place].settings, data.Data(root)).measures for place in (0, -1))
    assert low["median_norm"] < 0.2  # from 0.107, hardly anything learned
    assert low["never_won"] > high["never_won"]
    assert low["winner_accuracy"] < high["winner_accuracy"]
    assert high["readout_accuracy"] > 0.9


def command(study, root, out, *options):
    line = [sys.executable, "-m", "neurosim", "reproduce", study, "--root", root, "--out", out, *options]
    return [str(word) for word in line]


def run(*words):
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def invoke(*words, code=0):
    """The same in this process, but for its workers."""
    done = CliRunner().invoke(main, command(*words)[3:])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def started(out, *words):
    """Start a study in a process group of its own, and wait until its first cell is finished."""
    process = subprocess.Popen(
        command(*words), start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (done := finished(out)) and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    assert done
    return process


def finished(out):
    found = {path.name: path.stat() for path in out.glob("cells/[a-z]*.json")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def is_gone(group):
    """Wait until no process of a group is left."""
    for _ in range(1000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_killed_run_goes_on_and_passes_over_what_is_finished(tmp_path, root):
    out = tmp_path / "out"
    words = ("liuson", root, out, "--fast", "--only", "-32-")
    process = started(out, *words)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert is_gone(process.pid)  # its workers too
    before = finished(out)
    assert 1 <= len(before) < 4
    report = run(*words).stdout
    after = finished(out)
    assert len(after) == 4
    assert before.items() <= after.items()  # the same files
    assert "4 of 4 cells are finished" in report
    assert (out / "report.md").read_text() == report[:-1]


@pytest.mark.slow
def test_ctrl_c_ends_quietly(tmp_path, root):
    process = started(tmp_path, "liuson", root, tmp_path, "--fast")
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate() == ("", "")
    assert process.returncode == 130
    assert is_gone(process.pid)
    assert len(finished(tmp_path)) < 8


def test_a_failing_cell_is_on_record_and_the_others_go_on(tmp_path, root):
    for name in ("mnist", "cifar10"):
        (tmp_path / name).mkdir()
    for path in (root / "mnist").iterdir():
        (tmp_path / "mnist" / path.name).symlink_to(path)
    archive = tmp_path / "cifar10" / "cifar-10-python.tar.gz"
    archive.write_bytes(b"no archive")
    study, folder = studies.find("liuson"), Folder(tmp_path / "out")
    cells = [cell for cell in study.cells(1, False) if cell.name.startswith("random-") and "-32-" in cell.name]
    reproduce.run(study, cells, tmp_path, folder, 2)
    text, failed = reproduce.report(study, cells, folder)
    assert list(failed) == ["random-cifar10-32-0"]
    assert "1 of 2 cells are finished" in text
    assert "- random-cifar10-32-0: StreamError: " in text
    done = invoke("liuson", tmp_path, folder.path, "--only", "random-", "--report", code=2)
    assert done.stderr.startswith("Error: 1 of 24 cells failed, random-cifar10-32-0 by StreamError: ")
    assert done.stderr.count("\n") == 1
    kept = finished(folder.path)
    contents = {name: pickle.dumps(batch(number, 40), 2) for number, name in enumerate(NAMES)}
    archive.write_bytes(packed(contents, gzip.compress))
    left = reproduce.unfinished(cells, folder)
    assert [cell.name for cell in left] == ["random-cifar10-32-0"]
    reproduce.run(study, left, tmp_path, folder, 1)
    assert (
        "2 of 24 cells are finished" in invoke("liuson", tmp_path, folder.path, "--only", "random-", "--report").stdout
    )
    assert len(kept.items() & finished(folder.path).items()) == 1


def test_a_process_that_dies_costs_one_cell(tmp_path, root):
    cells = [cell for cell in liuson.cells(1, True) if cell.name.startswith("random")]
    with Workers("liuson", root, tmp_path, 1) as workers:
        start, begun = workers._start, []

        def first_is_killed():
            begun.append(start())
            if len(begun) == 1:
                begun[0].process.kill()
            return begun[-1]

        workers._start = first_is_killed
        records = list(workers.measure(cells))
    assert [cell.name for cell, _ in records] == [cell.name for cell in cells]
    assert records[0][1] == {"status": "failed", "error": "the process ended by signal 9 (9 when memory runs out)"}
    assert records[1][1]["status"] == "done"
    assert len(begun) == 2
    assert all(isinstance(worker, Worker) and worker.process.exitcode == -signal.SIGKILL for worker in begun)


@pytest.mark.parametrize(("options", "words"), [
    (["liuson", "--only", "nothing"], "--only must be part of a cell's name, as in random-mnist-32-0"),
    (["liuson"], "cifar10:train must be at"),
    (["radius", "--fast"], "mnist:test must be at"),
    (["liuson", "--seeds", "0"], "Invalid value for '--seeds'"),
    (["nothing"], "Invalid value for '{liuson|radius}'"),
])  # fmt: skip
def test_bad_input_is_one_line(tmp_path, options, words):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = CliRunner().invoke(main, ["reproduce", *options])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path, root):
    (tmp_path / "out").write_text("a file")
    done = invoke("liuson", root, tmp_path / "out", "--fast", code=2)
    assert "out" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_waits_for_nothing_heavy():
    code = (
        "import sys, neurosim.cli.reproduce, neurosim.studies.workers\n"
        "assert not {'numpy', 'numba', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


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
