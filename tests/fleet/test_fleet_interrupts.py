"""Ctrl-C while a fleet learns: all layers have then learned from the same samples, and the fleet can go on."""

import signal
import threading

import numpy as np
import pytest

import neurosim as ns

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread alone"
)
SAMPLES = np.random.default_rng(0).random((40, 4), dtype=np.float32)
KEYS = ["fan", "pump"] * 20


@pytest.fixture(autouse=True)
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def made():
    return ns.Fleet([ns.recipes.softhebb(5), ns.recipes.softhebb(3)], inputs=4)


def interrupted_after_layer(fleet, number, monkeypatch):
    """Have SIGINT come in a fleet's next chunk when one of its layers has learned, before the next layer has."""
    layer = fleet._members.layers[number]
    run = layer.run

    def once(*call):
        results = run(*call)
        monkeypatch.undo()
        signal.raise_signal(signal.SIGINT)
        return results

    monkeypatch.setattr(layer, "run", once)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("how", ["arrays", "pairs"])
def test_a_chunk_is_learned_by_all_layers(layer, how, monkeypatch):
    fleet, twin = made(), made()
    interrupted_after_layer(fleet, layer, monkeypatch)
    given = (KEYS, SAMPLES) if how == "arrays" else (zip(KEYS, SAMPLES, strict=True),)
    with pytest.raises(KeyboardInterrupt):
        fleet.learn(*given, chunk=10)
    twin.learn(KEYS[:10], SAMPLES[:10])
    assert [fleet.state_sha256(key) for key in fleet.keys] == [twin.state_sha256(key) for key in twin.keys]
    fleet.learn(KEYS[10:], SAMPLES[10:])  # and goes on
    twin.learn(KEYS[10:], SAMPLES[10:])
    assert [fleet.state_sha256(key) for key in fleet.keys] == [twin.state_sha256(key) for key in twin.keys]


def test_responses_are_ended_at_once(monkeypatch):
    fleet = made().learn(KEYS, SAMPLES)
    interrupted_after_layer(fleet, 0, monkeypatch)
    second, ran = fleet._members.layers[1], []
    monkeypatch.setattr(second, "run", lambda *_: ran.append(1))
    with pytest.raises(KeyboardInterrupt):
        fleet.respond(KEYS, SAMPLES)
    assert not ran


def test_a_watched_fleet_is_whole_and_its_state_is_written(tmp_path, monkeypatch):
    source, state = tmp_path / "samples.csv", tmp_path / "fleet.h5"
    source.write_text("".join(f"{key},{','.join(map(str, x))}\n" for key, x in zip(KEYS, SAMPLES, strict=True)))
    fleet, events = made(), []

    def body(event):
        events.append(event)
        if len(events) == 7:
            interrupted_after_layer(fleet, 0, monkeypatch)

    with pytest.raises(KeyboardInterrupt):
        list(map(body, ns.watch_fleet(fleet, ns.open_stream(str(source), key="0"), state=str(state))))
    twin = made().learn(KEYS[:8], SAMPLES[:8])
    assert len(events) == 7
    for one in (fleet, ns.Fleet.load(state)):
        assert [one.state_sha256(key) for key in one.keys] == [twin.state_sha256(key) for key in twin.keys]
