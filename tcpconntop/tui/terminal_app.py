"""What every app needs on a terminal: to end at a signal or when the terminal has gone, and to suspend."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from textual import on
from textual.app import App
from textual.scrollbar import ScrollBar

from tcpconntop.tui.driver import TerminalDriver
from tcpconntop.tui.messages import TerminalGone
from tcpconntop.tui.text.scroll_bar import LineScrollBar


class TerminalApp(App[str]):
    """Base class for an app on a terminal. A subclass says how it ends: `leave`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(driver_class=TerminalDriver, **options)
        self._interrupted = False
        ScrollBar.renderer = LineScrollBar

    def leave(self, code: int, message: str | None = None) -> None:
        """End with an exit code, and perhaps one line that says what went wrong."""
        self.exit(message, return_code=code)

    def interrupt(self) -> None:
        """Make the app end soon. For signal handlers, in the main thread, at any stage."""
        self._interrupted = True
        if isinstance(self._driver, TerminalDriver):
            self._driver.end_soon()
        if self._loop is not None:
            with suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self.leave, 0)

    def on_mount(self) -> None:
        """End at once if a signal came before the loop ran."""
        if self._interrupted:
            self.leave(0)

    @on(TerminalGone)
    def _terminal_gone(self) -> None:
        self.leave(128 + signal.SIGHUP)

    def action_suspend_process(self) -> None:
        """Suspend all processes of this job, such as sudo and make too."""
        if isinstance(self._driver, TerminalDriver) and self._driver.may_suspend:
            os.killpg(0, signal.SIGTSTP)
        else:
            self.notify("not suspended: nothing here could continue it", markup=False)
