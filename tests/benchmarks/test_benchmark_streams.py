"""The benchmarks' own readers of beats and events, on bytes that are written here and on the real record."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import every_stream, streams
from neurosim.layers.dense import DenseWTA

ROOT = os.environ.get("NEUROSIM_DATA")


def test_the_first_of_two_signals_of_12_bits_is_read():
    numbers = [(1024, 5), (824, -1), (-2048, 2047), (2047, -2048)]
    content = b"".join(
        bytes([first & 255, (first >> 8 & 15) | (second >> 8 & 15) << 4, second & 255]) for first, second in numbers
    )
    assert streams.first_lead(content) == pytest.approx(np.array([0, -1, -3072 / 200, 1023 / 200]))


def test_annotations_are_read_with_long_times_and_texts():
    words = [
        (28 << 10) | 18, (63 << 10) | 3, 0x4E28, 0x0029,  # a rhythm at 18, and its text of three bytes
        (1 << 10) | 59, (62 << 10) | 1,  # a beat at 77; of channel 1
        (59 << 10), 1, 5, (8 << 10) | 2,  # 65,541 later, and two more
        0, (1 << 10) | 7,  # the end, and what lies after it
    ]  # fmt: skip
    times, kinds = streams.annotations(np.array(words, "<u2").tobytes())
    assert times.tolist() == [18, 77, 77 + 65_541 + 2]
    assert kinds.tolist() == [28, 1, 8]


def test_a_surface_has_the_last_event_of_each_pixel_and_polarity():
    def event(x, y, polarity, time):
        return bytes([x, y, polarity << 7 | time >> 16, time >> 8 & 255, time & 255])

    recording = event(3, 1, 1, 5_000) + event(3, 1, 1, 55_000) + event(33, 33, 0, 105_000) + event(0, 0, 0, 200_000)
    first, second, _ = streams._surfaces(recording).reshape(3, 2, 34, 34)
    assert first[1, 1, 3] == pytest.approx(np.exp(-1))
    assert first[0, 33, 33] == 1
    assert np.count_nonzero(first) == 2
    assert second[0, 0, 0] == pytest.approx(np.exp(-0.2))
    assert second[1, 1, 3] == pytest.approx(np.exp(-155 / 50))


@pytest.mark.skipif(not ROOT or not (Path(ROOT) / "ecg").is_dir(), reason="NEUROSIM_DATA has no record of beats")
def test_beats_of_the_record_are_cut_around_their_peaks():
    data = streams.beats()
    labels = np.concatenate([data.labels, data.test_labels])
    assert np.bincount(labels).tolist()[1:] == [33, 1]  # as its annotations are published: 2,239 N, 33 A, 1 V
    assert 2_235 <= (labels == 0).sum() <= 2_239
    normal = data.samples[data.labels == 0]
    assert (np.abs(normal.argmax(axis=1) - streams.BEFORE) <= 5).mean() > 0.95
    assert data.signed


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("network", ["defaults", "temperature .01", "hard_wta", "random"])
def test_layers_suit_the_sign_of_inputs(network, signed):
    layer = every_stream.layer_of(network, 7, signed)
    assert isinstance(layer, DenseWTA)
    assert layer.neurons == 7
    old = network in ("temperature .01", "random")
    assert layer.initial == ("uniform" if not signed else "normal" if old else "samples")
    assert (layer.radius == 5) is (old or not signed)


def test_every_network_is_measured_and_shown():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    samples = np.float32(np.eye(2, 6)[labels] + 0.1 * rng.random((120, 6)))
    data = streams.Data(samples[:80], labels[:80], samples[80:], labels[80:])
    order, measured = rng.permutation(80), []
    for network in every_stream.NETWORKS:
        kmeans = network == "k-means"
        found = (
            every_stream.of_kmeans(4, data, order, 0) if kmeans else every_stream.of_chip(network, 4, data, order, 0)
        )
        measured.append(every_stream.Result("digits", 4, network, 0, **found, seconds=0.0))
        assert found["linear"] > 0.9
    raw = every_stream.of_raw("logistic", data)
    assert raw["linear"] == 1
    measured.append(every_stream.Result("ECG, beats", 0, "raw, logistic", 0, **raw, seconds=0.0))
    lines = list(every_stream.table(measured))
    assert sum(line.startswith("| digits | 4 | ") for line in lines) == len(every_stream.NETWORKS)
    assert lines[-1] == "| ECG, beats | - | raw, logistic | - | 100.00% | - |"
