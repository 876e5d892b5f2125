"""TCP and UDP by real sockets: what arrives is learned in order, and what does not is counted."""

import contextlib
import socket
import sys
import threading
import time

import numpy as np
import pytest
from processes import wait_until

import neurosim as ns
from neurosim.streams.live.receiver import Counts

WAIT = 20.0  # seconds: the end of every wait in these tests


@pytest.fixture
def opened():
    """Return a function that opens a source which is listened to, with its address."""

    def open_live(source, **options):
        stream = ns.open_stream(source, **{"idle": WAIT} | options)
        stream.prepare()
        return stream, stream.transport.address

    return open_live


def connected(address):
    return socket.create_connection(address, timeout=WAIT)


def told(target, *arguments):
    """Start a thread that sends."""
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def numbered(count, inputs=4):
    """Return samples of which each has its number in it."""
    return np.arange(count * inputs, dtype="<f4").reshape(count, inputs)


def line(sample):
    return (",".join(map(repr, sample.tolist())) + "\n").encode()


def read(stream):
    """Return all samples of a stream."""
    blocks = [block.samples for block in stream.arriving()]
    return np.concatenate(blocks) if blocks else np.empty((0, stream.inputs), np.float32)


def send_all(address, pieces):
    with connected(address) as sender:
        for piece in pieces:
            sender.sendall(piece)


def send_datagrams(address, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, address)


def received(stream, count):
    """Wait until a source has received so many records."""
    wait_until(lambda: stream.counts.received >= count, seconds=WAIT)


FORMS = [{}, {"format": "f32"}]


@pytest.mark.parametrize("form", FORMS)
def test_what_a_connection_sends_is_given_in_order_however_it_is_cut(opened, form):
    samples = numbered(500)
    data = samples.tobytes() if form else b"".join(map(line, samples))
    draw = np.random.default_rng(0)
    cuts = np.sort(draw.integers(0, len(data), 200))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    stream, address = opened("tcp-listen:0", inputs=4, **form)
    told(send_all, address, pieces)
    assert np.array_equal(read(stream), samples)
    assert stream.counts == Counts(received=500, connections=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("together", [1, 3])
def test_a_datagram_has_one_sample_or_several(opened, form, together):
    samples = numbered(60)
    stream, address = opened("udp:0", inputs=4, idle=0.2, **form)
    groups = [samples[first : first + together] for first in range(0, 60, together)]
    send_datagrams(address, [group.tobytes() if form else b"".join(map(line, group)) for group in groups])
    assert np.array_equal(read(stream), samples)
    assert stream.counts == Counts(received=60, connections=1)


def test_bytes_are_numbers_from_0_to_1_and_the_label_is_none_of_them(opened):
    stream, address = opened("udp:0", inputs=2, format="u8", label="-1", idle=0.2)
    send_datagrams(address, [bytes([0, 255, 7]), bytes([51, 102, 8])])
    pairs = [(x.tolist(), y) for x, y in stream]
    assert pairs == [([0, 1], 7), ([np.float32(0.2), np.float32(0.4)], 8)]


@pytest.mark.parametrize("source", ["tcp-listen", "udp"])
def test_a_source_that_is_listened_to_is_on_loopback_unless_an_address_is_given(opened, source):
    stream, address = opened(f"{source}:0", inputs=1)
    assert address[0] == "127.0.0.1"
    stream.transport.release()
    stream, address = opened(f"{source}:0.0.0.0:0", inputs=1)
    assert address[0] == "0.0.0.0"
    stream.transport.release()
    with socket.socket(type=socket.SOCK_DGRAM if source == "udp" else socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if source == "tcp-listen":
            taken.listen()
        with pytest.raises(ns.StreamError, match=r"must be an address that can be listened to, but: .*in use"):
            opened(f"{source}:{taken.getsockname()[1]}", inputs=1)


@pytest.mark.parametrize(("source", "words"), [
    ("tcp:127.0.0.1", "source must be tcp:HOST:PORT"), ("tcp:5", "tcp-listen:5 waits for a sender"),
    ("tcp:host:0", "with a port from 1"), ("udp:x", r"source must be udp:\[HOST:\]PORT"),
    ("udp:99999", "with a port up to 65535"), ("tcp-listen::5", r"tcp-listen:\[HOST:\]PORT"),
    ("tcp", "source must be one of"),
])  # fmt: skip
def test_addresses_are_checked_before_anything_waits(source, words):
    with pytest.raises(ns.StreamError, match=words):
        ns.open_stream(source, inputs=3)


@pytest.mark.parametrize(("options", "words"), [
    ({"queue": 0}, "queue must be a whole number of at least 1"), ({"when_full": "drop"}, "when_full must be one of"),
    ({"reconnect": -1}, "reconnect must be at least 0"), ({"idle": 0}, "idle must be positive"),
    ({"format": "f64"}, "format must be one of"), ({"epochs": 2}, "epochs must be"),
])  # fmt: skip
def test_options_are_checked(options, words):
    with pytest.raises(ns.ConfigError, match=words):
        ns.open_stream("udp:0", inputs=3, **options)


def test_options_of_live_sources_are_refused_for_others():
    for option, value in {"queue": 5, "when_full": "block", "reconnect": 1.0, "idle": 1.0}.items():
        with pytest.raises(ns.ConfigError, match=f"{option} must be left out for all sources but tcp:HOST:PORT"):
            ns.open_stream("digits", **{option: value})
    with pytest.raises(ns.StreamError, match="the width of its samples must be given with inputs"):
        ns.open_stream("udp:0")


# Full queues: the sender is faster than whoever reads.


@pytest.mark.parametrize(("policy", "kept"), [("drop-oldest", range(60, 100)), ("drop-newest", range(1, 41))])
def test_a_queue_that_overflows_drops_by_its_policy_and_counts(opened, policy, kept):
    samples = numbered(100)
    stream, address = opened("tcp-listen:0", inputs=4, queue=40, when_full=policy)
    with connected(address) as sender:
        sender.sendall(line(samples[0]))
        blocks = stream.arriving(size=1)
        assert np.array_equal(next(blocks).samples, samples[:1])
        sender.sendall(b"".join(map(line, samples[1:])))
        received(stream, 100)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), samples[list(kept)])
    assert stream.counts == Counts(received=100, dropped=59, connections=1)
    assert stream.counted(41)["left"] == 0


