"""The dashboard over a stream: keys come from the terminal, and stdin is the recording."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pseudo_terminal import DEADLINE_S, RECORDING, TCPCONNTOP, on_terminal
from support import INFO, feed, snapshot, still

from tcpconntop.core.window.snapshot import STREAM

DRAWN = "checkout"
"""A name in the recording: the table is on the screen."""

REPLAY = shlex.join([*TCPCONNTOP, "replay", "-", "-w", "1m"])

# Sends a recording without its end, then nothing, until something is written into a FIFO.
STALLED = """
import sys
data = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(data[:-100])
sys.stdout.flush()
open(sys.argv[2]).read()
"""


def test_a_finished_recording_in_a_pipe_is_shown_to_its_end_and_takes_keys() -> None:
    """GIVEN `cat r | replay -` WHEN keys are pressed THEN they work; afterwards the terminal is as before."""
    with on_terminal(["bash", "-c", f"cat {shlex.quote(RECORDING)} | {REPLAY}"]) as terminal:
        terminal.until(DRAWN)
        terminal.until("stream: ended")
        terminal.press("?")
        terminal.until("╭─ Help")
        terminal.press("\x1b")
        terminal.until(DRAWN)
        terminal.press("g")
        terminal.until("by process")
        terminal.press("q")
        assert terminal.end() == 0
        assert terminal.modes() == set()
        assert terminal.attributes() == terminal.attributes_before
        assert "Traceback" not in terminal.text()


def test_a_stream_that_is_silent_is_said_to_be_behind(tmp_path: Path) -> None:
    """GIVEN a sender that stops in the middle WHEN seconds pass THEN the header has them; q works."""
    os.mkfifo(tmp_path / "end")
    sender = shlex.join([sys.executable, "-c", STALLED, RECORDING, str(tmp_path / "end")])
    with on_terminal(["bash", "-c", f"{sender} | {REPLAY}"]) as terminal:
        terminal.until(DRAWN)
        terminal.until("● stream")
        terminal.until("◌ stream: ")
        terminal.until("s behind")
        assert "stream: ended" not in terminal.text()
        terminal.press("q")
        terminal.until_raw(b"\x1b[?1049l")
        (tmp_path / "end").write_text("now")
        assert terminal.end() == 0


def test_what_is_waited_for_is_said_before_the_terminal_is_taken() -> None:
    """GIVEN a sender that has not begun, such as an ssh that asks WHEN waiting THEN the terminal is free."""
    with on_terminal(["bash", "-c", f"(read -r line < /dev/tty; echo got $line >&2) | {REPLAY}"]) as terminal:
        terminal.until("tcpconntop: waiting for a recording on /dev/stdin")
        assert terminal.modes() == set()
        terminal.press("secret\r")
        terminal.until("got secret")
        terminal.until("tcpconntop: /dev/stdin ended before a recording came")
        assert terminal.end() == 1
        assert terminal.modes() == set()


def test_without_a_terminal_for_keys_the_dashboard_does_not_start() -> None:
    """GIVEN no controlling terminal WHEN stdin is the recording THEN one line, exit code 2; -b works."""
    master, slave = pty.openpty()
    try:
        with Path(RECORDING).open("rb") as recording:
            done = subprocess.run(
                [*TCPCONNTOP, "replay", "-"], stdin=recording, stdout=slave, stderr=slave,
                start_new_session=True, timeout=DEADLINE_S, check=False,
            )  # fmt: skip
        said = os.read(master, 1 << 16).decode()
        assert done.returncode == 2
        assert re.fullmatch(r"tcpconntop: the dashboard needs a terminal for keys, .*\r\n", said)
        with Path(RECORDING).open("rb") as recording:
            done = subprocess.run(
                [*TCPCONNTOP, "replay", "-", "-b"], stdin=recording, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, start_new_session=True, timeout=DEADLINE_S, check=False,
            )  # fmt: skip
        assert done.returncode == 0
        assert DRAWN.encode() in done.stdout
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("behind_s", "ended", "shown"),
    [
        (0, False, "● stream"),
        (12, False, "◌ stream: 12s behind"),
        (75, False, "◌ stream: 1m15s behind"),
        (0, True, "■ stream: ended"),
    ],
)
async def test_the_header_says_what_a_stream_is(behind_s: int, ended: bool, shown: str) -> None:
    info = replace(INFO, label=STREAM, behind_s=behind_s)
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, snapshot(info=info))
        if ended:
            pilot.app._store.set(pilot.app._store.state.with_end())
            await pilot.pause()
        header = str(pilot.app.screen.header.render())
    assert header.rstrip().endswith(shown)
    assert info.host in header
