"""A machine whose speed is known."""


class Counting(float):
    """A number that counts what is done with it."""

    done = 0
