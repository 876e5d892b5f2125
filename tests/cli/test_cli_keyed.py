"""`neurosim stream --key`: a chip for each key, on the command line."""

import json
import signal
import subprocess

import numpy as np
import pytest
import sensors
from commands import invoke, stream
from processes import COMMAND, catches, wait_until

import neurosim as ns
from neurosim.fleet import store as fleets
from neurosim.state import store
from neurosim.state.checksum import FLEET


@pytest.fixture
def rows(tmp_path):
    keys, samples = sensors.rows(120)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    return keys, samples


def run(tmp_path, *options, **others):
    command = ["rows.csv", "--root", tmp_path, "--key", "sensor", "--neurons", "5", *options]
    return stream(*command, **others)


def refused(tmp_path, *options):
    result = invoke("stream", "rows.csv", "--root", tmp_path, "--key", "sensor", "--neurons", "5", *options, code=2)
    assert result.stderr.count("\n") == 1 + result.stderr.count("Memory: ")
    return result.stderr


def test_each_key_has_the_chip_that_it_would_have_alone(tmp_path, rows):
    keys, samples = rows
    summary = run(tmp_path, "--state", tmp_path / "fleet.h5", "--seed", "4")
    fleet = ns.Fleet.load(tmp_path / "fleet.h5")
    assert sensors.hashes_of(fleet) == sensors.alone(keys, samples, seed=4)
    assert (summary["keys"], summary["samples"], summary["capacity"]) == (7, 120, 10_000)
    assert summary["bytes_per_key"] == fleet.bytes_per_chip > 0
    assert summary["state_sha256"] == fleets.read(tmp_path / "fleet.h5").state_sha256


def test_the_same_command_goes_on(tmp_path, rows):
    keys, samples = rows
    state = tmp_path / "fleet.h5"
    sensors.write(tmp_path / "rows.csv", keys[:50], samples[:50])
    assert run(tmp_path, "--state", state)["samples"] == 50
    sensors.write(tmp_path / "rows.csv", keys, samples)
    again = run(tmp_path, "--state", state)
    assert (again["samples"], again["stream_position"]) == (70, 120)
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples)
    assert run(tmp_path, "--state", state)["samples"] == 0
    assert run(tmp_path, "--state", state, "--restart")["samples"] == 120


def test_a_pipe_of_json(tmp_path, rows):
    keys, samples = rows
    text = "".join(json.dumps({"id": k, "x": x}) + "\n" for k, x in zip(keys, samples.tolist(), strict=True))
    command = ["-", "--inputs", 4, "--key", "id", "--neurons", "5", "--state", tmp_path / "fleet.h5"]
    assert stream(*command, stdin=text)["samples"] == 120
    assert sensors.hashes_of(ns.Fleet.load(tmp_path / "fleet.h5")) == sensors.alone(keys, samples)
    again = invoke("stream", *command, stdin=text)
    assert "Going on at sample 120 with what the pipe brings (--replay if it begins anew)." in again.stderr
    assert fleets.read(tmp_path / "fleet.h5").position == 240


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--neurons", "6"], "neurons is 5 there, [6] here"),
        (["--seed", "2"], "seed is 0 there, 2 here"),
        (["--worker", "1/2"], "stream worker is None there, 1/2 here"),
        (["--key", "0"], "stream key is sensor there, 0 here"),
        (["--rate", "0.5"], "rate is 1.5 there, 0.5 here"),
        (["--keys", "3"], "keys must be at least the 7 that the state has, got 3"),
    ],
)
def test_a_state_of_another_fleet_or_stream_is_refused(tmp_path, rows, change, words):
    state = tmp_path / "fleet.h5"
    run(tmp_path, "--state", state)
    before = state.read_bytes()
    said = refused(tmp_path, "--state", state, *change)
    assert words in said.replace("[5]", "5")
    assert "--set" not in said  # which --key does not take
    assert state.read_bytes() == before


def test_workers_share_the_keys(tmp_path, rows):
    keys, samples = rows
    found = {}
    for number in (1, 2, 3):
        state = tmp_path / f"fleet{number}.h5"
        summary = run(tmp_path, "--worker", f"{number}/3", "--state", state)
        own = [key for key in keys if ns.worker_of(key, 3) == number - 1]
        assert summary["samples"] == len(own)
        assert summary["other_workers_samples"] == 120 - len(own)
        found |= sensors.hashes_of(ns.Fleet.load(state))
    assert found == sensors.alone(keys, samples)


