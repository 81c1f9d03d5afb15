"""The ways to the hosts of a fleet: a child process such as ssh, or a file or pipe."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from tcpconntop.kernel.children import start_user_program
from tcpconntop.kernel.user_files import open_to_read

MAX_STDERR = 4096
"""How much of what a child says is kept: its end."""

END_S = 1.0
"""How long a child that was asked to end may take."""


class FileWay:
    """A recording, or a pipe."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = open_to_read(path)

    def why(self) -> str:
        """Return nothing: a file does not speak."""
        return ""

    def close(self) -> None:
        """Do nothing: who reads the file closes it."""


class ProgramWay:
    """A child process whose stdout is the stream.

    Args:
        command: the program and its arguments; no shell reads them.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = start_user_program(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.file = cast(BinaryIO, self._process.stdout)
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="stderr", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        stderr = cast(BinaryIO, self._process.stderr)
        with stderr, suppress(OSError):
            while data := os.read(stderr.fileno(), MAX_STDERR):
                self._said = (self._said + data)[-MAX_STDERR:]

    def why(self) -> str:
        """Return the last line that it said on stderr, if it failed; else nothing."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self._listener.join(END_S)
        if self._process.returncode in (0, None):
            return ""
        lines = [line for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def close(self) -> None:
        """End the child; `file` is closed by who reads it. Idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
