"""Help that names what other modules define."""

from collections.abc import Callable
from typing import Any

import click


class FilledHelp(click.Command):
    """A command whose help and epilog have fields such as `{recipes}`, filled in when they are shown.

    Importing the command then imports none of the modules that define what the fields name.

    Parameters
    ----------
    fields : callable
        Returns the text of each field by its name.
    """

    def __init__(self, *args: Any, fields: Callable[[], dict[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._fields = fields

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the line that a group shows of this command."""
        self._fill()
        return super().get_short_help_str(limit)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page."""
        self._fill()
        super().format_help(ctx, formatter)

    def _fill(self) -> None:
        """Fill in the fields; once that is done, there are none left to fill in."""
        fields = self._fields()
        self.help, self.epilog = (text and text.format_map(fields) for text in (self.help, self.epilog))