def test_keys_are_dealt_to_another_number_of_workers(tmp_path, rows):
    keys, samples = rows
    sensors.write(tmp_path / "rows.csv", keys[:70], samples[:70])
    for number in (1, 2):
        run(tmp_path, "--worker", f"{number}/2", "--state", tmp_path / f"old{number}.h5")
    old = [ns.Fleet.load(tmp_path / f"old{number}.h5") for number in (1, 2)]
    kept = fleets.read(tmp_path / "old1.h5")
    sensors.write(tmp_path / "rows.csv", keys, samples)
    found = {}
    for worker in range(3):
        fleet = ns.Fleet(old[0].layers, inputs=4, seed=old[0].seed, capacity=100)
        for share in old:
            for key in share.keys:
                if ns.worker_of(key, 3) == worker:
                    fleet.put(key, share.chip(key))
        state, stream_there = tmp_path / f"new{worker}.h5", kept.stream | {"worker": f"{worker + 1}/3"}
        fleet.save(state, position=kept.position, stream=stream_there)
        assert run(tmp_path, "--worker", f"{worker + 1}/3", "--state", state)["stream_position"] == 120
        found |= sensors.hashes_of(ns.Fleet.load(state))
    assert found == sensors.alone(keys, samples)


def test_a_bound_on_keys(tmp_path, rows):
    keys, samples = rows
    state, order = tmp_path / "fleet.h5", list(dict.fromkeys(keys))
    said = refused(tmp_path, "--keys", 4, "--state", state)
    size = ns.Fleet(sensors.layers(), inputs=4).bytes_per_chip
    assert f"Memory: {4 * size / 1e6:,.1f} MB for 4 keys, {size:,} bytes each." in said
    assert f"keys must be at most 4, the fleet's capacity, and '{order[4]}' is one more" in said
    assert f"the state has all that was learned before, up to sample {keys.index(order[4])}" in said
    summary = run(tmp_path, "--keys", 4, "--state", state, "--skip-bad")
    beyond = sum(key in order[4:] for key in keys)
    assert summary["refused_samples"] == summary["refused_keys_samples"] == beyond
    kept = [n for n, key in enumerate(keys) if key in order[:4]]
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone([keys[n] for n in kept], samples[kept])
    summary = run(tmp_path, "--keys", 7, "--state", state)  # a larger bound goes on; what was passed over is gone
    assert (summary["keys"], summary["capacity"], summary["samples"]) == (4, 7, 0)


NOT_TAKEN = {
    "--test": "digits", "--keep-readout": None, "--preset": "softhebb-cifar10-3layer", "--set": "rate=1",
    "--edits": "a.h5", "--augment": "flip", "--standardise": "imagenet", "--image-size": "4", "--shuffle": "1",
}  # fmt: skip


@pytest.mark.parametrize("option", NOT_TAKEN)
def test_options_that_do_not_go_with_keys_are_refused_by_name(tmp_path, rows, option):
    given = [option] if NOT_TAKEN[option] is None else [option, NOT_TAKEN[option]]
    assert f"{option} must be left out with --key" in refused(tmp_path, *given)


def test_other_words_that_are_refused(tmp_path, rows):
    assert "device must be cpu with --key, got cuda" in refused(tmp_path, "--device", "cuda")
    assert "worker must be N/M" in refused(tmp_path, "--worker", "9/8")
    assert "replay must be left out" in refused(tmp_path, "--replay", "--state", tmp_path / "a.h5")
    assert "snapshot_samples must be left out without --state" in refused(tmp_path, "--snapshot-samples", 3)
    for option, value in (("--keys", "5"), ("--worker", "1/2")):
        result = invoke("stream", "digits", option, value, code=2)
        assert f"{option[2:]} must be left out without --key, got {value}" in result.stderr
    result = invoke("stream", "digits", "--key", "0", code=2)
    assert "key must be left out for all sources but tcp:HOST:PORT" in result.stderr
    result = invoke("stream", "udp:", "--key", "a", "--inputs", 2, code=2)
    assert "source must be one of " in result.stderr
    assert "udp:[HOST:]PORT" in result.stderr
    result = invoke("scope", "rows.csv", "--root", tmp_path, "--key", "sensor", "--no-open", code=2)
    assert "key must be left out where one chip is shown" in result.stderr


def test_malformed_keys_are_passed_over_and_counted(tmp_path):
    (tmp_path / "rows.csv").write_text("sensor,a,b\nx,1,2\n,1,2\nnan,1,2\n" + "y" * 201 + ",1,2\nx,2,1\n")
    said = refused(tmp_path)
    assert "rows.csv, line 3: a key must be a text or a whole number, got none; --skip-bad skips such lines" in said
    summary = run(tmp_path, "--skip-bad")
    assert (summary["keys"], summary["samples"], summary["bad_lines"]) == (1, 2, 3)


def test_the_table(tmp_path, rows):
    (tmp_path / "rows.csv").write_text("sensor,a,b\nx,1,2\n,1,2\nz,-1,2\ny,2,1\n")
    command = ["stream", "rows.csv", "--root", tmp_path, "--key", "sensor", "--neurons", "5", "--skip-bad"]
    table = invoke(*command, "--worker", "1/1", "--state", tmp_path / "f.h5").stdout
    for words in ("keys  2 of at most 10,000", "samples  2 (at 3 of the stream)", "bad lines  1 passed over",
                  "refused  1 samples passed over", "worker  1/1; 0 samples of others", "snapshots  1"):  # fmt: skip
        assert words in table


