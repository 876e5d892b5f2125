"""The command line: one file a command, imported only when the command is used, so that `neurosim --help` is quick."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from neurosim.cli.faults import INTERRUPTED, WHEN_INTERRUPTED, fail
from neurosim.cli.interrupts import ENDING
from neurosim.cli.nudges import Nudges
from neurosim.version import __version__

COMMANDS = {
    "stream": "Stream samples through a chip that learns from each.",
    "predict": "Predict each sample's label by the readout that a state keeps.",
    "inspect": "Show what a state file holds.",
    "view": "Draw figures of what a state file holds.",
    "report": "Write all about a state, or about a record of latencies, as one page.",
    "explore": "Make a page on which potentials and the gain of a competition are moved.",
    "scope": "Watch a run as it goes, on a page, and change it.",
    "judge": "Judge what a chip learned, beside the same chip untrained and the raw inputs.",
    "bench": "Measure how long each sample takes, the slowest included.",
    "cost": "Price samples on a described chip: energy, latency, memory.",
    "data": "Fetch data sets, checked.",
    "warm": "Compile ahead, for containers and read-only disks.",
    "sweep": "Measure many designs of a study file, and show the best.",
    "reproduce": "Measure what a paper published once more.",
}


@contextmanager
def _one_line(ctx: click.Context) -> Iterator[None]:
    """Print a usage error as one line instead of click's three."""
    try:
        yield
    except NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        command = f"neurosim {ctx.invoked_subcommand or ''} --help".replace("  ", " ")
        fail(f"{error.format_message()} ({command} shows what there is)")
    except EOFError as error:  # click would print "Aborted!": this is a bug, and keeps its traceback
        raise RuntimeError("a file or a pipe ended, which was not expected") from error
    except KeyboardInterrupt:  # while a command is imported
        fail(WHEN_INTERRUPTED, INTERRUPTED)


class Commands(click.Group):
    """The commands by name; each is `command` in the module of its name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options of `neurosim` itself."""
        with _one_line(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the options of a command, and run it."""
        with _one_line(ctx), Nudges():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command from its module; None if there is none of that name."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"neurosim.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="neurosim")
def main() -> None:
    """Simulate a chip that learns on-line: soft winner-take-all neurons, local plasticity, one sample at a time.

    Exit codes: 0 done; 2 bad input or a file that cannot be used; 3 weights diverged; 129, 130 and 143 interrupted by
    SIGHUP, SIGINT and SIGTERM, with the state written.
    """


def entry() -> None:
    """Be the process `neurosim`: when its command is done, signals change nothing, and the process ends at once."""
    try:
        main(prog_name="neurosim")
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        gc.freeze()  # else Python looks for cycles of garbage at its end, which takes as long as a short stream
