"""`neurosim scope`: a run with a page that shows it as it goes, and from which it is held, stepped and changed."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import echo_error, fail, plainly
from neurosim.cli.help import FilledHelp
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.stream import Shown, StreamOptions, known, learn_on_line
from neurosim.cli.stream import command as stream_command

if TYPE_CHECKING:
    from socket import socket

    from neurosim.chip.chip import Chip
    from neurosim.streams import Stream
    from neurosim.views.scope.scope import Scope

HIGHEST_PORT = 65535
SHUFFLED = re.compile(r"shuffled by seed (\d+)")


@click.command("scope", cls=FilledHelp, fields=known, epilog=stream_command.epilog)
@click.argument("source", metavar="SOURCE|STATE")
@click.option(
    "--port", type=click.IntRange(1, HIGHEST_PORT), metavar="N",
    help="Of the page at 127.0.0.1.  [default: 5006, or another that is free]",
)  # fmt: skip
@shared.opening(help="Open the page in the default browser.  [default: open it where there is a display]")
@click.option("--held", is_flag=True, help="Begin held: the page lets the run go on.")
@click.option("--close", is_flag=True, help="End the page with the run, instead of keeping it until Ctrl-C.")
@shared.layer(help="Whose wins and weights are shown, from 1.  [default: 1]")
@shared.shape()
@plainly
def command(
    port: int | None, opening: bool | None, held: bool, close: bool, layer: int | None, shape: tuple[int, ...] | None,
    **values: Any,
) -> None:  # fmt: skip
    """Stream SOURCE through a chip as `neurosim stream` does, and show it as it learns, on a page at 127.0.0.1.

    The page holds the run, steps it, and changes gain and rate; the state keeps each change with its sample, and
    `neurosim stream --edits` makes them again. A STATE goes on with the stream that it names.
    """
    find_cache()
    from neurosim.views.scope.process import listening

    options = _of_state(StreamOptions(**values))
    scopes: list[Scope] = []
    with ExitStack() as kept:
        listener = kept.enter_context(listening(port))

        @contextmanager
        def show(chip: "Chip", stream: "Stream", start: int, interrupts: Interrupts) -> Iterator[Shown]:
            scope = kept.enter_context(_scope(chip, stream, start, interrupts, listener, held, layer, shape))
            scopes.append(scope)
            _tell(scope.address, opening)
            try:
                yield Shown(scope.watch, scope)
            except Exception as error:
                scope.ended(error)
                raise
            scope.ended()

        learn_on_line(options, show)
        if not close:
            _stay(scopes[0])


# The options are those of `neurosim stream`, each declared once.
_own = {option.name for option in command.params}
command.params += [option for option in stream_command.params if option.name not in _own]


def _of_state(options: StreamOptions) -> StreamOptions:
    """Return options in which a STATE is the state, and the stream that it names the source."""
    from neurosim.state import store

    file = options.source
    if not store.is_state(file):
        return options
    if options.state is not None:
        fail(f"state must be left out where {file} is the state that goes on, got {options.state}")
    stream = store.read(file).stream or {}
    name, order = (str(stream.get(key, "")) for key in ("name", "order"))
    if not name or name == "-":
        what = "a pipe" if name else "no stream"
        fail(f"state {file} must name a stream to open, and names {what}: neurosim scope SOURCE --state {file}")
    shuffled = SHUFFLED.fullmatch(order)
    shuffle = options.shuffle if shuffled is None or options.shuffle is not None else int(shuffled[1])
    return replace(options, source=name, state=file, shuffle=shuffle)


def _scope(
    chip: "Chip", stream: "Stream", start: int, interrupts: Interrupts, listener: "socket", held: bool,
    layer: int | None, shape: tuple[int, ...] | None,
) -> "Scope":  # fmt: skip
    from neurosim.checks import whole
    from neurosim.errors import ConfigError
    from neurosim.views.fields import field_shape
    from neurosim.views.scope.scope import Scope

    number = 1 if layer is None else layer
    whole("layer", number, 1, len(chip.layers))
    if shape is None and number == 1 and chip.shape == (stream.inputs,):
        with suppress(ConfigError):  # of a stream whose samples are no images
            shape = field_shape(chip, 0, stream.shape)  # a dense chip takes images as rows of numbers
    length = None if stream.length is None else chip.samples + stream.length - start
    return Scope(
        chip, stream.name, length=length, layer=number - 1, shape=shape, listener=listener, held=held,
        stop=interrupts.came, waiting=interrupts.waiting, say=echo_error,
    )  # fmt: skip


def _tell(address: str, opening: bool | None) -> None:
    """Say where the page is, and open it unless that is not wanted or there is no display."""
    from neurosim.views.opening import open_in_browser

    opened = opening is not False and open_in_browser(address)
    hint = "" if opened else " (open it in a browser)"
    echo_error(f"The run is shown at {address}{hint}; Ctrl-C ends it.")


def _stay(scope: "Scope") -> None:
    from neurosim.online.stop import Stop

    with Interrupts(Stop) as interrupts:
        echo_error(f"The run has ended; the page stays at {scope.address} until Ctrl-C.")
        scope.stay(interrupts.waiting)
