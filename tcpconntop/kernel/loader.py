"""The privileged part: compile, attach, hand the descriptors over, exit.

It needs the distribution's BCC and the standard library alone, so that any interpreter that has BCC will do;
one that has none hands over to the next. The job arrives on a socket as one JSON message, and the answer
leaves on it the same way, with the descriptors attached: the probes live as long as the receiver keeps those.
With perf buffers this process stays and hands on what is in them. When the other end of the socket closes, it
dies at once, whatever it is doing. Works with Python 3.9.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import stat
import sys
import threading
from pathlib import Path
from typing import Any

from tcpconntop.kernel.attach import RAW, WAYS, RefusedError, attach
from tcpconntop.kernel.forward import Forwarder

EXIT_PRIVILEGES = 3
EXIT_UNSUPPORTED = 4
MESSAGE_MAX = 1 << 16

MAPS = ("tct_events", "tct_counters", "tct_spaces", "tct_settings", "tct_start", "tct_calls")

NO_BCC = (
    "no Python here has BCC: install python3-bpfcc (Debian, Ubuntu), python3-bcc (Fedora), python-bcc (Arch) "
    "or py3-bcc (Alpine)"
)
NO_PRIVILEGES = "tracing needs root or CAP_BPF+CAP_PERFMON: run with sudo"


# The interface's packages come last: what the interpreter has of its own is what BCC was made for.
_START = (
    "import sys; sys.path.append(sys.argv[1]); from tcpconntop.kernel import loader; loader.run(sys.argv[2:])"
)


class LoadError(Exception):
    """One actionable line, and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def command(fd: int, interpreter: str, *others: str) -> list[str]:
    """The command that runs this module over the socket `fd`; `others` are interpreters to try next."""
    return [interpreter, "-I", "-c", _START, str(Path(__file__).parents[2]), str(fd), *others]


def die_with(connection: socket.socket) -> None:
    """Kill this process as soon as the other end of `connection` is closed, even while BCC compiles.

    A signal from the parent would not do: once it has dropped its privileges, the kernel refuses both its
    kill() and its parent-death signal to a process of root.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        poll.poll()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def import_bcc(fd: int, interpreters: list[str]) -> Any:
    """BCC's module; where there is none, this program starts again under the next interpreter.

    None when no interpreter is left.
    """
    try:
        import bcc

        if hasattr(bcc, "BPF"):  # PyPI's package of that name is an unrelated program
            return bcc
    except ImportError as error:
        print(f"{sys.executable}: {error}", file=sys.stderr, flush=True)
    for number, candidate in enumerate(interpreters, 1):
        if os.access(candidate, os.X_OK):
            os.execv(candidate, command(fd, candidate, *interpreters[number:]))  # noqa: S606
    return None


def compile_program(bcc: Any, job: dict[str, Any]) -> Any:
    """Compile, create the maps and write the settings.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    os.environ["BCC_KERNEL_SOURCE"] = job["folder"]

    class Module(bcc.BPF):  # type: ignore[misc]
        """Attaches nothing by itself, whatever the names of programs say."""

        def _trace_autoload(self) -> None:
            pass

    try:
        flags = ["-I" + job["folder"], "-DTRANSPORT_" + job["transport"].upper()]
        flags += [f"-D{name}={value}" for name, value in job["defines"].items()]
        module = Module(src_file=f"{job['folder']}/tcpconntop.bpf.c", cflags=flags)
    except Exception as error:  # BCC raises nothing more specific
        raise refusal(f"the kernel side does not compile or its maps are refused ({error})") from error
    settings = module["tct_settings"]
    settings[settings.Key(0)] = settings.Leaf.from_buffer_copy(bytes.fromhex(job["settings"]))
    return module


def refusal(what: str) -> LoadError:
    """The error for a refused step. BCC tells errno only for programs; for maps it prints the reason."""
    printed = os.pread(2, MESSAGE_MAX, 0) if stat.S_ISREG(os.fstat(2).st_mode) else b""
    if ctypes.get_errno() == errno.EPERM or os.strerror(errno.EPERM).encode() in printed:
        return LoadError(NO_PRIVILEGES, EXIT_PRIVILEGES)
    return LoadError(what, EXIT_UNSUPPORTED)


def attach_wanted(bcc: Any, module: Any, wanted: str) -> tuple[str, dict[str, int], list[str]]:
    """Attach as `--probe` asks. Returns the way that was taken, descriptors by name, and notes.

    Raises:
        LoadError: there is no such way here.
    """
    refused: dict[str, str] = {}
    for way in WAYS if wanted == "auto" else (wanted,):
        try:
            fds, notes = attach(bcc, module, WAYS[way])
        except RefusedError as error:
            if error.probe.kind == RAW:  # every way needs those
                what = f"the kernel refused {error.probe.program} on {error.probe.target} ({error})"
                raise refusal(what) from error
            refused[way] = str(error)
            continue
        if refused and way == "tracepoint":
            reasons = ", ".join(f"{name}: {reason}" for name, reason in refused.items())
            notes.append(
                f"tracepoints alone ({reasons}): what fails before its SYN, as for want of a route, "
                "is not seen, and local work is not told apart"
            )
        return way, fds, notes
    raise LoadError(
        f"--probe {wanted} is not available here ({refused[wanted]}): use --probe tracepoint",
        EXIT_UNSUPPORTED,
    )


def load(bcc: Any, job: dict[str, Any]) -> tuple[dict[str, Any], list[int], Forwarder | None]:
    """Do the job. Returns the answer, its descriptors in the order of `answer["fds"]`, and what serves then.

    Raises:
        LoadError: it cannot be done here.
    """
    if bcc is None:
        raise LoadError(NO_BCC, EXIT_UNSUPPORTED)
    with contextlib.suppress(OSError, ValueError):  # only kernels before 5.11 charge maps to it
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    module = compile_program(bcc, job)
    forwarder = None
    if job["transport"] == "perf":
        try:
            forwarder = Forwarder(bcc, module, job["buffer_bytes"], job["record_bytes"], job["wakeup_bytes"])
        except Exception as error:  # BCC raises nothing more specific
            raise refusal(f"the kernel refused its perf buffers ({error})") from error
    fds = {f"map:{name}": module[name].map_fd for name in MAPS}
    way, attached, notes = attach_wanted(bcc, module, job["probe"])
    fds.update(attached)
    answer = {"probe": way, "transport": job["transport"], "notes": notes, "fds": list(fds)}
    return answer, list(fds.values()), forwarder


def main(fd: int, interpreters: list[str]) -> int:
    """Serve the one job of the socket `fd`. Returns the exit code."""
    connection = socket.socket(fileno=fd)
    die_with(connection)
    bcc = import_bcc(fd, interpreters)  # while the caller is still busy with its own start
    job = json.loads(connection.recv(MESSAGE_MAX))
    answer: dict[str, Any]
    forwarder = None
    try:
        answer, fds, forwarder = load(bcc, job)
    except LoadError as error:
        answer, fds = {"error": str(error), "exit": error.exit_code}, []
    socket.send_fds(connection, [json.dumps(answer).encode()], fds)
    if forwarder:
        forwarder.serve(connection)
    return int(answer.get("exit", 0))


def run(arguments: list[str]) -> None:
    """Be the process that `command` starts: FD [PYTHON…]."""
    # Not sys.exit(): LLVM's and BCC's own clean-up takes time and is of no use to anybody.
    os._exit(main(int(arguments[0]), arguments[1:]))
