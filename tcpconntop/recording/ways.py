"""The ways to the hosts of a fleet: a program such as ssh, or a file or pipe."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tcpconntop.kernel.starter import END_S, StartedProgram
from tcpconntop.kernel.user_files import open_to_read

_BEGAN = re.compile(r"tracing: \w+/\w+$")
"""What a tracer says once it traces."""

MAX_STDERR = 4096
"""How much of what a program says is kept: its end."""


class FileWay:
    """A pipe, named or not."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = open_to_read(path, or_fifo=True)

    def why(self) -> str:
        """Return nothing: a file does not speak."""
        return ""

    def close(self) -> None:
        """Do nothing: who reads the file closes it."""


class ProgramWay:
    """A program whose stdout is the stream.

    Args:
        start: starts it (`Starter.start`).

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, start: Callable[[], StartedProgram]) -> None:
        self._program = start()
        self.file = self._program.stdout
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="stderr", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        with self._program.stderr as stderr, suppress(OSError):
            while data := os.read(stderr.fileno(), MAX_STDERR):
                self._said = (self._said + data)[-MAX_STDERR:]

    def why(self) -> str:
        """Return the last line that it said on stderr, if it failed; else nothing.

        What it said until tracing began is no reason for an end that came later.
        """
        code = self._program.wait(END_S)
        self._listener.join(END_S)
        if code in (0, None):
            return ""
        lines = [line for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
        last = lines[-1] if lines else ""
        return f"it ended without saying why (exit code {code})" if not last or _BEGAN.match(last) else last

    def close(self) -> None:
        """End the program; `file` is closed by who reads it. Idempotent."""
        self._program.end()
