"""The dashboard in a real terminal: it gives it back, whatever happens, and does not go on without it."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from pseudo_terminal import (
    ALTERNATE_SCREEN,
    DEADLINE_S,
    PROMPT,
    REPLAY,
    Terminal,
    children,
    in_a_shell,
    on_terminal,
    threads,
)

DRAWN = "checkout"
"""A name in the recording: the table is on the screen."""

IGNORING = ("sh", "-c", 'trap "" HUP TSTP; exec "$@"', "sh")

# A parent with job control that leaves the terminal's attributes alone, as shells do not.
PARENT = """
import os, signal, sys
child = os.fork()
if not child:
    os.setpgid(0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
    os.tcsetpgrp(0, os.getpgrp())
    print("STOPPED", flush=True)
    input()
    os.tcsetpgrp(0, child)
    os.kill(-child, signal.SIGCONT)
"""


HANG_UP = pytest.param(signal.SIGHUP, marks=pytest.mark.long)  # a terminal that goes sends it, below


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        HANG_UP,
        *(pytest.param(other, marks=pytest.mark.long) for other in (signal.SIGQUIT, signal.SIGINT)),
    ],
)
def test_a_signal_gives_the_terminal_back(number: signal.Signals) -> None:
    """GIVEN a dashboard WHEN a signal comes, and more at its end THEN all is as before; the code is 128+n."""
    with on_terminal(REPLAY) as terminal:
        terminal.until(DRAWN)
        assert terminal.mode(ALTERNATE_SCREEN)
        terminal.process.send_signal(number)
        terminal.until_raw(b"\x1b[?1000l")  # the first step of its end
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            terminal.process.send_signal(each)
        assert terminal.end() == 128 + number
        assert terminal.modes() == set()
        assert terminal.attributes() == terminal.attributes_before
        assert "Traceback" not in terminal.text()


def test_a_signal_is_obeyed_at_every_stage(long: bool) -> None:
    """GIVEN a start WHEN a signal comes as soon as there is output of some kind THEN it ends in order."""
    signs = ("\x1b[?1049h", "\x1b[?25l", "\x1b[?2004h", "tcpconntop", DRAWN)
    for sign in signs if long else signs[:4:2]:
        with on_terminal(REPLAY) as terminal:
            terminal.until_raw(sign.encode())
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.end() == 143, sign
            assert terminal.modes() == set(), sign
            assert terminal.attributes() == terminal.attributes_before, sign


@pytest.mark.long
def test_a_signal_ends_it_with_a_dialog_open(long: bool) -> None:
    dialogs = (("?", "╭─ Help"), ("t", "╭─"), ("c", "╭─"))
    for key, drawn in dialogs if long else dialogs[:1]:
        with on_terminal(REPLAY) as terminal:
            terminal.until(DRAWN)
            terminal.press(key)
            terminal.until(drawn)
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.end() == 143, key
            assert terminal.modes() == set(), key


@pytest.mark.parametrize(
    "prefix", [pytest.param((), marks=pytest.mark.long), IGNORING], ids=["hang-up", "hang-up ignored"]
)
def test_it_ends_when_the_terminal_has_gone(prefix: tuple[str, ...]) -> None:
    """GIVEN a dashboard WHEN its terminal goes THEN it ends, also if SIGHUP is ignored (nohup)."""
    with on_terminal([*prefix, *REPLAY]) as terminal:
        terminal.until(DRAWN)
        terminal.hang_up()
        assert terminal.process.wait(DEADLINE_S) == 129


def test_ignored_signals_stay_ignored() -> None:
    with on_terminal([*IGNORING, *REPLAY]) as terminal:
        terminal.until(DRAWN)
        terminal.process.send_signal(signal.SIGHUP)
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.press("\x1a")
        terminal.until("not suspended")
        terminal.press("w")
        terminal.until("5m")
        terminal.press("q")
        assert terminal.end() == 0


def test_it_ends_on_a_terminal_that_takes_no_output() -> None:
    """GIVEN a terminal that nobody reads WHEN SIGTERM comes THEN the dashboard does not wait for it."""
    with on_terminal([*REPLAY, "-d", "0.1"]) as terminal:
        terminal.until(DRAWN)
        terminal.fill()
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(DEADLINE_S) == 143


def test_a_key_that_is_no_utf_8_does_no_harm() -> None:
    with on_terminal(REPLAY) as terminal:
        terminal.until(DRAWN)
        terminal.press_bytes(b"\xe9w")
        terminal.until("5m")
        terminal.press("q")
        assert terminal.end() == 0


def test_suspended_it_leaves_the_terminal_as_it_was() -> None:
    """GIVEN a parent that leaves the terminal alone WHEN Ctrl-Z is pressed THEN echo and screen are back."""
    with on_terminal([sys.executable, "-c", PARENT, *REPLAY]) as terminal:
        terminal.until("STOPPED")
        terminal.press("\n")
        terminal.until(DRAWN)
        for _ in range(2):
            terminal.press("\x1a")
            terminal.until("STOPPED")
            assert terminal.modes() == set()
            assert terminal.attributes() == terminal.attributes_before
            terminal.press("\n")
            terminal.until(DRAWN)
            assert terminal.mode(ALTERNATE_SCREEN)
        terminal.press("q")
        assert terminal.end() == 0


@pytest.mark.parametrize(
    "how", ["ctrl-z", *(pytest.param(how, marks=pytest.mark.long) for how in ("SIGTSTP", "SIGSTOP"))]
)
def test_it_is_suspended_and_continued_many_times(how: str, long: bool) -> None:
    """GIVEN a job of a shell WHEN it is stopped and continued THEN threads, keys and screen are as before."""
    with in_a_shell() as terminal:
        process = start(terminal)
        before = threads(process)
        for _ in range(10 if long else 3):
            if how == "ctrl-z":
                terminal.press("\x1a")
            else:
                os.kill(process, getattr(signal, how))
            terminal.until_state("T", process)
            terminal.until(PROMPT)
            terminal.press("fg\n")
            terminal.until(DRAWN)
            terminal.until_mode(2004)  # the last of the start
            assert threads(process) <= before  # what counts the recording for its strip has ended
        for key, window in (("w", "5m"), ("w", "15m"), ("W", "5m"), ("W", "1m")):  # each key is taken once
            terminal.press(key)
            terminal.until(window)
        terminal.press("q")
        terminal.until(PROMPT)
        terminal.press("echo code $?\n")
        terminal.until("code 0")


@pytest.mark.long
def test_a_suspended_dashboard_can_be_ended() -> None:
    """GIVEN a stopped job WHEN the shell kills it THEN it ends in the background, without the terminal."""
    with in_a_shell() as terminal:
        process = start(terminal)
        suspend(terminal, process)
        terminal.press("kill %1\n")
        terminal.until_state("gone", process)
        terminal.press("jobs\n")
        terminal.until("Exit 143")
        assert not terminal.mode(ALTERNATE_SCREEN)


def test_in_the_background_it_stays_stopped() -> None:
    with in_a_shell() as terminal:
        process = start(terminal)
        suspend(terminal, process)
        terminal.press("bg; echo typed\n")
        terminal.until("\ntyped")
        terminal.until_state("T", process)
        until_the_shell_knows(terminal)
        assert not terminal.mode(ALTERNATE_SCREEN)
        terminal.press("fg\n")
        terminal.until(DRAWN)
        terminal.press("q")
        terminal.until(PROMPT)


@pytest.mark.long
def test_without_a_shell_it_is_not_suspended_for_ever() -> None:
    """GIVEN no parent that could continue it (`ssh -t HOST …`) WHEN Ctrl-Z is pressed THEN it goes on."""
    with on_terminal(REPLAY) as terminal:
        terminal.until(DRAWN)
        terminal.press("\x1a")
        terminal.until(DRAWN)
        terminal.press("q")
        assert terminal.end() == 0


def suspend(terminal: Terminal, process: int) -> None:
    """Press Ctrl-Z; return when the shell has its prompt back."""
    terminal.press("\x1a")
    terminal.until_state("T", process)
    terminal.until(PROMPT)


def until_the_shell_knows(terminal: Terminal) -> None:
    """Wait until the shell lists its job as stopped: `fg` continues only what it knows to be stopped."""
    for _ in range(100):
        terminal.press("jobs\n")
        terminal.until(PROMPT)
        if "Stopped" in terminal.text():
            return
    raise AssertionError(terminal.text())


def start(terminal: Terminal) -> int:
    """Start the dashboard as a job of the shell; return its process ID."""
    terminal.press(" ".join(REPLAY) + "\n")
    terminal.until(DRAWN)
    terminal.until_mode(2004)
    (process,) = children(terminal.process.pid)
    return process
