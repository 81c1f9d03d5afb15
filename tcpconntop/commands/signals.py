"""The signals that end the program: Ctrl-C, SIGTERM, SIGHUP and SIGQUIT are normal ends.

Until a command calls `on_interrupt`, they raise `Interrupted`, so that every `with` on the way out is left.
Whatever the stage, the exit code is 128 + the number of the first signal.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Interrupted(KeyboardInterrupt):
    """A signal asks the program to end.

    Attributes:
        exit_code: 128 + the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Interruption:
    """Whether one of the signals came, and which one was the first.

    Attributes:
        exit_code: 128 + the number of the first signal; 0 if none came.
    """

    exit_code = 0

    def __call__(self) -> bool:
        """True if one of the signals came."""
        return self.exit_code != 0


interrupted = Interruption()
"""Signals belong to the process: there is one of these."""


def raise_interrupted() -> None:
    """Make the first of the signals raise `Interrupted` in the main thread; ignore the later ones."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if not interrupted():
            interrupted.exit_code = 128 + number
            raise Interrupted(number)

    _handle_all(handle)


def on_interrupt(stop: Callable[[], None]) -> Interruption:
    """Call `stop` at each of the signals instead of ending the process; return whether one came."""

    def handle(number: int, _frame: FrameType | None) -> None:
        interrupted.exit_code = interrupted.exit_code or 128 + number
        stop()

    _handle_all(handle)
    if interrupted():  # an exception is lost where Python cannot raise it, such as in a destructor
        stop()
    return interrupted


def ignore_more() -> None:
    """Ignore further signals if one came: Python takes handlers away before the process has ended."""
    if interrupted():
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _handle_all(handle: Callable[[int, FrameType | None], None]) -> None:
    """Install a handler, except for signals that the caller of the program had ignored (`nohup`).

    SIGINT is handled in any case: a shell script starts its background jobs with SIGINT ignored, and
    `kill -INT` is how such a recording has always been ended.
    """
    for number in ENDING_SIGNALS:
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)


def end_by_signal(number: int) -> None:
    """End this process by a signal's default action."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
