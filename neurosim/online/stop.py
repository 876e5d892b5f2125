"""The exception that stops a run while it waits for the stream."""


class Stop(Exception):  # noqa: N818 - a request, not an error
    """Raised by `waiting` when the run must end while the stream is waited for."""
