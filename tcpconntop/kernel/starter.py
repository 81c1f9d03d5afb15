"""A process that starts the user's programs, such as ssh, with all the rights that the user has at a shell.

The interface has given up rights that such a program may need: as root it opens no UNIX socket (that of
ssh-agent, or of a shared connection of ssh) and writes no file of root (`known_hosts`). So another process
starts them. It is forked before the privileges are dropped, and takes orders from the interface by number
alone: it starts nothing but the commands that it was made with. Whoever called sudo gets no right of root
here.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from tcpconntop.kernel.children import start_user_program
from tcpconntop.kernel.privileges import become_caller

END_S = 1.0
"""How long a program that was asked to end may take."""

_ORDER = struct.Struct("=H")
_ANSWER = struct.Struct("=i")
_TERMINATE = b"t"


class StartedProgram:
    """A program that runs, as the interface sees it.

    Attributes:
        stdout: what it writes.
        stderr: what it says.
    """

    def __init__(self, stdout: BinaryIO, stderr: BinaryIO, life: socket.socket) -> None:
        self.stdout, self.stderr, self._life = stdout, stderr, life
        self._code: int | None = None
        self._one_waits = threading.Lock()

    def wait(self, timeout_s: float) -> int | None:
        """Return its exit code, as `subprocess` has it; None if it still runs, or if that cannot be known."""
        with self._one_waits, suppress(OSError):
            if self._code is None:
                self._life.settimeout(timeout_s)
                if answer := self._life.recv(_ANSWER.size):
                    (self._code,) = _ANSWER.unpack(answer)
        return self._code

    def end(self) -> None:
        """Ask it to end, and end it if it does not. The pipes are closed by who reads them. Idempotent."""
        with suppress(OSError):
            self._life.send(_TERMINATE)
            self.wait(END_S)
        with self._one_waits:
            self._life.close()  # which ends it at once


class Starter:
    """The process that starts programs. Make it in a process with one thread, before privileges are dropped.

    Args:
        commands: the programs and their arguments; no shell reads them.
    """

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._connection, others = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if self._pid == 0:
            _run(others, commands)
        others.close()

    def start(self, number: int) -> StartedProgram:
        """Start a command, by its number from 0. May be called from any thread.

        Raises:
            OSError: it cannot be started.
        """
        (stdout, its_stdout), (stderr, its_stderr) = os.pipe(), os.pipe()
        life, its_life = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = StartedProgram(os.fdopen(stdout, "rb"), os.fdopen(stderr, "rb"), life)
        try:
            with its_life:
                descriptors = [its_stdout, its_stderr, its_life.fileno()]
                socket.send_fds(self._connection, [_ORDER.pack(number)], descriptors)
        except BaseException:
            _close(program)
            raise
        finally:
            os.close(its_stdout)
            os.close(its_stderr)
        answer = life.recv(_ANSWER.size)
        error = _ANSWER.unpack(answer)[0] if answer else 0
        if error or not answer:
            _close(program)
            raise OSError(error, os.strerror(error) if error else "what starts programs has ended")
        return program

    def close(self) -> None:
        """End all programs, and this process. Idempotent."""
        if self._connection.fileno() >= 0:
            self._connection.close()
            os.waitpid(self._pid, 0)


def _close(program: StartedProgram) -> None:
    program.stdout.close()
    program.stderr.close()
    program.end()


# In the process that starts programs


def _run(orders: socket.socket, commands: Sequence[Sequence[str]]) -> NoReturn:
    """Serve orders until the interface has gone."""
    try:
        os.setsid()  # Ctrl-C ends the interface, which ends this
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        _keep_only(orders)
        become_caller()
        _Server(orders, commands).serve()
    except BaseException:  # noqa: BLE001 - whatever it is, nothing of the interface's code runs here
        os._exit(1)
    os._exit(0)


def _keep_only(kept: socket.socket) -> None:
    """Close every other descriptor: a pipe that stays open here would never end for others."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number != kept.fileno():
            with suppress(OSError):
                os.close(number)


class _Server:
    """Starts programs as ordered, and ends them with the interest in them."""

    def __init__(self, orders: socket.socket, commands: Sequence[Sequence[str]]) -> None:
        self._orders, self._commands = orders, commands
        self._running: dict[socket.socket, subprocess.Popen[bytes]] = {}
        self._child_ended, woken = socket.socketpair()
        woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        self._woken = woken

    def serve(self) -> None:
        """Do as ordered until the interface has gone; then end every program."""
        try:
            while True:
                ready = set(select.select([self._orders, self._child_ended, *self._running], [], [])[0])
                if self._child_ended in ready:
                    self._child_ended.recv(4096)
                for life, process in list(self._running.items()):
                    if process.poll() is not None:
                        self._forget(life, process.returncode)
                    elif life in ready:
                        self._listen(life, process)
                if self._orders in ready and not self._take_order():
                    return
        finally:
            self._end_all()

    def _take_order(self) -> bool:
        """Start a program; return False if there are no more orders."""
        order, descriptors, _, _ = socket.recv_fds(self._orders, _ORDER.size, 3)
        if len(descriptors) == 3:
            stdout, stderr, life_number = descriptors
            life = socket.socket(fileno=life_number)
            error = self._start(order, stdout, stderr, life)
            with suppress(OSError):  # the interface has lost its interest
                life.send(_ANSWER.pack(error))
            if error:
                life.close()
        for descriptor in descriptors[:2]:
            os.close(descriptor)
        return bool(order)

    def _start(self, order: bytes, stdout: int, stderr: int, life: socket.socket) -> int:
        """Return the errno, 0 if the program runs."""
        try:
            command = self._commands[_ORDER.unpack(order)[0]]
            self._running[life] = start_user_program(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
            )
        except OSError as error:
            return error.errno or errno.EIO
        except (IndexError, struct.error):
            return errno.EINVAL
        return 0

    def _listen(self, life: socket.socket, process: subprocess.Popen[bytes]) -> None:
        said = b""
        with suppress(ConnectionResetError):  # it closed before it read the last answer
            said = life.recv(1)
        if said == _TERMINATE:
            _signal(process, signal.SIGTERM)
        else:
            _signal(process, signal.SIGKILL)
            self._forget(life, process.wait())

    def _forget(self, life: socket.socket, code: int) -> None:
        with suppress(OSError):
            life.send(_ANSWER.pack(code))
        life.close()
        del self._running[life]

    def _end_all(self) -> None:
        until_s = time.monotonic() + END_S
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until_s - time.monotonic()))
            if process.poll() is None:
                _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a program and what it has started: that would hold its stdout open."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)  # it leads a session of its own
