"""What /proc tells of one process while it runs. Its texts are foreign: they are made safe to show here."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.format import printable

PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessInfo:
    """One life of a process id.

    Attributes:
        pid: its id, which another process may have later.
        comm: its name.
        user: the user that it runs as.
        command: what it was started with, in one line; empty for a thread of the kernel.
        started_s: when, as Unix time.
        start_ticks: the same as the kernel counts it, which tells one life of an id from the next.
    """

    pid: int
    comm: str
    user: str
    command: str
    started_s: float
    start_ticks: int


def read_process(pid: int, proc: Path = PROC) -> ProcessInfo | None:
    """Describe a process; None when there is none of that id, or it has ended and waits for its parent."""
    folder = proc / str(pid)
    try:
        ticks = _start_ticks(folder)
        comm = (folder / "comm").read_text("utf-8", "replace").rstrip("\n")
        command = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
        lines = (folder / "status").read_text("utf-8", "replace").splitlines()
        uid = next(int(line.split()[2]) for line in lines if line.startswith("Uid:"))
        booted_s = next(int(line.split()[1]) for line in _lines(proc / "stat") if line.startswith("btime"))
    except (OSError, StopIteration):  # it ended while it was looked at
        return None
    if ticks is None:
        return None
    words = " ".join(command.rstrip("\0").split("\0"))
    started_s = booted_s + ticks / os.sysconf("SC_CLK_TCK")
    return ProcessInfo(pid, printable(comm), _user(uid), printable(words), started_s, ticks)


def _start_ticks(folder: Path) -> int | None:
    """Give when a process started; None for one that has ended (proc_pid_stat(5))."""
    # The name stands in brackets and may hold any character, brackets too.
    fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return None if fields[0] in "ZXx" else int(fields[19])


def _lines(file: Path) -> list[str]:
    return file.read_text("ascii", "replace").splitlines()


def _user(uid: int) -> str:
    try:
        return printable(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"uid {uid}"
