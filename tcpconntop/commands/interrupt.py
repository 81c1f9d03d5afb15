"""Ends that are no failures: Ctrl-C, a polite kill."""

from __future__ import annotations

import signal
from collections.abc import Callable


def on_interrupt(stop: Callable[[], None]) -> Callable[[], bool]:
    """Have Ctrl-C (and a polite kill) finish what is begun.

    Returns:
        What tells whether it has happened.
    """
    happened: list[int] = []

    def handle(number: int, _frame: object) -> None:
        happened.append(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return lambda: bool(happened)
