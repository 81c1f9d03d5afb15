"""Ends that are no failures: Ctrl-C, a polite kill, a reader of stdout that went away."""

from __future__ import annotations

import signal
from collections.abc import Callable


def on_interrupt(stop: Callable[[], None]) -> Callable[[], bool]:
    """Have Ctrl-C (and a polite kill) finish what is begun; a reader that went away ends us silently.

    Returns:
        What tells whether it has happened.
    """
    happened: list[int] = []

    def handle(number: int, _frame: object) -> None:
        happened.append(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return lambda: bool(happened)
