"""Samples of the Lab Streaming Layer, from outlets of this process."""

import time
import uuid

import numpy as np
import pytest
from live_reading import LiveReading

import neurosim as ns
from neurosim.streams.live.lsl import found, quiet

try:
    import pylsl
except (ImportError, RuntimeError):  # the latter without its library
    pytest.skip("pylsl is not installed, or liblsl is not found", allow_module_level=True)

SILENCE = 0.4  # seconds that end a stream


@pytest.fixture(scope="module", autouse=True)
def _reachable():
    quiet()
    outlet = made("reachable")
    try:
        found("name", outlet.name, 5)
    except ConnectionError:
        pytest.skip("streams of the Lab Streaming Layer are not found here: the network lets no multicast through")


def made(kind="EEG", channels=2, form=None, rate=100):
    """Return an outlet with a name of its own."""
    name = uuid.uuid4().hex
    form = pylsl.cf_float32 if form is None else form
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, kind, channels, rate, form, name))
    outlet.name = name
    return outlet


def opened(value, **options):
    return ns.open_stream(f"lsl:{value}", **({"idle": SILENCE} | options))


@pytest.mark.parametrize("form", ["cf_double64", pytest.param("cf_int16", marks=pytest.mark.slow)])
def test_samples_come_in_order_with_as_many_inputs_as_channels(form):
    outlet = made(form=getattr(pylsl, form))
    stream = opened(outlet.name)
    assert stream.inputs == 2
    rows = np.stack([np.arange(900), np.arange(900) % 7], axis=1).tolist()
    before = time.monotonic_ns()
    with LiveReading(stream) as reading:
        assert outlet.wait_for_consumers(10)
        for row in rows:
            outlet.push_sample(row)
    assert np.array_equal(reading.samples, np.array(rows, np.float32))
    assert stream.counts.received == 900
    arrived = stream.arrived(0, 900)
    assert before < arrived[0] <= arrived[-1] <= time.monotonic_ns()


def test_a_stream_is_found_by_its_type_and_a_channel_may_be_the_label():
    kind = uuid.uuid4().hex
    outlet = made(kind=kind, channels=3)
    stream = opened(f"{kind}?by=type", label="-1")
    assert stream.inputs == 2
    with LiveReading(stream, most=2) as reading:
        assert outlet.wait_for_consumers(10)
        outlet.push_chunk([[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]])
    assert reading.numbers == [1, 3]
    assert reading.labels == [0, 1]


def test_times_that_are_repeated_or_go_back_are_counted():
    outlet = made()
    stream = opened(outlet.name)
    with LiveReading(stream, most=5) as reading:
        assert outlet.wait_for_consumers(10)
        start = pylsl.local_clock()
        for second in (1, 2, 2, 1, 3):
            outlet.push_sample([second, 1], start + second)
    assert reading.numbers == [1, 2, 2, 1, 3]
    assert stream.counts.same_time == 1
    assert stream.counts.late == 1


@pytest.mark.slow
def test_another_width_texts_and_nobody_are_errors():
    outlet = made(channels=4)
    with pytest.raises(ns.StreamError, match="must have 2 channels, got 4"):
        list(opened(outlet.name, inputs=2).arriving())
    outlet = made(form=pylsl.cf_string)
    with pytest.raises(ns.StreamError, match="stream of numbers"):
        list(opened(outlet.name, inputs=2).arriving())
    with pytest.raises(ns.StreamError, match=r"be there within 0\.3 s.*no stream of the name nobody"):
        list(opened("nobody", inputs=2, reconnect=0.3).arriving())
    with pytest.raises(ns.ConfigError, match="format must be left out"):
        opened("nobody", inputs=2, format="u8")


@pytest.mark.slow
def test_a_stream_that_goes_away_is_looked_for_again():
    outlet = made()
    name = outlet.name
    with LiveReading(opened(name, inputs=2, reconnect=15.0, idle=10.0), most=2) as reading:
        assert outlet.wait_for_consumers(10)
        outlet.push_sample([1, 1])
        reading.came(1)
        del outlet
        again = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, 100, pylsl.cf_float32, name))
        reading.connected(2)
        assert again.wait_for_consumers(10)
        again.push_sample([2, 1])
        reading.came(2)
    assert reading.fault is None
    assert reading.numbers == [1, 2]
