"""Commands whose help ends with a list that is made when help is asked for: making it imports NumPy."""

from collections.abc import Callable
from typing import Any

import click


class Listing(click.Command):
    """A command with a list at the end of its help, before the epilog.

    Parameters
    ----------
    listing : callable
        Returns the list, as a sentence.
    """

    def __init__(self, *arguments: Any, listing: Callable[[], str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.listing = listing

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list, then the epilog."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(self.listing())
        super().format_epilog(ctx, formatter)
