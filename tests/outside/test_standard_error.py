"""Standard error is turned away and back, in overlapping threads too, and no descriptor is left open."""

import os
from threading import Barrier, Thread

from neurosim.outside.standard_error import silent_standard_error


def open_descriptors():
    return sorted(os.listdir("/proc/self/fd"))


def test_what_is_written_to_the_descriptor_is_not_seen(capfd):
    before = open_descriptors()
    with silent_standard_error():
        os.write(2, b"noise\n")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert open_descriptors() == before


def test_blocks_of_two_threads_overlap(capfd):
    """The first one to begin ends first: standard error comes back with the second."""
    before, steps = open_descriptors(), Barrier(2)

    def begin_first():
        with silent_standard_error():
            steps.wait()
            steps.wait()
        steps.wait()

    thread = Thread(target=begin_first)
    thread.start()
    steps.wait()
    with silent_standard_error():
        steps.wait()
        steps.wait()
        os.write(2, b"noise\n")
    thread.join()
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert open_descriptors() == before


def test_a_closed_standard_error_stays_closed(capfd):
    kept = os.dup(2)
    os.close(2)
    try:
        with silent_standard_error():
            pass
        closed = False
        try:
            os.fstat(2)
        except OSError:
            closed = True
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert closed
