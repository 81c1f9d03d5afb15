"""A pseudo-terminal with a program of ours in it, alone or as a job of a shell."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

DEADLINE_S = 60.0
TCPCONNTOP = (sys.executable, "-m", "tcpconntop")
RECORDING = str(Path(__file__).parents[1] / "tcpconntop" / "demo" / "loopback.rec")
REPLAY = (*TCPCONNTOP, "replay", RECORDING, "-w", "1m")
MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
CONTROL = re.compile(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>])")
CURSOR, ALTERNATE_SCREEN = 25, 1049
PROMPT = "ready> "
CONTROLLING = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """The terminal, from the outside.

    Attributes:
        process: the program that was started in it.
        raw: all that was written to it.
    """

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master = process, master
        self.raw = b""
        self._seen = 0
        self.attributes_before = self.attributes()

    def press(self, keys: str) -> None:
        """Send keys; `until` looks at what comes after them."""
        self.press_bytes(keys.encode())

    def press_bytes(self, keys: bytes) -> None:
        """Send bytes as a terminal of another encoding does."""
        while self._read(0):
            pass
        self._seen = len(self.raw)
        os.write(self._master, keys)

    def until(self, wanted: str) -> None:
        """Read until this text has been drawn since the last key."""
        self._until(lambda: wanted in self.text(), wanted)

    def until_raw(self, wanted: bytes) -> None:
        """Read until these bytes have been written since the last key."""
        self._until(lambda: wanted in self.raw[self._seen :], str(wanted))

    def until_mode(self, number: int) -> None:
        """Read until this private mode is set."""
        self._until(lambda: self.mode(number), f"mode {number}")

    def until_state(self, wanted: str, process: int) -> None:
        """Read until a process is in a state (`T`: stopped), as /proc names it; `gone` without one."""
        self._until(lambda: state(process) == wanted, f"{process}: {wanted}")

    def _until(self, true: Callable[[], bool], wanted: str) -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        while not true():
            assert time.monotonic() < deadline_s, f"{wanted!r} never came: {self.text()[-2000:]!r}"
            assert self._read(0.1), f"the terminal was closed without {wanted!r}: {self.text()[-2000:]!r}"

    def text(self) -> str:
        """Return the text drawn since the last key, without escape sequences."""
        return CONTROL.sub("", self.raw[self._seen :].decode("utf-8", "replace"))

    def end(self) -> int:
        """Read until the program ends; return its exit code."""
        deadline_s = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline_s, self.text()[-2000:]
            self._read(0.1)
        while self._read(0):
            pass
        return self.process.returncode

    def mode(self, number: int) -> bool:
        """True if the private mode (DECSET) was set last, False if it was reset or never set."""
        states = {int(hit[1]): hit[2] == b"h" for hit in MODE.finditer(self.raw)}
        return states.get(number, False)

    def modes(self) -> set[int]:
        """Return the private modes that are set, in comparison with a new terminal."""
        states = {int(hit[1]): hit[2] == b"h" for hit in MODE.finditer(self.raw)}
        on_at_first = {7, CURSOR}  # line wrap
        return {number for number, on in states.items() if on != (number in on_at_first)}

    def attributes(self) -> list[object]:
        """Return the terminal's attributes (termios), such as echo."""
        return list(termios.tcgetattr(self._master))

    def fill(self) -> None:
        """Read nothing any more, and wait until there is no room for more output."""
        full = 0
        while full < 3:  # three looks in a row without progress
            before = _written(self.process.pid)
            time.sleep(0.5)
            full = full + 1 if _written(self.process.pid) == before else 0

    def hang_up(self) -> None:
        """Close the terminal, as a broken connection does."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End what runs in it."""
        self.process.kill()
        self.process.wait()
        if self._master >= 0:
            self.hang_up()

    def _read(self, timeout_s: float) -> bool:
        """Read what there is; False if there is nothing left, or the terminal was closed."""
        if not select.select([self._master], [], [], timeout_s)[0]:
            return timeout_s > 0
        try:
            self.raw += os.read(self._master, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        return True


@contextmanager
def on_terminal(command: Sequence[str], **environment: str) -> Iterator[Terminal]:
    """Run a command in a new session, in a pseudo-terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLING, *command], stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    terminal = Terminal(process, master)
    os.close(slave)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def in_a_shell(**environment: str) -> Iterator[Terminal]:
    """Run a shell with job control."""
    with on_terminal(["bash", "--norc", "--noprofile", "-i"], PS1=PROMPT, **environment) as terminal:
        terminal.until(PROMPT)
        yield terminal


def state(process: int) -> str:
    """Return the state of a process, as /proc names it; `gone` without one."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def _written(process: int) -> int:
    """Return how many bytes a process has written."""
    lines = Path(f"/proc/{process}/io").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("wchar:")).split()[1])


def threads(process: int) -> int:
    """Return how many threads a process has."""
    return len(list(Path(f"/proc/{process}/task").iterdir()))


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]
