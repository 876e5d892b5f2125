"""A progress bar with the time left, if standard error is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: int | None, done: int, unit: str) -> Iterator[Callable[[str], object]]:
    """Draw a bar; give a function to be called for each unit that is done, with a note to show beside the bar.

    Parameters
    ----------
    total : int, optional
        Units there are, if that is known.
    done : int
        Units done before.
    unit : str
        What a unit is called, in the plural.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _note: None
        return
    from tqdm import tqdm

    with tqdm(total=total, initial=done, unit=f" {unit}", file=sys.stderr) as bar:

        def advance(note: str) -> None:
            bar.set_postfix_str(note, refresh=False)
            bar.update(1)

        yield advance
