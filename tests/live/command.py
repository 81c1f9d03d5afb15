"""Run commands like a user, and make known connects for them to report."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import pytest
import way
import workload

TCPCONNTOP = (sys.executable, "-m", "tcpconntop")
DEADLINE_S = way.DEADLINE_S
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
"""Prefix of a command that has to work without privileges."""
TWO_CAPABILITIES = ("setpriv", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all", "--no-new-privs")
"""Prefix of a command that may trace, and nothing else."""


class Command:
    """A running tcpconntop whose probes are attached."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def interrupt(self) -> tuple[list[str], str]:
        """Press Ctrl-C; return the lines of stdout, and stderr after `tracing: …`."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=DEADLINE_S)
        assert self.process.returncode == 130, (self.process.returncode, err)
        return out.splitlines(), err


def lines_until(stream: Iterable[str], is_it: Callable[[str], bool]) -> list[str]:
    """Return the lines up to and with the first that is wanted; fail with what was said if there is none."""
    said = []
    for line in stream:
        said.append(line)
        if is_it(line):
            return said
    raise AssertionError(said)


@contextmanager
def tcpconntop(*arguments: str, prefix: Sequence[str] = ()) -> Iterator[Command]:
    process = subprocess.Popen(
        [*prefix, *TCPCONNTOP, *arguments, *way.OPTIONS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = lines_until(process.stderr, lambda line: line.startswith("tracing: "))
        assert all(line.startswith("tcpconntop: ") for line in said[:-1]), said
        yield Command(process)
    finally:
        process.kill()
        process.__exit__(None, None, None)  # not communicate(): a test may have read half of a character


class Known:
    """23 connects to 127.0.0.1, 7 to ::1, 5 refused and 3 cancelled by the application."""

    count = 38

    def __init__(self, stack: ExitStack) -> None:
        self.v4 = stack.enter_context(workload.listener())
        self.v6 = stack.enter_context(workload.listener("::1"))
        self.silent = stack.enter_context(workload.silent_listener())
        self.closed = stack.enter_context(workload.closed_port())

    @property
    def ports(self) -> str:
        sockets = (self.v4, self.v6, self.silent)
        return ",".join(str(port) for port in (*map(workload.port_of, sockets), self.closed))

    def run(self) -> None:
        """Make the connects, in this order."""
        workload.connect(self.v4, 23)
        workload.connect(self.v6, 7)
        for _ in range(5):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.closed))
        cancelled = [workload.start_connect(self.silent.getsockname()) for _ in range(3)]
        assert all(workload.still_connecting(client, 0.05) for client in cancelled)
        for client in cancelled:
            client.close()


def ended(command: Command) -> str:
    """Return what the command prints until it ends by itself."""
    return command.process.communicate(timeout=DEADLINE_S)[0]


def run(*arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with `prefix` before it."""
    return subprocess.run(
        [*prefix, *TCPCONNTOP, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@contextmanager
def full_pipe() -> Iterator[int]:
    """Yield the writing end of a pipe that takes nothing more, and that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, bytes(4096)):
            pass
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)