def test_with_block_the_sender_waits_and_nothing_is_lost(opened):
    samples = numbered(20_000, 16)
    stream, address = opened("tcp-listen:0", inputs=16, format="f32", queue=10)
    sender = told(send_all, address, [samples.tobytes()])
    blocks = stream.arriving(size=4)
    given = [next(blocks).samples]
    assert len(stream._reception._queue) <= 10
    given += [block.samples for block in blocks]
    sender.join(WAIT)
    assert np.array_equal(np.concatenate(given), samples)
    assert stream.counts == Counts(received=20_000, connections=1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how many datagrams it has dropped")
def test_datagrams_that_the_system_drops_are_counted(opened):
    sent = 20_000
    stream, address = opened("udp:0", inputs=16, format="f32", queue=1, idle=0.2)
    blocks = stream.arriving(size=1)
    send_datagrams(address, [sample.tobytes() for sample in numbered(sent, 16)])  # nothing is received meanwhile
    given = np.concatenate([block.samples for block in blocks])
    assert stream.counts.lost > 0
    assert len(given) == stream.counts.received == sent - stream.counts.lost
    assert (np.diff(given[:, 0]) > 0).all()


@pytest.mark.parametrize("policy", ["block", "drop-oldest", "drop-newest"])
def test_all_that_came_is_learned_refused_dropped_or_left(opened, make_chip, policy):
    samples = np.random.default_rng(0).random((500, 64), np.float32)
    samples[::10, 3] = -1  # the chip refuses them
    stream, address = opened("tcp-listen:0", inputs=64, format="f32", queue=30, when_full=policy, skip_bad=True)
    sender = told(send_all, address, [samples.tobytes()])

    def wait(report):
        if policy != "block":
            received(stream, 500)

    report = ns.run(make_chip(9), stream, skip_bad=True, watch=wait, stop=lambda: stream.counts.received >= 500)
    sender.join(WAIT)
    counts = report.source
    assert report.interrupted
    assert counts["received"] == 500
    assert counts["received"] == report.samples + report.refused + counts["dropped"] + counts["left"]
    assert report.taken > 0
    assert 0 <= counts["left"] <= 30
    assert (counts["dropped"] == 0) == (policy == "block")


# Peers that come and go.


class Sender:
    """A sender that listens, for a source that connects."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(WAIT)
        self.source = f"tcp:127.0.0.1:{self._listening.getsockname()[1]}"

    def accept(self):
        """Take one connection."""
        return self._listening.accept()[0]

    def send(self, data, reset=False):
        """Take one connection, send, and close it."""
        with self.accept() as connection:
            connection.sendall(data)
            if reset:  # an end without the usual farewell
                time.sleep(0.2)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def close(self):
        self._listening.close()


@pytest.fixture
def sender():
    made = Sender()
    yield made
    made.close()


def test_a_peer_that_goes_away_and_returns_is_found_again(sender):
    samples = numbered(30)
    stream = ns.open_stream(sender.source, inputs=4, label="y", reconnect=WAIT, idle=1)
    names = b"a,b,c,d,y\n"

    def send():
        for first in (0, 10, 20):  # each connection begins with the names, and ends within a line
            lines = [line(sample)[:-1] + b",cat\n" for sample in samples[first : first + 10]]
            sender.send(names + b"".join(lines) + b"1,2,3,4,c", reset=first == 10)

    told(send)
    assert np.array_equal(read(stream), samples)
    connections = stream.counts.connections  # the system accepts one more, which nobody serves
    assert connections >= 3
    assert stream.counts == Counts(received=33, names=3, cut=3, connections=connections)
    assert stream.classes == ("cat",)
    assert stream.columns == ("a", "b", "c", "d")
    assert stream.counted(30)["left"] == 0


def test_a_peer_that_closes_ends_the_stream_and_one_that_breaks_off_is_an_error(sender):
    stream = ns.open_stream(sender.source, inputs=4)
    told(sender.send, line(numbered(1)[0]))
    assert len(read(stream)) == 1
    told(sender.send, line(numbered(1)[0]), True)
    with pytest.raises(ns.StreamError, match=r"must stay connected \(--reconnect S tries again\), but: .*reset"):
        read(stream)


def test_a_peer_that_does_not_return_in_time_ends_the_stream(sender):
    stream = ns.open_stream(sender.source, inputs=4, reconnect=0.3)

    def send_and_go():
        with sender.accept() as connection:
            sender.close()  # first: a stream that returns at once would be taken, and then reset, which is an error
            connection.sendall(line(numbered(1)[0]))

    told(send_and_go)
    assert len(read(stream)) == 1


@pytest.mark.parametrize(("reconnect", "within"), [(0, ""), (0.3, " within 0.3 s")])
def test_a_peer_that_is_never_there_is_an_error_after_the_time_given(sender, reconnect, within):
    sender.close()
    stream = ns.open_stream(sender.source, inputs=4, reconnect=reconnect)
    with pytest.raises(ns.StreamError, match=f"must be there{within} .*but: .*refused") as caught:
        read(stream)
    assert "\n" not in str(caught.value)


def test_a_peer_that_closes_every_connection_at_once_is_given_up(sender):
    def refuse():
        with contextlib.suppress(OSError):  # the listening socket is closed at last
            while True:
                sender.send(b"")

    told(refuse)
    assert len(read(ns.open_stream(sender.source, inputs=4, reconnect=0.5))) == 0


def test_one_sender_at_a_time_is_served_and_the_next_waits(opened):
    stream, address = opened("tcp-listen:0", inputs=4, reconnect=WAIT, idle=2)  # between two senders, too
    samples = numbered(20)
    with connected(address) as first, connected(address) as second:
        second.sendall(b"".join(map(line, samples[10:])))
        first.sendall(b"".join(map(line, samples[:10])))
        blocks = stream.arriving()
        given = []
        while sum(map(len, given)) < 10:
            given.append(next(blocks).samples)
        first.close()
        second.shutdown(socket.SHUT_WR)
        given += [block.samples for block in blocks]
    assert np.array_equal(np.concatenate(given), samples)
    assert stream.counts.connections == 2


def test_silence_ends_a_stream_and_what_came_before_is_given(opened):
    stream, address = opened("tcp-listen:0", inputs=4, idle=0.5)
    with connected(address) as sender:
        sender.sendall(line(numbered(1)[0]))
        assert len(read(stream)) == 1
    stream, _ = opened("udp:0", inputs=4, idle=0.1)
    assert len(read(stream)) == 0


# What is no sample.


def test_datagrams_of_a_wrong_size_are_malformed(opened):
    good = numbered(3)
    bad = [b"", bytes(15), bytes(17), bytes(33), bytes(60_000 + 1)]
    stream, address = opened("udp:0", inputs=4, format="f32", skip_bad=True, idle=0.2)
    send_datagrams(address, [good[0].tobytes(), *bad, good[1:].tobytes()])
    assert np.array_equal(read(stream), good)
    assert stream.counts == Counts(received=3 + len(bad), bad=len(bad), connections=1)
    assert stream.bad == len(bad)
    for size in (0, 15, 17, 33):
        stream, address = opened("udp:0", inputs=4, format="f32")
        send_datagrams(address, [good[0].tobytes(), bytes(size), good[1].tobytes()])
        blocks = stream.arriving()
        assert np.array_equal(next(blocks).samples, good[:1])
        words = f"frame 1 of udp:0 must come in a message of whole frames of 16 bytes, got {size} bytes; --skip-bad"
        with pytest.raises(ns.StreamError, match=words):
            next(blocks)


def test_labels_of_frames_that_cannot_be_are_malformed(opened):
    rows = np.array([[1, 2, 3], [1, 2, 0.5], [3, 4, 5], [1, 2, np.inf]], "<f4")
    stream, address = opened("udp:0", inputs=2, format="f32", label="-1", skip_bad=True, idle=0.2)
    send_datagrams(address, [rows.tobytes()])
    assert [(x.tolist(), y) for x, y in stream] == [([1, 2], 3), ([3, 4], 5)]
    assert stream.bad == 2


def test_a_malformed_line_ends_the_run_or_is_passed_over(opened, make_chip, tmp_path):
    lines = [b"0.5,0.25\n", b"0.5,x\n", b"1,2,3\n", b"\xff\xfe,1\n", b"\n", b"1,2\n"]
    stream, address = opened("tcp-listen:0", inputs=2, header="no")
    told(send_all, address, lines)
    with pytest.raises(ns.StreamError, match="line 2: column 1 must be a decimal number, got 'x'; --skip-bad"):
        ns.run(ns.Chip([ns.recipes.softhebb(3)], inputs=2), stream, state=tmp_path / "chip.h5")
    assert ns.Chip.load(tmp_path / "chip.h5").samples == 1
    stream, address = opened("tcp-listen:0", inputs=2, header="no")
    told(send_all, address, lines)
    report = ns.run(ns.Chip([ns.recipes.softhebb(3)], inputs=2), stream, skip_bad=True)
    assert (report.samples, report.bad_lines, report.source["received"], report.source["left"]) == (2, 3, 5, 0)


def test_a_line_without_an_end_is_one_malformed_line(opened):
    stream, address = opened("tcp-listen:0", inputs=2, skip_bad=True, header="no")
    told(send_all, address, [b"1,2\n" + b"7" * 100_000, b"8" * 100_000, b"9\n3,4\n"])
    assert read(stream).tolist() == [[1, 2], [3, 4]]
    assert stream.counts == Counts(received=3, bad=1, connections=1)


@pytest.mark.parametrize("form", FORMS)
def test_any_bytes_are_counted_and_end_nothing(opened, form):
    draw = np.random.default_rng(1)
    texts = [b"1,2,3,4", b"[1,2,3,4]", b'{"x":[1,2,3,4]}', b"-1e3,.5,+7,0", b"a,b,c,d"]
    datagrams = [draw.bytes(draw.integers(0, 50)) for _ in range(300)]
    datagrams += [bytes(byte ^ (draw.random() < 0.05) * 16 for byte in draw.choice(texts)) for _ in range(300)]
    stream, address = opened("udp:0", inputs=4, skip_bad=True, header="no", idle=0.2, **form)
    send_datagrams(address, [*datagrams, b"1,2,3,4" if not form else bytes(16)])
    samples = read(stream)
    counts = stream.counts
    assert counts.received == len(samples) + counts.bad + counts.names
    assert min(len(samples), counts.bad) > 0
    assert counts.lost == 0


# The clock.


def test_every_sample_has_its_time_of_arrival(opened):
    stream, address = opened("udp:0", inputs=4, skip_bad=True)
    begun = time.monotonic_ns()
    blocks, times = stream.arriving(size=1), [begun]
    for number in range(5):
        send_datagrams(address, [b"x", line(numbered(1)[0])])
        next(blocks)
        times.append(time.monotonic_ns())
        (arrived,) = stream.arrived(number, 1).tolist()
        assert times[-2] < arrived < times[-1]
    assert stream.arrived(0, 5).dtype == np.int64
    assert stream.arrived(0, 6) is None
    blocks.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not say when it had what came")
@pytest.mark.parametrize("source", ["udp:0", "tcp-listen:0"])
def test_what_waited_in_the_systems_buffer_arrived_when_it_came_there(opened, source):
    transport = opened(source, inputs=1)[0].transport
    kind = socket.SOCK_DGRAM if source == "udp:0" else socket.SOCK_STREAM
    with contextlib.closing(transport), socket.socket(socket.AF_INET, kind) as sender:
        sender.connect(transport.address)
        assert transport.open(WAIT)
        begun = time.monotonic_ns()
        sender.send(b"1\n")
        sent = time.monotonic_ns()
        time.sleep(0.1)
        (message,) = transport.receive(WAIT)
    assert begun - 1_000_000 < message.arrived < sent + 50_000_000
    transport.release()


def test_a_silent_source_lets_snapshots_be_taken(opened, make_chip, tmp_path):
    stream, address = opened("udp:0", inputs=64, format="f32", idle=WAIT)
    state, sample = tmp_path / "chip.h5", np.full(64, 0.5, "<f4")
    ended = threading.Event()
    reports = []

    def learn():
        reports.append(ns.run(make_chip(5), stream, state=state, snapshot_seconds=0.01, stop=ended.is_set))

    thread = told(learn)
    for count in (1, 2):
        send_datagrams(address, [sample.tobytes()])
        wait_until(lambda count=count: state.exists() and ns.Chip.load(state).samples == count, seconds=WAIT)
    ended.set()
    send_datagrams(address, [sample.tobytes()])
    thread.join(WAIT)
    assert reports[0].samples == 3


@pytest.mark.parametrize("ends", ["refused", "stopped"])
def test_a_run_gives_back_the_port_and_ends_the_thread_however_it_ends(opened, make_chip, ends):
    for _ in range(2):
        stream, address = opened("tcp-listen:0", inputs=64, format="f32")
        samples = np.full((50, 64), -1 if ends == "refused" else 1, "<f4")
        told(send_all, address, [samples.tobytes()])
        try:
            ns.run(make_chip(5), stream, stop=lambda: True)
        except ns.SampleError as error:
            kept = error  # as an interactive session keeps the last error, and with it all that was at work
            assert ends == "refused"
            assert kept.__traceback__ is not None
        assert not any(thread.name == "neurosim-receiver" for thread in threading.enumerate())
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(address)
