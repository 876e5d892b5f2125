"""A compiled loop that is looked up once: to look at its arguments' types takes longer than some samples."""


class KeptLoop:
    """Gives a kernel's loop for arguments, and looks it up again only where some of them are other objects.

    Parameters
    ----------
    loop : callable
        `loop` of a kernel.
    """

    def __init__(self, loop):
        self._loop, self._known, self._found = loop, (), None

    def of(self, arguments, known):
        """Return the loop for arguments, of which these are known."""
        if len(known) != len(self._known) or any(a is not b for a, b in zip(known, self._known, strict=True)):
            self._known, self._found = known, self._loop(*arguments)
        return self._found
