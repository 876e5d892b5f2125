"""An array of events and what is counted of it: types by name, notes in words."""

import numpy as np

from neurosim.streams.events import EVENT, Counts, Recording, as_events


def test_an_event_has_its_fields_by_name_and_is_aligned():
    kinds = {"t": np.dtype("i8"), "x": np.dtype("u2"), "y": np.dtype("u2"), "p": np.dtype("u1")}
    assert {name: EVENT[name] for name in EVENT.names} == kinds
    assert EVENT.itemsize % 8 == 0
    events = as_events([10, 12], [3, 4], [0, 1], [1, 0])
    assert events.tolist() == [(10, 3, 0, 1), (12, 4, 1, 0)]


def test_notes_say_what_is_worth_a_line():
    counts = Counts(events=9, same_time=5, repeated=1, out_of_order=2)
    counts.pass_over("frames", 3)
    counts.pass_over("frames")
    counts.pass_over("external triggers", 0)
    recording = Recording(as_events([], [], [], []), 4, 5, "a.raw", "evt3", counts, ("of the format",))
    assert recording.notes == (
        "of the format",
        "2 events out of order, and kept",
        "1 events equal to the one before, and kept",
        "4 frames passed over",
    )
    assert repr(recording) == "Recording('a.raw', 0 events, 4 x 5 pixels)"
    assert Counts(events=9, same_time=5).notes() == ()
