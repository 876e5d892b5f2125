"""Address events in datagrams: both layouts as others send them, what is counted, and what is refused."""

import socket
import struct
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.online.companion import restore
from neurosim.streams.events.event import EVENT
from neurosim.streams.live.packets import EventPackets, LiveEvents, receiving
from neurosim.streams.live.receiver import Counts

IDLE, WAIT = 0.3, 20.0  # seconds


def packed(layout, events):
    """Return the bytes of events (t, x, y, p), each field written by itself."""
    if layout == "t64":
        return b"".join(struct.pack("<QHHB", t, x, y, p) for t, x, y, p in events)
    return b"".join(struct.pack("<IHH", t % 2**32, x, y << 1 | p) for t, x, y, p in events)


def decoded(packets, layout="t64", skip_bad=False, **sensor):
    """Return the events of packets, what is wrong, and the two kinds of counts."""
    decoder, counts = EventPackets("x", layout, **sensor), Counts()
    events, fault = decoder.decode(packets, skip_bad, counts)
    return [tuple(event.tolist()) for event in events], fault, decoder.counts, counts


EVENTS = st.lists(st.tuples(
    st.integers(0, 2**40), st.integers(0, 2**16 - 1), st.integers(0, 2**15 - 1), st.integers(0, 1)
), min_size=1, max_size=8)  # fmt: skip


@given(packets=st.lists(EVENTS, min_size=1, max_size=5), layout=st.sampled_from(["t64", "t32"]))
@settings(max_examples=100, deadline=None)
def test_events_come_out_as_they_were_put_in_and_are_counted(packets, layout):
    given, fault, counts, _ = decoded([packed(layout, events) for events in packets], layout)
    put = [event for events in packets for event in events]
    assert fault is None
    if layout == "t32":  # times are known up to whole turns of its clock
        assert [(t % 2**32, *rest) for t, *rest in given] == [(t % 2**32, *rest) for t, *rest in put]
        put = given
    assert given == put
    times = [event[0] for event in put]
    pairs = list(pairwise(put))
    assert counts.events == len(put)
    assert counts.same_time == sum(a[0] == b[0] for a, b in pairs)
    assert counts.repeated == sum(a == b for a, b in pairs)
    assert counts.out_of_order == sum(time < max(times[:index]) for index, time in enumerate(times) if index)


