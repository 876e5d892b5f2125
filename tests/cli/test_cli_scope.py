"""`neurosim scope`: a state as `neurosim stream` writes it, and a page that ends as it should."""

import re
import signal
import socket
import subprocess
import urllib.request

import numpy as np
import pytest
from commands import invoke, stream
from processes import COMMAND, wait_until

import neurosim as ns
from neurosim.state import store

pytest.importorskip("bokeh")

ADDRESS = re.compile(r"The run is shown at (http://127\.0\.0\.1:\d+/[0-9a-f]{32}/)")


@pytest.fixture
def scope(tmp_path):
    """Start the command in a process; it ends with the test."""
    processes = []

    def start(*arguments):
        said = tmp_path / f"said{len(processes)}"
        with said.open("w") as file:
            command = [*COMMAND, "scope", *map(str, arguments), "--no-open"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
        processes.append(process)
        wait_until(lambda: "stays at" in said.read_text() or ADDRESS.search(said.read_text()), process)
        return process, said, ADDRESS.search(said.read_text())[1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def page(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.slow
def test_the_state_is_that_of_stream(tmp_path):
    one, two = tmp_path / "one.h5", tmp_path / "two.h5"
    options = ("--neurons", 30, "--epochs", 2, "--seed", 3)
    summary = stream("digits:train", *options, "--state", one)
    shown = invoke("scope", "digits:train", *options, "--state", two, "--close", "--no-open")
    assert summary["state_sha256"][:16] in shown.output
    assert ADDRESS.search(shown.output)
    first, second = store.read(one), store.read(two)
    assert first.stream == second.stream
    assert (first.position, first.changes, first.constants) == (second.position, second.changes, second.constants)
    assert ns.Chip.load(one).state_sha256 == ns.Chip.load(two).state_sha256


@pytest.mark.slow
def test_a_state_goes_on_with_its_stream(tmp_path):
    one, whole = tmp_path / "one.h5", tmp_path / "whole.h5"
    invoke("scope", "digits:train", "--shuffle", 4, "--state", one, "--close", "--no-open")
    invoke("scope", one, "--epochs", 2, "--close", "--no-open")
    stream("digits:train", "--shuffle", 4, "--epochs", 2, "--state", whole)
    assert ns.Chip.load(one).samples == 2 * 1437
    assert ns.Chip.load(one).state_sha256 == ns.Chip.load(whole).state_sha256


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({}, "must name a stream to open, and names no stream"),
        ({"stream": {"name": "-", "inputs": 64, "content": "", "order": "stored"}}, "names a pipe"),
    ],
)
def test_a_state_without_a_stream_needs_one(tmp_path, made, why):
    state = tmp_path / "chip.h5"
    ns.Chip([ns.recipes.softhebb(5)], inputs=64).save(state, **made)
    result = invoke("scope", state, "--close", "--no-open", code=2)
    assert why in result.stderr
    assert f"neurosim scope SOURCE --state {state}" in result.stderr


def test_a_state_is_not_named_twice(tmp_path):
    state = tmp_path / "chip.h5"
    stream("digits:train", "--state", state)
    result = invoke("scope", state, "--state", "other.h5", code=2)
    assert "state must be left out" in result.stderr


def test_a_port_in_use_is_named(tmp_path):
    state = tmp_path / "chip.h5"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = invoke("scope", "digits:train", "--port", port, "--state", state, "--close", "--no-open", code=2)
    assert result.stderr.startswith(f"Error: port must be one that is free at 127.0.0.1, got {port}")
    assert result.stderr.count("\n") == 1
    assert not state.exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--port", 0), "--port"),
        (("--port", 70000), "--port"),
        (("--layer", 3), "layer must be"),
        (("--shape", "9,9"), "shape must be"),
        (("--shape", "eight"), "--shape"),
    ],
)
def test_bad_options_are_one_line(options, why):
    result = invoke("scope", "digits:train", *options, "--close", "--no-open", code=2)
    assert why in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("shape", [
    (5, 4, 4), *(pytest.param(shape, marks=pytest.mark.slow) for shape in ((2, 3, 4, 4), (80,))),
])  # fmt: skip
def test_samples_that_are_no_images_have_no_weights_shown(tmp_path, shape):
    samples = tmp_path / "samples.npz"
    np.savez(samples, samples=np.random.default_rng(0).random((20, *shape), np.float32))
    result = invoke("scope", samples, "--neurons", 5, "--close", "--no-open")
    assert "samples  20" in result.stdout


@pytest.mark.slow
def test_the_page_stays_until_ctrl_c(scope):
    process, said, address = scope("digits:train")
    wait_until(lambda: "stays at" in said.read_text(), process)
    assert "digits:train" in page(address)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "1,437" in output


def test_ctrl_c_ends_a_run_that_is_held_with_its_state(scope, tmp_path):
    state = tmp_path / "chip.h5"
    process, said, address = scope("digits:train", "--held", "--state", state)
    assert "digits:train" in page(address)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said.read_text()
    assert ns.Chip.load(state).samples == 0


@pytest.mark.slow
def test_two_scopes_have_a_port_each(scope):
    addresses = {scope("digits:train", "--held")[2] for _ in range(2)}
    assert len(addresses) == 2
    for address in addresses:
        assert "digits:train" in page(address)


@pytest.mark.slow
def test_an_error_of_the_stream_ends_the_page_too(tmp_path):
    samples = tmp_path / "samples.csv"
    samples.write_text("1,2,3\n4,5\n")
    result = invoke("scope", samples, "--no-open", code=2)
    assert "line 2" in result.stderr
