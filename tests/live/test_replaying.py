"""The dashboard plays recordings on a terminal, without privileges."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
from command import DEADLINE_S, TCPCONNTOP, UNPRIVILEGED, Known, tcpconntop

pytestmark = pytest.mark.compiles


def on_a_terminal(*arguments: str, until: bytes) -> tuple[int, bytes]:
    """Run without privileges in a pseudo-terminal until it shows `until`, then press q.

    Returns the exit code and the output.
    """
    terminal, program_end = os.openpty()
    fcntl.ioctl(program_end, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    with subprocess.Popen(
        [*UNPRIVILEGED, *TCPCONNTOP, *arguments], stdin=program_end, stdout=program_end, stderr=program_end
    ) as process:
        os.close(program_end)
        shown, deadline_s = b"", time.monotonic() + DEADLINE_S
        while until not in shown and time.monotonic() < deadline_s:
            shown += os.read(terminal, 1 << 16) if select.select([terminal], [], [], 1)[0] else b""
        os.write(terminal, b"q")
        with suppress(OSError):  # EIO: the other end is closed
            while os.read(terminal, 1 << 16):
                pass
        code = process.wait(DEADLINE_S)
    os.close(terminal)
    return code, shown


def test_the_dashboard_plays_a_recording_without_privileges(known: Known, tmp_path: Path) -> None:
    file = str(tmp_path / "r")
    with tcpconntop("record", file, "-P", known.ports) as recorder:
        known.run()
        recorder.interrupt()
    ended = "■ 0:0".encode()
    code, shown = on_a_terminal("replay", file, "--speed", "max", until=ended)
    assert ended in shown
    assert code == 0


def test_the_demo_plays_a_recording_without_privileges() -> None:
    code, shown = on_a_terminal("demo", until=b"recording: not live data")
    assert b"recording: not live data" in shown
    assert b"\x97\x8f live" not in shown
    assert code == 0
