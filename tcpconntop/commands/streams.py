"""The standard streams: never missing, able to write any text, and a failed write is no traceback."""

from __future__ import annotations

import io
import os
import select
import signal
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from tcpconntop.commands.signals import Interrupted, end_by_signal, ignore_more, interrupted
from tcpconntop.commands.transliterate import TRANSLITERATE
from tcpconntop.core.errors import EXIT_FAILED, FatalError
from tcpconntop.core.format import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CHECK_S, _LAST_WAIT_S = 0.2, 1.0


def run_with_safe_streams(main: Callable[[], int]) -> int:
    """Call `main` and flush stdout; return its exit code, or 1 if stdout cannot be written.

    If the reader of stdout has gone, the process ends as SIGPIPE would end it, once `main` has been left: a
    recording gets its end. The signal itself stays ignored, because a closed socket would raise it too.
    """
    _open_missing_streams()
    sys.stdout = _for_people(_CheckedFile(1, "w", closefd=False), sys.stdout)
    sys.stderr = _for_people(_QuietFile(2, "w", closefd=False), sys.stderr)
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except FatalError as error:
        report(str(error))
        return error.exit_code
    except Interrupted as signalled:
        return signalled.exit_code
    except NoReader:
        end_by_signal(signal.SIGPIPE)
        raise
    finally:
        ignore_more()


def data_stdout() -> TextIO:
    """Return stdout for JSON, CSV and other data: UTF-8, whatever the locale.

    Bytes of a name that are no UTF-8 are written as an escape.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return sys.stdout


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


def _for_people(file: io.FileIO, stream: io.TextIOWrapper | object) -> io.TextIOWrapper:
    """Return a text stream on `file` with the encoding and buffering of `stream`.

    Signs that the encoding lacks are transliterated.
    """
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - it was not replaced yet
    return io.TextIOWrapper(
        io.BufferedWriter(file), stream.encoding, TRANSLITERATE, line_buffering=stream.line_buffering
    )


class NoReader(BaseException):
    """Nobody reads stdout any more: the process is to end as SIGPIPE would end it."""


class _CheckedFile(io.FileIO):
    """A file whose first failing write raises `FatalError`.

    A signal ends the wait for a reader that does not read: `Interrupted` is raised.
    """

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write. After a failure, discard the data: the buffers above try again while the program ends."""
        if self._failed:
            return memoryview(data).nbytes
        try:
            if stat.S_ISREG(os.fstat(self.fileno()).st_mode):
                return super().write(data)
            self._wait()
            # As much as a pipe takes at once when it takes anything.
            return super().write(memoryview(data).cast("B")[: select.PIPE_BUF])
        except BrokenPipeError:
            self._failed = True
            raise NoReader from None
        except OSError as error:
            self._failed = True
            raise FatalError(f"cannot write to stdout: {error.strerror}", EXIT_FAILED) from None

    def _wait(self) -> None:
        """Wait until the file takes data; after a signal, not for long."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        while not poll.poll(1e3 * (_LAST_WAIT_S if interrupted() else _CHECK_S)):
            if interrupted() and not poll.poll(1e3 * _LAST_WAIT_S):
                self._failed = True
                raise Interrupted(interrupted.exit_code - 128)


class _QuietFile(io.FileIO):
    """A file that discards what cannot be written, such as to a terminal that has gone."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written; report all of it as written."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes
