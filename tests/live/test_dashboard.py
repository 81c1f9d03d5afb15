"""The dashboard end to end: in a terminal, with connects of this process."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import way
import workload

pytestmark = pytest.mark.compiles

CONTROL = re.compile(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>])")


class Terminal:
    """A dashboard in a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master = process, master
        self._raw = b""

    def press(self, keys: str) -> None:
        """Send keys; `text` starts again from here."""
        os.write(self._master, keys.encode())
        self._raw = b""

    def until(self, wanted: str) -> None:
        """Read until this text has been drawn since the last key."""
        deadline_s = time.monotonic() + way.DEADLINE_S
        while wanted not in self.text():
            assert time.monotonic() < deadline_s, f"{wanted!r} never came: {self.text()[-2000:]}"
            self._read(0.2)

    def end(self) -> int:
        """Read until the dashboard ends; return its exit code."""
        deadline_s = time.monotonic() + way.DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline_s
            self._read(0.1)
        self._read(0.1)
        return self.process.returncode

    def text(self) -> str:
        """Return the text drawn since the last key, without escape sequences."""
        return CONTROL.sub("", self._raw.decode("utf-8", "replace"))

    def _read(self, timeout_s: float) -> None:
        if select.select([self._master], [], [], timeout_s)[0]:
            self._raw += os.read(self._master, 1 << 16)


@contextmanager
def dashboard(*arguments: str, **environment: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "tcpconntop", *arguments, *way.OPTIONS],
        stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def test_one_pid_opens_its_screen_and_choices_are_remembered(tmp_path: Path) -> None:
    """GIVEN -p with one PID WHEN it connects THEN its screen shows it; esc leads to the table."""
    here = {"XDG_STATE_HOME": str(tmp_path)}
    with workload.listener() as listener, dashboard("-p", str(os.getpid()), "-d", "0.2", **here) as terminal:
        terminal.until("has made no connect")
        assert f"pid {os.getpid()}" in terminal.text()
        terminal.until(Path("/proc/self/cmdline").read_text().split("\0")[0])
        workload.connect(listener, 23)
        terminal.until(str(workload.port_of(listener)))
        terminal.press("\x1b")
        terminal.until("in flight")  # the header of the table screen
        terminal.press("w")
        terminal.until("5m")
        terminal.press("q")
        assert terminal.end() == 0
    file = tmp_path / "tcpconntop" / "dashboard.json"
    assert file.stat().st_mode & 0o777 == 0o600
    remembered = json.loads(file.read_text())
    assert (remembered["window"], remembered["delay"]) == ("5m", None)  # -d is for this run only
    with dashboard(**here) as terminal:
        terminal.until("5m")
        terminal.press("q")
        assert terminal.end() == 0


def test_the_dashboard_works_without_a_usable_state_file(tmp_path: Path) -> None:
    """GIVEN a broken or unwritable state file WHEN the dashboard runs THEN it reports that and works."""
    folder = tmp_path / "tcpconntop"
    folder.mkdir()
    (folder / "dashboard.json").write_text("{")
    with dashboard(XDG_STATE_HOME=str(tmp_path)) as terminal:
        terminal.until("cannot use what was remembered")
        terminal.press("q")
        assert terminal.end() == 0
    with dashboard(XDG_STATE_HOME="/proc/self") as terminal:
        terminal.until("live")
        terminal.press("q")
        assert terminal.end() == 0
        assert "cannot remember your choices: /proc/self/tcpconntop: " in terminal.text()


def test_a_settings_file_is_applied_and_its_errors_are_one_line(tmp_path: Path) -> None:
    """GIVEN a settings file WHEN it is valid THEN it is applied, and WHEN not THEN the exit code is 2."""
    file = tmp_path / "x.toml"
    file.write_text('window = "15m"\n[keys]\nquit = ["z"]\n')
    with dashboard("--config", str(file)) as terminal:
        terminal.until("15m")
        terminal.press("z")
        assert terminal.end() == 0
    for text, complaint in (
        ("theme = 'none'", "theme: no theme is called that; there are: "),
        ("[keys]\nfilter = ['q']", "keys.filter: the key q already belongs to quit"),
    ):
        file.write_text(text)
        with dashboard("--config", str(file)) as terminal:
            assert terminal.end() == 2
            assert terminal.text().startswith(f"tcpconntop: {file}: {complaint}")
