"""Writes a recording to stdout, for a reader that may be slow, or go away."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import size
from tcpconntop.recording.frames import file_prefix

MAX_WAITING_BYTES = 16 << 20
"""How much waits for a slow reader: a minute of 20,000 connects a second."""

POLL_S = 0.1
"""How often a wait looks at whether the program is to end."""

LAST_WAIT_S = 1.0
"""How long a reader that takes nothing may hold up the end after a signal."""


class ReaderGoneError(FatalError):
    """Nobody reads stdout any more."""


class StreamOutput:
    """Appends to stdout, in a thread of its own: a reader that is slow for a while holds up nothing.

    Once `MAX_WAITING_BYTES` wait, `append` waits too, and says so. Then nothing is read from the kernel's
    buffer; what does not fit into it is counted as lost there, and the next ledger in the stream has it.

    Args:
        say: called with a line for the user: tracing waits for the reader, or goes on.
        is_ending: returns True after a signal that ends the program: then nothing waits for long.
        descriptor: where to write.

    Attributes:
        total_bytes: bytes that were appended so far.
    """

    file_number = 1
    """A stream is one file."""

    rotation_name = ""
    """A stream has no rotation."""

    heartbeat = True
    """A block a second, also while nothing happens: the reader sees that the stream goes on."""

    def __init__(
        self, say: Callable[[str], object], is_ending: Callable[[], bool] = lambda: False, descriptor: int = 1
    ) -> None:
        self._say, self._is_ending, self._descriptor = say, is_ending, descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._failure: FatalError | None = None
        self._closed = False
        self.total_bytes = 0
        self._end = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._write_all, name="stream", daemon=True)
        self._thread.start()
        self.append(file_prefix())

    def has_room(self, _n_bytes: int) -> bool:
        """Return True: a stream has no bound."""
        return True

    def start_next_file(self) -> None:
        """Do nothing: a stream is one file."""

    def append(self, data: bytes) -> None:
        """Write soon; wait while too much waits already.

        Raises:
            FatalError: stdout cannot be written; `ReaderGoneError` if its reader has gone.
        """
        with self._changed:
            if self._waiting and self._waiting_bytes + len(data) > MAX_WAITING_BYTES:
                self._wait_for_reader(len(data))
            if self._failure is not None:
                raise self._failure
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self.total_bytes += len(data)
            self._changed.notify_all()

    def _wait_for_reader(self, n_bytes: int) -> None:
        """Wait until there is room again, and say so."""
        waiting = size(self._waiting_bytes)
        self._say(f"stdout is read too slowly: {waiting} wait, and tracing waits too: connects may be lost")
        if self._wait(lambda: not self._waiting or self._waiting_bytes + n_bytes <= MAX_WAITING_BYTES):
            self._say("stdout is read again, and tracing goes on")

    def _wait(self, is_done: Callable[[], bool]) -> bool:
        """Wait until something is done; return False if it fails. After a signal, do not wait for long."""
        left_s = LAST_WAIT_S
        while not is_done() and self._failure is None:
            left_s -= POLL_S * self._is_ending()
            if left_s < 0:
                self._failure = FatalError("stdout takes nothing: the recording has no end")
            self._changed.wait(POLL_S)
        return self._failure is None

    def close(self) -> None:
        """Wait until the reader has taken everything, and end the thread. Idempotent."""
        with self._changed:
            if self._closed:
                return
            if not self._wait_shortly():
                self._say(f"waiting for the reader of stdout: {size(self._waiting_bytes)} wait for it")
                self._wait(lambda: not self._waiting)
            self._closed = True
            self._changed.notify_all()
        os.eventfd_write(self._end, 1)
        self._thread.join(LAST_WAIT_S)
        if not self._thread.is_alive():
            os.close(self._end)
        if self._failure is not None:
            raise self._failure

    def _wait_shortly(self) -> bool:
        """Return True if everything is written within a moment, or cannot be."""
        return self._changed.wait_for(lambda: not self._waiting or self._failure is not None, LAST_WAIT_S)

    # In the thread

    def _write_all(self) -> None:
        while (data := self._next()) is not None:
            failure = self._write(data)
            with self._changed:
                self._failure = self._failure or failure
                self._waiting.popleft()
                self._waiting_bytes -= len(data)
                self._changed.notify_all()
                if self._failure is not None:
                    return

    def _next(self) -> bytes | None:
        """Return what to write next, which stays in `_waiting`; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed or self._failure)
            return self._waiting[0] if self._waiting and self._failure is None else None

    def _write(self, data: bytes) -> FatalError | None:
        """Write, however long the reader takes; return why it failed."""
        rest = memoryview(data)
        try:
            while rest:
                if self._is_file:
                    rest = rest[os.write(self._descriptor, rest) :]
                elif not self._wait_for_room():
                    return FatalError("stdout takes nothing: the recording has no end")
                else:
                    rest = rest[self._write_some(rest) :]
        except BrokenPipeError:
            return ReaderGoneError("nobody reads stdout any more")
        except OSError as error:
            return FatalError(f"cannot write to stdout: {error.strerror}")
        return None

    def _wait_for_room(self) -> bool:
        """Wait until stdout takes data; return False if the program ends first."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.register(self._end, select.POLLIN)
        return any(descriptor == self._descriptor for descriptor, _ in poll.poll())

    def _write_some(self, data: memoryview) -> int:
        """Write as much as a pipe takes at once when it takes anything; return how much it was."""
        try:
            return os.write(self._descriptor, data[: select.PIPE_BUF])
        except BlockingIOError:  # whoever shares this pipe made it so
            return 0
