"""How sources of messages are spelled, `ADDRESS?name=value&name=value`, and the packages that they need."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from neurosim.errors import ConfigError, StreamError
from neurosim.streams.sources import hidden

LARGEST_PORT = 65535


class Spelled(NamedTuple):
    """A source's address, and its options: each has the default, or what was given."""

    address: str
    options: dict[str, str]


def split_options(source: str, text: str, defaults: Mapping[str, str]) -> Spelled:
    """Return an address and its options from what follows a source's name and colon.

    Options follow the last question mark: `broker:9092/readings?from=end&partitions=0,1`.

    Parameters
    ----------
    source : str
        Its name, for messages: `kafka`.
    text : str
    defaults : mapping
        All options that the source has, with the values that they have if they are not given.

    Raises
    ------
    StreamError
        If an option is unknown or given twice, or has no value.
    """
    address, mark, query = text.rpartition("?")
    if not mark:
        return Spelled(text, dict(defaults))
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        pairs = []
    options = dict(pairs)
    if not pairs or len(options) < len(pairs) or not all(options.values()):
        names = ", ".join(piece.partition("=")[0] for piece in query.split("&"))  # no values: one may be secret
        raise StreamError(f"options of {source} must be ?NAME=VALUE&NAME=VALUE, once each, got {names}")
    for name in options:
        if name not in defaults:
            raise StreamError(f"options of {source} must be among {', '.join(defaults)}, got {name}")
    return Spelled(address, {**defaults, **options})


def choice(source: str, options: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """Return an option that is one of few words; raise StreamError if it is another."""
    if options[name] not in values:
        raise StreamError(f"{name} of {source} must be one of {', '.join(values)}, got {options[name]}")
    return options[name]


def host_and_port(source: str, text: str, port: int | None = None) -> tuple[str, int]:
    """Return a host and its port from `HOST:PORT`, of an address of IP version 6 `[HOST]:PORT`.

    Raises
    ------
    StreamError
        If there is no host, or a port that is none; or no port, where there is no usual one; or a user before the host.
    """
    host, colon, digits = text.rpartition(":")
    if not colon or digits.endswith("]"):
        host, digits = text, "" if port is None else str(port)
    whole = digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST_PORT))
    if not host.strip("[]") or not whole or not 0 < int(digits) <= LARGEST_PORT:
        rule = f"HOST:PORT, with a port from 1 to {LARGEST_PORT}"
        raise StreamError(f"address of {source} must be {rule}, got {hidden(text)!r}")
    check_host(source, host)
    return host.strip("[]"), int(digits)


def check_host(source: str, host: str) -> None:
    """Raise StreamError for what no host can be: a name with a part that is empty or too long, or a user before it."""
    if "@" in host:
        advice = "a user and a password are given in another way, or not at all"
        raise StreamError(f"address of {source} must begin with the host, got {hidden(host)}: {advice}")
    try:
        host.encode("idna")  # as it is looked for, which would raise no OSError
    except UnicodeError as error:
        raise StreamError(f"address of {source} must have the name of a host, got {host!r}: {error}") from None


def package(source: str, module: str, extra: str) -> Any:
    """Return a module of a package that only this source needs; raise ConfigError if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        advice = f"pip install 'neurosim-chip[{extra}]'"
        raise ConfigError(name, f"installed for a source {source}:", f"none ({error})", advice) from None
