"""Read one running process from /proc. Its texts come from outside: control characters are removed here."""

from __future__ import annotations

import os
import pwd
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.format import printable
from tcpconntop.core.types import SECOND_NS

PROC = Path("/proc")
INIT_PID_NAMESPACE = 0xEFFFFFFC
"""Inode number of the initial PID namespace (PROC_PID_INIT_INO), to which the PIDs in records belong."""


HIDDEN = "/proc hides this process (hidepid)"
OTHER_PIDS = "this is a PID namespace: its /proc has other PIDs, so the process cannot be looked up here"


class UnknownProcessError(Exception):
    """/proc here cannot tell anything about the process; the text says why."""


@dataclass(frozen=True)
class ProcessInfo:
    """One process: an ID, from its start to its end.

    Attributes:
        pid: its ID, which another process may get later.
        comm: its name.
        user: name of the user that it runs as.
        command: its command line, in one line; empty for a kernel thread.
        started_s: start time, Unix seconds.
        start_ticks: start time in clock ticks since boot; distinguishes processes with the same ID.
    """

    pid: int
    comm: str
    user: str
    command: str
    started_s: float
    start_ticks: int


def read_process(pid: int, proc: Path = PROC) -> ProcessInfo | None:
    """Return the process that the kernel gives this ID; None if there is none, or it is a zombie.

    Raises:
        UnknownProcessError: it runs, but /proc hides it from this user; or /proc is that of a PID namespace,
            where another process may have this ID.
    """
    if not in_initial_pid_namespace(proc):
        raise UnknownProcessError(OTHER_PIDS)
    folder = proc / str(pid)
    try:
        ticks = _start_ticks(folder)
        comm = (folder / "comm").read_text("utf-8", "replace").rstrip("\n")
        command = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
        lines = (folder / "status").read_text("utf-8", "replace").splitlines()
        uid = next(int(line.split()[2]) for line in lines if line.startswith("Uid:"))
        booted_s = next(int(line.split()[1]) for line in _lines(proc / "stat") if line.startswith("btime"))
    except PermissionError:
        raise UnknownProcessError(HIDDEN) from None
    except (OSError, StopIteration, ValueError, IndexError):  # it ended in between
        if proc == PROC:
            _check_hidden(pid)
        return None
    if ticks is None:
        return None
    words = " ".join(command.rstrip("\0").split("\0"))
    started_s = booted_s + ticks / os.sysconf("SC_CLK_TCK")
    return ProcessInfo(pid, printable(comm), _user(uid), printable(words), started_s, ticks)


def in_initial_pid_namespace(proc: Path = PROC) -> bool:
    """Return True if the PIDs in records are those of /proc: False in a container with PIDs of its own."""
    try:
        return (proc / "self/ns/pid").stat().st_ino == INIT_PID_NAMESPACE
    except OSError:
        return True  # a kernel without PID namespaces


def own_memory_bytes() -> int:
    """Return the resident memory of this process (proc_pid_statm(5))."""
    resident_pages = (PROC / "self/statm").read_text("ascii").split()[1]
    return int(resident_pages) * resource.getpagesize()


def own_start_s() -> float:
    """Return when this process was started, as Unix time."""
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - (_start_ticks(PROC / "self") or 0) / os.sysconf(
        "SC_CLK_TCK"
    )
    return time.time() - age_s


def started_before(folder: Path, moment_ns: int) -> bool:
    """Return True if a process started before a time (CLOCK_MONOTONIC): its PID was not reused since."""
    try:
        ticks = _start_ticks(folder, zombie=True)
    except (OSError, ValueError, IndexError):
        return False
    suspended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    since_boot_ns = (ticks or 0) * SECOND_NS // os.sysconf("SC_CLK_TCK")
    return since_boot_ns - suspended_ns <= moment_ns


def _check_hidden(pid: int) -> None:
    """Raise UnknownProcessError if a process that /proc does not show exists, and is of another user."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return
    except PermissionError:
        raise UnknownProcessError(HIDDEN) from None


def _start_ticks(folder: Path, *, zombie: bool = False) -> int | None:
    """Return the start time in clock ticks (proc_pid_stat(5)); None for a zombie, unless one is asked for."""
    # The name is in brackets, and may contain brackets itself.
    fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return None if fields[0] in "ZXx" and not zombie else int(fields[19])


def _lines(file: Path) -> list[str]:
    return file.read_text("ascii", "replace").splitlines()


def _user(uid: int) -> str:
    try:
        return printable(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"uid {uid}"
