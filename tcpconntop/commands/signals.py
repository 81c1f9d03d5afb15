"""Ctrl-C and SIGTERM as normal ends."""

from __future__ import annotations

import signal
from collections.abc import Callable


def on_interrupt(stop: Callable[[], None]) -> Callable[[], bool]:
    """Call `stop` at Ctrl-C or SIGTERM instead of ending the process.

    Returns:
        A function that returns True if one of these signals came.
    """
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        received.append(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return lambda: bool(received)
