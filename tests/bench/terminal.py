"""Run a program in a pseudo-terminal: press keys, watch what it paints, read its CPU time and memory."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path

MOVE = re.compile(rb"\x1b\[(\d+);(\d+)H")


class Terminal:
    """Runs a program in a new pseudo-terminal.

    Args:
        command: the program and its arguments.
        width, height: size of the terminal, in cells.
        needle: bytes that only a paint of the selected row contains.
    """

    def __init__(self, command: Sequence[str], width: int, height: int, needle: bytes = b"\0") -> None:
        self._needle = needle
        self.line = 0
        self._rest = b""
        self.pid, self._fd = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(command[0], command)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def watch(self, seconds: float, line: int | None = None) -> bool:
        """Read the output for some seconds; True as soon as the selected row is painted on `line`."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], left_s)[0]:
                break
            self._read(os.read(self._fd, 1 << 16))
            if line is not None and self.line == line:
                return True
        return False

    def watch_for(self, wanted: bytes, seconds: float) -> None:
        """Read the output until it contains these bytes, at most for some seconds."""
        until_s, output = time.monotonic() + seconds, b""
        while wanted not in output:
            if not select.select([self._fd], [], [], max(0, until_s - time.monotonic()))[0]:
                raise SystemExit(f"not drawn: {wanted!r}")
            output += os.read(self._fd, 1 << 16)

    def _read(self, output: bytes) -> None:
        """Update `line` to the line of the selected row; one painted line may come in two reads."""
        unread = self._rest + output
        hits = list(MOVE.finditer(unread))
        for hit, following in zip(hits, [*hits, None][1:], strict=True):
            if self._needle in unread[hit.end() : following.start() if following else len(unread)]:
                self.line = int(hit[1])
        self._rest = unread[hits[-1].start() :] if hits else b""

    def output(self, seconds: float) -> bytes:
        """Return what the program writes next; empty if that takes longer, or if it has ended."""
        try:
            return os.read(self._fd, 1 << 16) if select.select([self._fd], [], [], seconds)[0] else b""
        except OSError:  # nobody has the other side open any more
            return b""

    def ended(self) -> bool:
        """True if the program has ended."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    def press(self, keys: bytes) -> None:
        """Send keys to the program."""
        os.write(self._fd, keys)

    def cpu_ms(self) -> tuple[float, float]:
        """Return the CPU time so far, in ms: of the drawing thread, and of all threads."""
        tasks = Path(f"/proc/{self.pid}/task")
        spent = {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()}
        return spent[self.pid] / 1e6, sum(spent.values()) / 1e6

    def resident_mb(self) -> float:
        """Return the resident memory, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