def test_a_fleet_that_python_saved_without_a_bound_goes_on_and_responds(tmp_path, rows):
    state = tmp_path / "fleet.h5"
    path = str(tmp_path / "rows.csv")
    ns.run_fleet(ns.Fleet([ns.recipes.softhebb(5)], inputs=4), ns.open_stream(path, key="sensor"), state=state)
    words = ["stream", path, "--key", "sensor", "--state", state]
    for options in ([*words, "--neurons", "5"], [*words, "--respond", "--emit", "key"]):
        result = invoke(*options)
        assert "7, no limit, " in result.stdout + result.stderr


def test_inspect_shows_a_fleet_and_one_of_its_chips(tmp_path, rows):
    keys, samples = rows
    state = tmp_path / "fleet.h5"
    run(tmp_path, "--state", state)
    table = invoke("inspect", state).stdout
    assert "4 -> 5, 7 keys of at most 10,000" in table
    assert "rows.csv, at 120" in table
    summary = json.loads(invoke("inspect", state, "--json").stdout)
    assert summary["samples_of_keys"] == {key: keys.count(key) for key in dict.fromkeys(keys)}
    one = json.loads(invoke("inspect", state, "--key", "s3", "--json").stdout)
    assert one["state_sha256"] == sensors.alone(keys, samples)["s3"]
    assert one["layers"][0]["samples"] == keys.count("s3")
    assert "key must be one of the fleet's 7, got 'nope'" in invoke("inspect", state, "--key", "nope", code=2).stderr
    ns.Chip(sensors.layers(), inputs=4).save(tmp_path / "chip.h5")
    assert "key must be left out" in invoke("inspect", tmp_path / "chip.h5", "--key", "a", code=2).stderr
    empty, whole = ns.Fleet([ns.recipes.softhebb(4)], inputs=3), ns.Fleet([ns.recipes.softhebb(4)], inputs=3, keys=[7])
    empty.save(tmp_path / "empty.h5")
    whole.save(tmp_path / "whole.h5")
    assert "one of the fleet's 0, got 'a'" in invoke("inspect", tmp_path / "empty.h5", "--key", "a", code=2).stderr
    assert "must be a whole number" in invoke("inspect", tmp_path / "whole.h5", "--key", "a", code=2).stderr
    seventh = json.loads(invoke("inspect", tmp_path / "whole.h5", "--key", "7", "--json").stdout)
    assert seventh["layers"][0]["samples"] == 0


def test_a_chips_state_is_no_fleets(tmp_path, rows):
    ns.Chip(sensors.layers(), inputs=4).save(tmp_path / "chip.h5")
    said = refused(tmp_path, "--state", tmp_path / "chip.h5")
    assert "that of one chip (neurosim.Chip.load): it is left alone" in said
    run(tmp_path, "--state", tmp_path / "fleet.h5")
    result = invoke("stream", "digits", "--state", tmp_path / "fleet.h5", code=2)
    assert "that of a fleet (neurosim.Fleet.load, --key): it is left alone" in result.stderr


def test_a_state_that_another_run_has(tmp_path, rows):
    with store.claim(tmp_path / "fleet.h5", FLEET):
        said = refused(tmp_path, "--state", tmp_path / "fleet.h5")
    assert "must be used by one run at a time, and another one has it" in said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_writes_the_state_and_has_its_exit_code(tmp_path, rows, number, code):
    keys, _ = rows
    state = tmp_path / "fleet.h5"
    command = [*COMMAND, "stream", "rows.csv", "--root", str(tmp_path), "--key", "sensor", "--neurons", "5", "--json"]
    command += ["--epochs", "100000", "--state", str(state), "--snapshot-samples", "500"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(state.exists, process, seconds=120)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (code, "")
    summary = json.loads(out)
    assert summary["interrupted"]
    position = summary["stream_position"]
    assert fleets.read(state).position == position > 0
    fleet = ns.Fleet.load(state)
    places = np.arange(position) % 120
    assert fleet.samples.tolist() == [sum(keys[place] == key for place in places) for key in fleet.keys]


@pytest.mark.slow
def test_sigusr1_writes_the_state_and_learning_goes_on(tmp_path):
    state = tmp_path / "fleet.h5"
    command = [*COMMAND, "stream", "-", "--inputs", "2", "--key", "0", "--neurons", "3", "--json", "--state", state]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "--snapshot-seconds", "1e6"], **pipes)
    process.stdin.write("a,1,2\nb,2,1\n")
    process.stdin.flush()

    def asked():
        if not state.exists():
            process.send_signal(signal.SIGUSR1)
        return state.exists() and fleets.read(state).position == 2

    wait_until(catches(process, signal.SIGUSR1), process, seconds=120)
    wait_until(asked, process, seconds=120)
    out, err = process.communicate("a,1,1\n", timeout=120)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["samples"] == 3
    assert fleets.read(state).position == 3
