"""Programs of the command line, started by a process beside the interface."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tcpconntop.kernel.starter import Starter

DEADLINE_S = 60.0
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
"""Workers of pytest-xdist have threads; the program has none yet when it makes a starter."""


@pytest.fixture
def starter() -> Iterator[Callable[..., Starter]]:
    """A function that makes a starter of shell commands."""
    made: list[Starter] = []

    def make(*scripts: str) -> Starter:
        made.append(Starter([["sh", "-c", script] for script in scripts]))
        return made[-1]

    yield make
    for one in made:
        one.close()


def is_gone(pid: int) -> bool:
    """True if there is no such process, or if it is dead and nobody has asked for its exit code."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_a_program_writes_says_and_ends(starter: Callable[..., Starter]) -> None:
    one = starter("exit 3", "echo out; echo err >&2; exit 7")
    program = one.start(1)
    with program.stdout, program.stderr:
        assert (program.stdout.read(), program.stderr.read()) == (b"out\n", b"err\n")
    assert program.wait(DEADLINE_S) == 7
    program.end()
    program.end()


def test_programs_run_side_by_side_and_end_one_by_one(starter: Callable[..., Starter]) -> None:
    one = starter("echo $$; exec sleep 1000")
    programs = [one.start(0) for _ in range(3)]
    pids = [int(program.stdout.readline()) for program in programs]
    programs[1].end()
    assert programs[1].wait(0) == -signal.SIGTERM
    assert [is_gone(pid) for pid in pids] == [False, True, False]
    assert programs[0].wait(0) is None
    for program in programs:
        program.end()
        program.stdout.close()
        program.stderr.close()
    assert all(map(is_gone, pids))


def test_a_program_that_will_not_end_is_ended(starter: Callable[..., Starter]) -> None:
    program = starter("trap '' TERM; echo $$; while :; do sleep 1; done").start(0)
    with program.stdout, program.stderr:
        pid = int(program.stdout.readline())
        program.end()
        wait_until(lambda: is_gone(pid))


def test_what_a_program_has_started_ends_with_it(starter: Callable[..., Starter]) -> None:
    """GIVEN a script that waits for another program WHEN it is ended THEN nobody holds its stdout open."""
    program = starter("sleep 1000 & echo $!; wait").start(0)
    with program.stdout, program.stderr:
        pid = int(program.stdout.readline())
        program.end()
        assert program.stdout.read() == b""
    wait_until(lambda: is_gone(pid))


def test_programs_end_with_the_interface(starter: Callable[..., Starter]) -> None:
    one = starter("echo $$; exec sleep 1000")
    program = one.start(0)
    with program.stdout, program.stderr:
        pid = int(program.stdout.readline())
        one.close()
        wait_until(lambda: is_gone(pid))
        assert program.stdout.read() == b""
    program.end()


def test_a_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    one = Starter([[str(tmp_path / "missing")]])
    with pytest.raises(FileNotFoundError):
        one.start(0)
    one.close()


def test_it_starts_nothing_but_its_commands(starter: Callable[..., Starter]) -> None:
    """GIVEN an interface that is no longer itself WHEN it orders anything else THEN nothing is started."""
    one = starter("echo mine")
    for number in (1, 65535):
        with pytest.raises(OSError, match="Invalid argument"):
            one.start(number)
    for order in (b"\0", b"sh", b"\0\0sh", os.urandom(64)):
        with suppress(OSError):
            one._connection.send(order)
    ours, its = socket.socketpair()
    with ours, its:
        socket.send_fds(one._connection, [b"\0\0"], [its.fileno()])
    program = one.start(0)
    with program.stdout, program.stderr:
        assert program.stdout.read() == b"mine\n"
    program.end()


def test_it_keeps_no_descriptor_of_the_interface(starter: Callable[..., Starter]) -> None:
    """GIVEN a pipe of the interface WHEN the interface closes it THEN nobody else holds it open."""
    reader, writer = os.pipe()
    one = starter("exec sleep 1000")
    program = one.start(0)
    with program.stdout, program.stderr:
        os.close(writer)
        assert os.read(reader, 1) == b""
        os.close(reader)
        program.end()
