"""The driver of the terminal: Textual's, which also suspends, continues, and notices its end.

Textual's own reads a terminal that has gone for ever, with a whole core; starts two more input threads at
every SIGCONT; and waits for ever for a terminal that takes no output.
"""

from __future__ import annotations

import contextlib
import contextvars
import errno
import os
import select
import signal
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tcpconntop.tui.keyboard import open_keyboard
from tcpconntop.tui.messages import TerminalGone
from tcpconntop.tui.terminal_title import TerminalTitle, has_title

if TYPE_CHECKING:
    from textual.app import App

INPUT_POLL_S = 0.1
"""How long input may be incomplete, such as an escape that begins a key; how often output is tried again."""

LAST_WAIT_S = 1.0
"""How long a terminal that takes no output may hold up the exit."""


class TerminalDriver(LinuxDriver):
    """Draws UTF-8 on the terminal and reads its keys.

    SIGTSTP gives the terminal back and stops the process; SIGCONT takes it again, and draws anew. Both are
    handled between two tasks of the event loop: a signal may come while the output is locked.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        self.may_suspend = signal.getsignal(signal.SIGTSTP) != signal.SIG_IGN
        super().__init__(app, **options)
        if not self.input_tty:  # stdin brings a recording
            self.fileno, self.input_tty = open_keyboard(), True
        self._output = TerminalOutput(2, self._report_gone)
        self._file = cast("Any", self._output)
        self._context = contextvars.copy_context()  # a signal comes in any
        self._drawing = self._stopping = self._ending = False
        self._title = TerminalTitle()
        self._end_input = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        signal.signal(signal.SIGTSTP, self._on_stop if self.may_suspend else signal.SIG_IGN)
        signal.signal(signal.SIGCONT, self._on_continue)

    # Start and end

    def start_application_mode(self) -> None:
        """Take the terminal."""
        with contextlib.suppress(BlockingIOError):  # the last input thread has ended
            os.eventfd_read(self._end_input)
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._drawing = True
        self.write(self._title.show())

    def disable_input(self) -> None:
        """End the input thread."""
        if self._drawing:
            os.eventfd_write(self._end_input, 1)
            super().disable_input()

    def stop_application_mode(self) -> None:
        """Restore the terminal, as it was. Nothing if that is done: it may be the shell's by now."""
        if self._drawing:
            self.write(self._title.restore())
            super().stop_application_mode()
            self._drawing = False

    def end_soon(self) -> None:
        """Prepare to end: do not wait long for a terminal that takes no output, nor for the foreground.

        For signal handlers, in the main thread.
        """
        self._ending = True
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        self._output.hurry()

    # Suspend and continue

    def _on_stop(self, *_: object) -> None:
        if self._stopping:
            return
        self._stopping = True
        try:
            self._loop.call_soon_threadsafe(self._suspend, context=self._context)
        except RuntimeError:  # the loop is closed, and the terminal is given back
            _stop_process()

    def _on_continue(self, *_: object) -> None:
        if not self._stopping:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._take_again, context=self._context)

    def _suspend(self) -> None:
        """Restore the terminal and stop, as any program does; continue here."""
        drawing = self._drawing
        if drawing:
            self.suspend_application_mode()
        _stop_process()
        signal.signal(signal.SIGTSTP, self._on_stop)
        self._stopping = False
        if drawing:
            self._resume()

    def _take_again(self) -> None:
        """Continue after a SIGSTOP, before which the terminal could not be given back."""
        if self._drawing and self._wait_for_foreground():
            self.suspend_application_mode()
            self._resume()

    def _resume(self) -> None:
        if self._wait_for_foreground():
            self._must_signal_resume = True
            self.resume_application_mode()
            self._app.refresh(layout=True)

    def _wait_for_foreground(self) -> bool:
        """Stop again while the shell has this process in the background (`bg`).

        Changing a terminal from the background stops the process (SIGTTOU), until it is continued in the
        foreground.

        Returns:
            False if the program is to end, or the terminal has gone.
        """
        while not self._ending:
            try:
                termios.tcsetattr(self.fileno, termios.TCSANOW, termios.tcgetattr(self.fileno))
            except termios.error as error:  # noqa: PERF203 - seldom more than one round
                if error.args[0] != errno.EINTR:
                    self._report_gone()
                    return False
            else:
                return True
        return False

    # Output

    def set_title(self, title: str) -> None:
        """Have the terminal show a title of ours; an empty one is the title before. The end restores that."""
        if title != self._title.text and has_title():
            self._title.text = title
            self.write(self._title.show())

    def write(self, data: str) -> None:
        """Write to the terminal; nothing while it is the shell's."""
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().write(data)

    # Input

    def run_input_thread(self) -> None:
        """Pass on what is typed, until `exit_event` is set or the terminal has gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._end_input, select.POLLIN)
        timeout_ms: float | None = None
        while not self.exit_event.is_set():
            ready = [fd for fd, _ in poll.poll(timeout_ms)]
            # After input, look once more: it may have been incomplete.
            timeout_ms = 1e3 * INPUT_POLL_S if ready else None
            if self.fileno in ready:
                typed = self._read()
                if not typed:
                    self._report_gone()
                    return
                for event in parser.feed(decode(typed)):
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)

    def _read(self) -> bytes:
        """Return what was typed; nothing if the terminal has gone."""
        try:
            return os.read(self.fileno, 1 << 12)
        except OSError:
            return b""

    def _report_gone(self) -> None:
        self._app.post_message(TerminalGone())


def _stop_process() -> None:
    """Stop this process until it is continued.

    Not with SIGSTOP: the kernel ignores SIGTSTP where there is no shell that could continue the process.
    """
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)


class TerminalOutput:
    """The file that Textual's output thread writes to: a write neither fails nor blocks for ever.

    Args:
        number: descriptor of the terminal.
        gone: called once, in the output thread, when the terminal has gone.
    """

    def __init__(self, number: int, gone: Callable[[], object]) -> None:
        self._gone_callback, self._gone = gone, False
        self._number = number
        self._until_s: float | None = None
        # A description of our own, because others that share this one may not expect a non-blocking terminal.
        with contextlib.suppress(OSError):
            self._number = os.open(
                os.ttyname(number), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            )

    def hurry(self) -> None:
        """Wait no longer than `LAST_WAIT_S` altogether, from now on."""
        if self._until_s is None:
            self._until_s = time.monotonic() + LAST_WAIT_S

    def write(self, text: str) -> None:
        """Write, unless the terminal has gone."""
        data = text.encode("utf-8", "replace")
        while data and not self._gone:
            try:
                data = data[os.write(self._number, data) :]
            except BlockingIOError:  # noqa: PERF203 - each write may fail
                self._wait()
            except OSError:
                self._gone = True
                self._gone_callback()

    def flush(self) -> None:
        """Do nothing: nothing is kept."""

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Return True."""
        return True

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._number, select.POLLOUT)
        if not poll.poll(1e3 * INPUT_POLL_S) and self._until_s is not None:
            self._gone = time.monotonic() >= self._until_s
