"""Start the loader process: the only step that needs privileges, before they are dropped.

Imports neither numpy nor threads, so that `launch.spawn_loader(); privileges.drop_privileges()` can run
first.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.errors import EXIT_FAILED, EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED, FatalError
from tcpconntop.kernel.children import start_child
from tcpconntop.kernel.environment import memory_limit_hint
from tcpconntop.kernel.isolated import LOADER, loader_command
from tcpconntop.kernel.needs import NO_BCC, NO_PRIVILEGES
from tcpconntop.kernel.privileges import Caller, caller

PYTHON_VARIABLE = "TCPCONNTOP_PYTHON"
"""Environment variable with the path of the only Python to load with."""

_SYSTEM_PYTHON = "/usr/bin/python3"

_STOP_TIMEOUT_S = 5.0
_MAX_OUTPUT_BYTES = 1 << 14


class TracerError(FatalError):
    """Tracing cannot start; `detail` is the output of BCC and clang."""

    def __init__(self, message: str, exit_code: int, detail: str = "") -> None:
        super().__init__(message, exit_code)
        self.detail = detail


@dataclass(frozen=True, eq=False)
class Loader:
    """A running loader process that waits for its job."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    output: int
    """Descriptor of the memory file that receives its stdout and stderr."""

    def cancel(self) -> None:
        """End it now, from any thread. Idempotent.

        A thread that waits for the answer sees the connection close. Closing the connection ends it: a
        process that dropped its privileges may not send it signals.
        """
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed or hung up before

    def hand_over(self) -> Loader:
        """Return the same process as a new object; `cancel` and `close` of this one then do nothing."""
        return Loader(self.process, socket.socket(fileno=self.connection.detach()), self.output)

    def close(self) -> None:
        """Close the connection and wait until the process has ended. Idempotent."""
        if self.connection.fileno() < 0:
            return
        self.cancel()
        self.connection.close()
        os.close(self.output)
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        """End a process that does not end by itself, because it was stopped (SIGSTOP).

        Raises:
            TracerError: this user may not.
        """
        with suppress(PermissionError):  # a user who called sudo may not send signals to root's processes
            self.process.kill()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pid = self.process.pid
            message = f"the loader does not end, and has privileges still: end it with sudo kill -9 {pid}"
            raise TracerError(message, EXIT_FAILED) from None

    def died(self) -> TracerError:
        """Return the error for a loader that ended without an answer; waits until it has ended."""
        if unusable := unusable_python():
            return TracerError(unusable, EXIT_UNSUPPORTED)
        try:
            code = self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return TracerError("the loader does not answer", EXIT_FAILED, self.captured_output())
        ended = f"ended with exit code {code}"
        how = f"was ended by signal {-code} ({signal.strsignal(-code)})" if code < 0 else ended
        message = f"the loader {how} before it could trace{memory_limit_hint()}"
        return TracerError(message, EXIT_FAILED, self.captured_output())

    def captured_output(self) -> str:
        """Return the last part of its stdout and stderr so far."""
        size = os.fstat(self.output).st_size
        return os.pread(self.output, _MAX_OUTPUT_BYTES, max(0, size - _MAX_OUTPUT_BYTES)).decode(
            "utf-8", "replace"
        )


def interpreters(folder: Path = Path("/usr/bin")) -> tuple[str, ...]:
    """Return the paths of the Pythons that may have BCC, in the order of trying.

    `PYTHON_VARIABLE`, where set, names the only one. The distribution installs BCC for its own Python, so
    that one comes first; then the Python that runs this, then the distribution's others, newest first.
    """
    if chosen := os.environ.get(PYTHON_VARIABLE):
        return (chosen,)
    others = [path for path in folder.glob("python3.*") if path.suffix[1:].isdecimal()]
    others.sort(key=lambda path: int(path.suffix[1:]), reverse=True)
    system = Path(_SYSTEM_PYTHON).resolve()
    return (_SYSTEM_PYTHON, sys.executable, *(str(path) for path in others if path.resolve() != system))


def unusable_python() -> str:
    """Return the error for a Python of `PYTHON_VARIABLE` that cannot be used; empty if that is not set."""
    chosen = os.environ.get(PYTHON_VARIABLE)
    if not chosen:
        return ""
    return f"{PYTHON_VARIABLE} is {chosen}, which is no Python that can be started: set another one, or none"


def _not_privileged(user: Caller) -> str:
    """Return the error for a user who may not trace: sudo does not help root in a container."""
    missing = [name for name in ("CAP_BPF", "CAP_PERFMON") if name not in user.capabilities]
    if not user.is_root:
        return NO_PRIVILEGES
    options = " ".join(f"--cap-add {name.removeprefix('CAP_')}" for name in missing)
    return f"tracing needs {' and '.join(missing)}, which root lacks here: start the container with {options}"


def spawn_loader(
    candidates: tuple[str, ...] | None = None, *, privileged: bool = True, entry: str = LOADER
) -> Loader:
    """Start the loader process, which imports BCC while the caller continues. `open_session` sends its job.

    Call it with privileges, in the main thread, before other threads exist.

    Args:
        candidates: the Pythons to try, in this order; by default those of `interpreters`.
        privileged: check the privileges first; False lets the kernel refuse.
        entry: the module to run in the process; it chooses the job (see `loader.run`).

    Raises:
        TracerError: no privileges, or no interpreter.
    """
    if privileged and not (user := caller()).may_trace:
        raise TracerError(_not_privileged(user), EXIT_NOT_PRIVILEGED)
    candidates = interpreters() if candidates is None else candidates
    present = [
        path for path in dict.fromkeys(candidates) if Path(path).is_absolute() and os.access(path, os.X_OK)
    ]
    if not present:
        raise TracerError(unusable_python() or NO_BCC, EXIT_UNSUPPORTED)
    own_end, loader_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output = os.memfd_create("tcpconntop-loader")
    with loader_end:
        process = start_child(
            loader_command(entry, loader_end.fileno(), *present),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(loader_end.fileno(),),
        )
    return Loader(process, own_end, output)