@given(cuts=st.lists(st.integers(1, 19), max_size=6), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_how_events_are_put_into_packets_changes_nothing(cuts, seed):
    draw = np.random.default_rng(seed)
    events = list(zip(draw.integers(0, 30, 20), draw.integers(0, 9, 20), draw.integers(0, 9, 20),
                      draw.integers(0, 2, 20), strict=True))  # fmt: skip
    edges = sorted({0, 20, *cuts})
    packets = [packed("t64", events[a:b]) for a, b in pairwise(edges)]
    assert decoded(packets, width=8, height=7) == decoded([packed("t64", events)], width=8, height=7)


def test_the_clock_of_32_bits_goes_on_after_its_turn():
    times = [5, 2**31, 2**32 - 10, 3, 2**32 - 9, 7, 2**31, 2**32 - 1, 0]  # late by a little around the turn, too
    wanted = [5, 2**31, 2**32 - 10, 2**32 + 3, 2**32 - 9, 2**32 + 7, 2**32 + 2**31, 2**33 - 1, 2**33]
    for packets in ([[(t, 0, 0, 0)] for t in times], [[(t, 0, 0, 0) for t in times]]):
        given, _, counts, _ = decoded([packed("t32", packet) for packet in packets], "t32")
        assert [event[0] for event in given] == wanted
        assert counts.out_of_order == 1


def test_events_beyond_the_sensor_are_left_out_and_counted():
    events = [(1, 3, 3, 1), (2, 4, 0, 1), (3, 0, 4, 0), (4, 65535, 2, 0), (5, 0, 0, 0)]
    given, _, counts, _ = decoded([packed("t64", events)], width=4, height=4)
    assert given == [events[0], events[4]]
    assert (counts.events, counts.outside) == (2, 3)


@pytest.mark.parametrize(("layout", "packet", "words"), [
    ("t64", b"", "whole events of 13 bytes, got 0 bytes"), ("t64", bytes(12), "whole events of 13 bytes, got 12 bytes"),
    ("t32", bytes(13), "whole events of 8 bytes, got 13 bytes"),
    ("t64", struct.pack("<QHHB", 2**63, 0, 0, 0), "times below 2^63 us, got 9223372036854775808"),
    ("t64", struct.pack("<QHHB", 1, 0, 0, 2), "polarities of 0 or 1, got 2"),
])  # fmt: skip
def test_a_malformed_packet_is_refused_as_a_whole_or_passed_over_and_counted(layout, packet, words):
    good = packed(layout, [(7, 1, 2, 1)])
    given, fault, _, _ = decoded([good, packet, good], layout)
    assert given == [(7, 1, 2, 1)]
    assert str(fault) == f"packet 1 of x must have {words}; --skip-bad passes over such packets"
    given, fault, _, counts = decoded([good, packet, good], layout, skip_bad=True)
    assert (given, fault, counts.bad) == (2 * [(7, 1, 2, 1)], None, 1)


@given(packets=st.lists(st.binary(max_size=60), max_size=6), layout=st.sampled_from(["t64", "t32"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_events_or_counted(packets, layout):
    given, fault, counts, packet_counts = decoded(packets, layout, skip_bad=True, width=300, height=300)
    size = 13 if layout == "t64" else 8
    whole = [packet for packet in packets if packet and len(packet) % size == 0]
    assert fault is None
    assert packet_counts.bad >= len(packets) - len(whole)
    assert all(t >= 0 and x < 300 and y < 300 and p in (0, 1) for t, x, y, p in given)
    if layout == "t32":
        assert counts.events + counts.outside == sum(map(len, whole)) // size


@pytest.mark.parametrize(("options", "words"), [
    ({"layout": "t16"}, "layout must be one of t64, t32"), ({"width": 0}, "width must be a whole number"),
    ({"queue": 0}, "queue must be"),
])  # fmt: skip
def test_options_are_checked(options, words):
    with pytest.raises(ns.ConfigError, match=words):
        LiveEvents("x", None, **options)
    with pytest.raises(ns.ConfigError, match="layout must be one of"):
        receiving("0", "t16")
    with pytest.raises(ns.StreamError, match=r"source must be udp-events:\[HOST:\]PORT"):
        receiving("x")
    with pytest.raises(ns.ConfigError, match="sensor must be left out for all sources but events"):
        ns.open_stream("udp:0", inputs=2, sensor=(8, 8))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of its socket, which it never closes
@pytest.mark.parametrize("layout", ["t64", "t32"])
def test_events_that_another_program_sends_arrive(layout):
    faery = pytest.importorskip("faery")
    draw = np.random.default_rng(0)
    events = np.zeros(500, faery.EVENTS_DTYPE)
    events["t"] = np.sort(draw.integers(0, 10**6, 500))
    events["x"], events["y"], events["on"] = (
        draw.integers(0, 640, 500),
        draw.integers(0, 480, 500),
        draw.random(500) < 0.5,
    )
    source = receiving("0", layout, width=640, height=480, idle=IDLE)
    source.prepare()
    name = {"t64": "t64_x16_y16_on8", "t32": "t32_x16_y15_on1"}[layout]
    faery.events_stream_from_array(events, (640, 480)).to_udp(source.transport.address, format=name)
    given = np.concatenate(list(source.blocks()))
    assert given.dtype == EVENT
    for ours, theirs in {"t": "t", "x": "x", "y": "y", "p": "on"}.items():
        assert np.array_equal(given[ours], events[theirs])
    assert source.counts == Counts(received=5, connections=1)
    assert source.events.events == 500


def test_packets_that_do_not_fit_are_dropped_and_counted():
    source = receiving("0", queue=3, when_full="drop-oldest", skip_bad=True, idle=IDLE)
    source.prepare()
    blocks = source.blocks()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(50):
                sender.sendto(packed("t64", [(number, 0, 0, 0)] * 2), source.transport.address)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    given = np.concatenate(list(blocks))
    thread.join(WAIT)
    counts = source.counts
    assert counts.received + counts.lost == 50
    assert len(given) == 2 * (counts.received - counts.dropped)
    assert counts.bad == 0


def test_events_become_samples_and_a_run_goes_on_with_the_surface(tmp_path):
    draw = np.random.default_rng(3)
    columns = [np.sort(draw.integers(0, 10**6, 400)), *draw.integers(0, 16, (2, 400)), draw.integers(0, 2, 400)]
    events = list(zip(*(column.tolist() for column in columns), strict=True))
    packets = [packed("t64", events[first : first + 20]) for first in range(0, 400, 20)]
    packets.insert(3, packed("t64", [(1, 16, 0, 0), (1, 0, 99, 0)]))  # beyond the sensor
    options = {"encode": "local:radius=1", "sensor": (16, 16), "skip_bad": True}

    def learned(state, packets, chip):
        stream = ns.open_stream("udp-events:0", idle=IDLE, **options)
        assert (stream.inputs, stream.replayable) == (18, False)
        position = restore(state, stream) if state.exists() else 0
        (source,) = stream._sources
        source.prepare()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in packets:
                sender.sendto(packet, source.transport.address)
        return ns.run(chip, stream, state=state, position=position)

    def new():
        return ns.Chip([ns.recipes.softhebb(5)], inputs=18, seed=1)

    whole = new()
    report = learned(tmp_path / "whole.h5", [*packets, b"x"], whole)
    counts = {name: count for name, count in report.source.items() if count}
    assert (counts["received"], counts["bad"], counts["events"], counts["outside"]) == (22, 1, 400, 2)
    assert whole.samples == 400
    state, chip = tmp_path / "chip.h5", new()
    learned(state, packets[:7], chip)
    chip = ns.Chip.load(state)
    learned(state, packets[7:], chip)
    assert chip.state_sha256 == whole.state_sha256
