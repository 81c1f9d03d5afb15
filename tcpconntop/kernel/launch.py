"""Starting the loader: the one step that needs privileges, before they are dropped.

Imports neither numpy nor threads, so that `launch.spawn_loader(); privileges.drop_privileges()` can come first.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED, FatalError
from tcpconntop.kernel.loader import loader_command
from tcpconntop.kernel.privileges import Caller, caller
from tcpconntop.kernel.program import NO_BCC, NO_PRIVILEGES

PYTHON_VARIABLE = "TCPCONNTOP_PYTHON"
"""Environment variable that names the one Python to load with."""

_SYSTEM_PYTHON = "/usr/bin/python3"

_STOP_TIMEOUT_S = 5.0
_DETAIL_BYTES = 1 << 14


class TracerError(FatalError):
    """Tracing cannot start; `detail` is what BCC and clang had to say."""

    def __init__(self, message: str, exit_code: int, detail: str = "") -> None:
        super().__init__(message, exit_code)
        self.detail = detail


@dataclass(frozen=True, eq=False)
class Loader:
    """A started loader that waits for its job."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    output: int
    """Descriptor of the memory file that takes whatever it prints."""

    def cancel(self) -> None:
        """End it now, from any thread; who waits for its answer sees the end of the connection. Idempotent.

        Hanging up is what ends it: a process that dropped its privileges may not send it signals.
        """
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed or hung up before

    def hand_over(self) -> Loader:
        """The same process as a new object; this one's `cancel` and `close` then do nothing."""
        return Loader(self.process, socket.socket(fileno=self.connection.detach()), self.output)

    def close(self) -> None:
        """Hang up and wait until it is gone. Idempotent."""
        if self.connection.fileno() < 0:
            return
        self.cancel()
        self.connection.close()
        os.close(self.output)
        self.process.wait(_STOP_TIMEOUT_S)

    def captured_output(self) -> str:
        """The end of what it printed so far."""
        size = os.fstat(self.output).st_size
        return os.pread(self.output, _DETAIL_BYTES, max(0, size - _DETAIL_BYTES)).decode("utf-8", "replace")


def interpreters(folder: Path = Path("/usr/bin")) -> tuple[str, ...]:
    """Where to look for BCC, in this order; a Python named by `PYTHON_VARIABLE` is the only one.

    BCC comes from the distribution, and so for the distribution's own Python; then for the one that runs us,
    and then for any other of the distribution, the newest first.
    """
    if chosen := os.environ.get(PYTHON_VARIABLE):
        return (chosen,)
    others = [path for path in folder.glob("python3.*") if path.suffix[1:].isdecimal()]
    others.sort(key=lambda path: int(path.suffix[1:]), reverse=True)
    system = Path(_SYSTEM_PYTHON).resolve()
    return (_SYSTEM_PYTHON, sys.executable, *(str(path) for path in others if path.resolve() != system))


def _refusal(who: Caller) -> str:
    """Say what is missing to somebody who may not trace; a root in a container has no use for sudo."""
    missing = [name for name in ("CAP_BPF", "CAP_PERFMON") if name not in who.capabilities]
    if not who.is_root:
        return NO_PRIVILEGES
    given = " ".join(f"--cap-add {name.removeprefix('CAP_')}" for name in missing)
    return f"tracing needs {' and '.join(missing)}, which this root lacks: start its container with {given}"


def spawn_loader(candidates: tuple[str, ...] | None = None, *, privileged: bool = True) -> Loader:
    """Start the loader, which imports BCC while the caller goes on. Its job comes with `open_session`.

    To be called with privileges, in the main thread, before other threads exist.

    Args:
        candidates: the Pythons to try, in this order; by default those that `interpreters` gives.
        privileged: False leaves it to the kernel to refuse.

    Raises:
        TracerError: no privileges, or no interpreter.
    """
    if privileged and not (who := caller()).may_trace:
        raise TracerError(_refusal(who), EXIT_NOT_PRIVILEGED)
    candidates = interpreters() if candidates is None else candidates
    present = [path for path in dict.fromkeys(candidates) if path and os.access(path, os.X_OK)]
    if not present:
        raise TracerError(NO_BCC, EXIT_UNSUPPORTED)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output = os.memfd_create("tcpconntop-loader")
    with theirs:
        process = subprocess.Popen(
            loader_command(theirs.fileno(), *present),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # Ctrl-C is for the interface, which then hangs up
        )
    return Loader(process, ours, output)
