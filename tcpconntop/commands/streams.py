"""Makes the standard streams safe: never missing, and a failed write is one line, not a traceback."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpconntop.core.errors import EXIT_FAILED, FatalError
from tcpconntop.core.format import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def run_with_safe_streams(main: Callable[[], int]) -> int:
    """Call `main` and flush stdout; return its exit code, or 1 if stdout cannot be written.

    If the reader of stdout has gone, the process ends as SIGPIPE would end it. The signal itself stays
    ignored, because a closed socket would raise it too.
    """
    _open_missing_streams()
    sys.stdout = _same_stream(sys.stdout, _CheckedFile)
    sys.stderr = _same_stream(sys.stderr, _DiscardingFile)
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except FatalError as error:
        report(str(error))
        return error.exit_code


def report(message: str) -> None:
    """Print a line on stderr, after the name of this program. Names of files and the like may be in it."""
    print(f"tcpconntop: {printable(message)}", file=sys.stderr, flush=True)


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


def _same_stream(stream: io.TextIOWrapper | object, kind: type[io.FileIO]) -> io.TextIOWrapper:
    """Return a stream with the same descriptor that writes to a file of another class."""
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - it was not replaced yet
    return io.TextIOWrapper(
        io.BufferedWriter(kind(stream.fileno(), "w", closefd=False)),
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


class _DiscardingFile(io.FileIO):
    """A file whose failing writes do nothing: where stderr cannot be written, the exit code still tells."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes
