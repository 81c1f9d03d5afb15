"""The values of options: text in, a number or a list out, or one line that says what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable

LIST_MAX = 16
"""Bound of the lists that the kernel side filters by (`FILTER_LIST_MAX` of bpf/event.h)."""


def numbers(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    """Take a list such as `80,443`."""

    def parse(text: str) -> tuple[int, ...]:
        try:
            values = tuple(int(part) for part in text.split(","))
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number or a list such as 80,443") from None
        if not all(least <= value <= most for value in values):
            raise argparse.ArgumentTypeError(f"'{text}' is not within {least} to {most}")
        if len(values) > LIST_MAX:
            raise argparse.ArgumentTypeError(f"at most {LIST_MAX} can be given; --filter takes any number")
        return values

    return parse


def whole(least: int) -> Callable[[str], int]:
    """Take a whole number from `least`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least}")
        return int(text)

    return parse


def delay(text: str) -> float:
    """Take seconds between two refreshes."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"'{text}' is not within 0.1 and 3600 seconds")
    return value
