"""The standard streams: always there, and a write that fails is one line, or a silent end."""

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
    """Run a program; the answer is its exit code, or that of what went wrong with its last words.

    A reader of stdout that went away ends it as SIGPIPE does. The signal itself stays off: it would end us
    at sockets as well.
    """
    _open_missing()
    sys.stdout = _of(sys.stdout)
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except FatalError as error:
        print(f"tcpconntop: {error}", file=sys.stderr)
        return error.exit_code


def _open_missing() -> None:
    """Open what was closed before we began: the next file would get its number, and what was meant for it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            os.set_inheritable(descriptor, True)
            stream = io.TextIOWrapper(
                io.FileIO(descriptor, "w" if number else "r", closefd=False), "utf-8", write_through=True
            )
            setattr(sys, name, stream)


def _of(stream: io.TextIOWrapper | object) -> io.TextIOWrapper:
    """Give the same stream, with writes that tell what went wrong."""
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - nobody has replaced it yet
    return io.TextIOWrapper(
        io.BufferedWriter(_Checked(stream.fileno(), "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
    )


class _Checked(io.FileIO):
    """A file whose failing writes are a `FatalError`, once."""

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write; after a failure, to nowhere: the buffers above try again while the program ends."""
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
