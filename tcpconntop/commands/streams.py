"""Makes the standard streams safe: never missing, and a failed write is one line, not a traceback."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpconntop.core.errors import EXIT_FAILED, FatalError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def run_with_safe_streams(main: Callable[[], int]) -> int:
    """Call `main` and flush stdout; return its exit code, or 1 if stdout cannot be written.

    If the reader of stdout has gone, the process ends as SIGPIPE would end it. The signal itself stays
    ignored, because a closed socket would raise it too.
    """
    _open_missing_streams()
    sys.stdout = _with_checked_writes(sys.stdout)
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except FatalError as error:
        print(f"tcpconntop: {error}", file=sys.stderr)
        return error.exit_code


def _open_missing_streams() -> None:
    """Open /dev/null for closed streams: else the next file gets that number, and the output meant for it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is `number`
            os.set_inheritable(descriptor, True)
            stream = io.TextIOWrapper(
                io.FileIO(descriptor, "w" if number else "r", closefd=False), "utf-8", write_through=True
            )
            setattr(sys, name, stream)


def _with_checked_writes(stream: io.TextIOWrapper | object) -> io.TextIOWrapper:
    """Return a stream with the same descriptor whose failing writes raise FatalError."""
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - it was not replaced yet
    return io.TextIOWrapper(
        io.BufferedWriter(_CheckedFile(stream.fileno(), "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
    )


class _CheckedFile(io.FileIO):
    """A file whose first failing write raises `FatalError`."""

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write. After a failure, discard the data: the buffers above try again while the program ends."""
        if self._failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGPIPE)
            raise
        except OSError as error:
            self._failed = True
            raise FatalError(f"cannot write to stdout: {error.strerror}", EXIT_FAILED) from None
