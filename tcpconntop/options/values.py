"""Parsers of the values of options: text in, number or list out, or a one-line ArgumentTypeError."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Callable, Mapping

from tcpconntop.core.limits import FILTER_LIST_MAX, MAX_DELAY_S, MIN_DELAY_S

SIZE_MIN = 1 << 16
"""Lower bound of `--rotate-size`, in bytes."""


def integers(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    """Return a parser of lists such as `80,443`, with values from `least` to `most`."""

    def parse(text: str) -> tuple[int, ...]:
        try:
            values = tuple(int(part) for part in text.split(","))
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number or a list such as 80,443") from None
        if not all(least <= value <= most for value in values):
            raise argparse.ArgumentTypeError(f"'{text}' is not from {least} to {most}")
        if len(values) > FILTER_LIST_MAX:
            raise argparse.ArgumentTypeError(
                f"more than {FILTER_LIST_MAX} values: use --filter, which takes any number"
            )
        return values

    return parse


def integer(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`, or without an upper bound."""
    bounds = f"from {least}" if most is None else f"from {least} to {most}"

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number {bounds}")
        return int(text)

    return parse


def delay(text: str) -> float:
    """Return seconds between two refreshes."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not MIN_DELAY_S <= value <= MAX_DELAY_S:
        raise argparse.ArgumentTypeError(f"'{text}' is not from {MIN_DELAY_S:g} to {MAX_DELAY_S:g} seconds")
    return value


def file(text: str) -> str:
    """Return the name of a file, which must not be empty."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a file must not be empty")
    return text


def networks(text: str) -> str:
    """Return a list of networks; not an empty one: with a variable that is not set it would be everything."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty: give a network such as 10.0.0.0/8")
    return text


def process_name(text: str) -> str:
    """Return the name of a process, which must not be empty."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a process must not be empty")
    return text


_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def _scaled(text: str, units: Mapping[str, int]) -> float:
    unit = text[-1:] if not text[-1:].isdigit() else ""
    try:
        value = float(text.removesuffix(unit)) * units[unit]
    except (ValueError, KeyError):
        return -1
    return value if value < 1e15 else -1  # neither NaN nor infinite


def duration(text: str) -> float:
    """Return a time such as `30s`, `5m` or `1h` in seconds."""
    value = _scaled(text, _SECONDS)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time such as 30s, 5m or 1h")
    return value


def files_or_time(text: str) -> int | float:
    """Return a number of files as a whole number, or a time such as `5m` as seconds with a fraction."""
    if text.isdecimal():
        return integer(1)(text)
    try:
        return duration(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither a whole number from 1 nor a time such as 5m"
        ) from None


def size(text: str) -> int:
    """Return a size such as `64M` in bytes."""
    value = _scaled(text, _BYTES)
    if not value >= SIZE_MIN:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size of at least 64k, such as 64M")
    return int(value)


def speed(text: str) -> float | None:
    """Return a speed such as `10`, or None for `max`."""
    if text == "max":
        return None
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is neither a number such as 10 nor max")
    return value


def address_and_port(text: str) -> tuple[str, int]:
    """Return address and port of `127.0.0.1:9742`, `[::1]:9742` or `:9742`, which is all addresses: empty."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = str(ipaddress.ip_address(host.strip("[]"))) if host else ""
    except ValueError:
        colon = ""
    if not colon or bracketed != (":" in host) or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not an address and a port, such as 127.0.0.1:9742, [::1]:9742 or :9742"
        )
    return address, int(port)
