"""Read one running process from /proc. Its texts come from outside: control characters are removed here."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.format import printable

PROC = Path("/proc")


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
    """Return the process with this ID; None if there is none, or it is a zombie."""
    folder = proc / str(pid)
    try:
        ticks = _start_ticks(folder)
        comm = (folder / "comm").read_text("utf-8", "replace").rstrip("\n")
        command = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
        lines = (folder / "status").read_text("utf-8", "replace").splitlines()
        uid = next(int(line.split()[2]) for line in lines if line.startswith("Uid:"))
        booted_s = next(int(line.split()[1]) for line in _lines(proc / "stat") if line.startswith("btime"))
    except (OSError, StopIteration):  # it ended in between
        return None
    if ticks is None:
        return None
    words = " ".join(command.rstrip("\0").split("\0"))
    started_s = booted_s + ticks / os.sysconf("SC_CLK_TCK")
    return ProcessInfo(pid, printable(comm), _user(uid), printable(words), started_s, ticks)


def _start_ticks(folder: Path) -> int | None:
    """Return the start time in clock ticks; None for a zombie (proc_pid_stat(5))."""
    # The name is in brackets, and may contain brackets itself.
    fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return None if fields[0] in "ZXx" else int(fields[19])


def _lines(file: Path) -> list[str]:
    return file.read_text("ascii", "replace").splitlines()


def _user(uid: int) -> str:
    try:
        return printable(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"uid {uid}"
