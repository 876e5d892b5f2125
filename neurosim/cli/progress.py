"""A bar of what is done, with the time left; nothing where there is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: int | None, done: int, unit: str) -> Iterator[Callable[[str], object]]:
    """Give what is to be told of each thing that is done."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _what: None
        return
    from tqdm import tqdm

    with tqdm(total=total, initial=done, unit=f" {unit}", file=sys.stderr) as bar:

        def tell(what: str) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update(1)

        yield tell
