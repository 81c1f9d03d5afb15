"""The privileged part: compile, attach, hand the descriptors over, exit.

Run as `PYTHON -I loader.py FD [PYTHON…]`. It needs the distribution's BCC and the standard library alone, so
that any interpreter that has BCC will do; one that has none hands over to the next. The job arrives on the
socket FD as one JSON message, and the answer leaves on it the same way, with the descriptors attached: the
probes live as long as the receiver keeps those. When the other end of the socket closes, this process dies at
once, whatever it is doing. Works with Python 3.9.
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
from typing import Any, NamedTuple

EXIT_PRIVILEGES = 3
EXIT_UNSUPPORTED = 4
MESSAGE_MAX = 1 << 16

MAPS = ("tct_events", "tct_counters", "tct_start")

NO_BCC = (
    "no Python here has BCC: install python3-bpfcc (Debian, Ubuntu), python3-bcc (Fedora), python-bcc (Arch) "
    "or py3-bcc (Alpine)"
)
NO_PRIVILEGES = "tracing needs root or CAP_BPF+CAP_PERFMON: run with sudo"


class Probe(NamedTuple):
    """One program and the raw tracepoint that runs it."""

    program: str
    tracepoint: str
    if_missing: str = ""
    """What is lost without this probe. Empty: nothing works without it."""


PROBE_SETS: dict[str, tuple[Probe, ...]] = {
    "tracepoint": (
        Probe("tct_begin", "inet_sock_set_state"),
        Probe("tct_end", "inet_sock_set_state"),
        Probe("tct_end_nested", "inet_sock_set_state"),
        Probe("tct_retransmit", "tcp_retransmit_skb", if_missing="lost SYNs are not counted"),
    ),
}
"""The ways of attaching, best first."""


class LoadError(Exception):
    """One actionable line, and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


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
    while interpreters:
        candidate, *interpreters = interpreters
        if os.access(candidate, os.X_OK):
            os.execv(candidate, [candidate, "-I", __file__, str(fd), *interpreters])  # noqa: S606
    return None


def compile_program(bcc: Any, job: dict[str, Any]) -> Any:
    """Compile, create the maps and write the settings.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    os.environ["BCC_KERNEL_SOURCE"] = job["folder"]
    try:
        flags = ["-I" + job["folder"], "-DTRANSPORT_" + job["transport"].upper()]
        flags += [f"-D{name}={value}" for name, value in job["defines"].items()]
        module = bcc.BPF(src_file=f"{job['folder']}/tcpconntop.bpf.c", cflags=flags)
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


def attach(bcc: Any, module: Any, probes: tuple[Probe, ...]) -> tuple[dict[str, int], list[str]]:
    """Attach what is there. Returns descriptors by name, and a note on each probe that is not there.

    Raises:
        LoadError: a probe that nothing works without is refused.
    """
    fds: dict[str, int] = {}
    notes = []
    for probe in probes:
        try:
            program = module.load_func(probe.program, bcc.BPF.RAW_TRACEPOINT).fd
            link = bcc.lib.bpf_attach_raw_tracepoint(program, probe.tracepoint.encode())
            if link < 0:
                raise OSError(ctypes.get_errno(), "not attached")
        except Exception as error:  # BCC raises nothing more specific
            if not probe.if_missing:
                raise refusal(
                    f"the kernel refused {probe.program} on {probe.tracepoint} ({error})"
                ) from error
            notes.append(f"{probe.tracepoint} is not available ({error}): {probe.if_missing}")
            continue
        fds[f"program:{probe.program}"] = program
        fds[f"link:{probe.program}"] = link
    return fds, notes


def choose(wanted: str) -> str:
    """The set of probes for `--probe`.

    Raises:
        LoadError: there is no such way here.
    """
    name = next(iter(PROBE_SETS)) if wanted == "auto" else wanted
    if name not in PROBE_SETS:
        raise LoadError(f"--probe {name} is not available here: use --probe tracepoint", EXIT_UNSUPPORTED)
    return name


def load(bcc: Any, job: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """Do the job. Returns the answer and its descriptors, in the order of `answer["fds"]`.

    Raises:
        LoadError: it cannot be done here.
    """
    if bcc is None:
        raise LoadError(NO_BCC, EXIT_UNSUPPORTED)
    probe = choose(job["probe"])
    if job["transport"] != "ring":
        raise LoadError(
            f"--transport {job['transport']} is not available: use --transport ring", EXIT_UNSUPPORTED
        )
    with contextlib.suppress(OSError, ValueError):  # only kernels before 5.11 charge maps to it
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    module = compile_program(bcc, job)
    fds = {f"map:{name}": module[name].map_fd for name in MAPS}
    attached, notes = attach(bcc, module, PROBE_SETS[probe])
    fds.update(attached)
    return {"probe": probe, "transport": job["transport"], "notes": notes, "fds": list(fds)}, list(
        fds.values()
    )


def main(fd: int, interpreters: list[str]) -> int:
    """Serve the one job of the socket `fd`. Returns the exit code."""
    connection = socket.socket(fileno=fd)
    die_with(connection)
    bcc = import_bcc(fd, interpreters)  # while the caller is still busy with its own start
    job = json.loads(connection.recv(MESSAGE_MAX))
    answer: dict[str, Any]
    try:
        answer, fds = load(bcc, job)
    except LoadError as error:
        answer, fds = {"error": str(error), "exit": error.exit_code}, []
    socket.send_fds(connection, [json.dumps(answer).encode()], fds)
    return int(answer.get("exit", 0))


if __name__ == "__main__":
    # Not sys.exit(): LLVM's and BCC's own clean-up takes time and is of no use to anybody.
    os._exit(main(int(sys.argv[1]), sys.argv[2:]))
