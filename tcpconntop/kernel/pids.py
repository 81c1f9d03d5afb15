"""The process IDs of `-p`, as the kernel side numbers processes: by process, in the initial PID namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tcpconntop.core.format import printable
from tcpconntop.kernel.process import PROC, in_initial_pid_namespace

MAX_HINTS = 3
"""How many processes in containers are named that have the wanted ID there."""


class OtherPidError(ValueError):
    """A process cannot be selected by the ID that it has in this PID namespace."""


def resolve_pids(pids: tuple[int, ...], proc: Path = PROC) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the IDs to trace, and a note for each one that is not traced as given or that no process has.

    Raises:
        OtherPidError: this process is in a PID namespace of its own, and cannot tell the kernel's number.
    """
    resolved, notes = [], []
    inside = not in_initial_pid_namespace(proc)
    for pid in pids:
        outer, note = _in_namespace(pid, proc) if inside else (pid, "")
        traced, thread_note = _process_of(outer, proc)
        resolved.append(traced)
        notes += [text for text in (note, thread_note) if text]
    return tuple(dict.fromkeys(resolved)), tuple(notes)


def _in_namespace(pid: int, proc: Path) -> tuple[int, str]:
    """Return the kernel's number of a process of this PID namespace, and a note."""
    own = _status(proc / "self").get("NSpid", [])
    if len(own) > 1 and _status(proc / "2").get("Name") == ["kthreadd"]:  # the host's /proc has both numbers
        outer = [ids[0] for ids in _namespace_pids(proc) if len(ids) == len(own) and ids[-1] == str(pid)]
        if len(outer) == 1:
            return int(outer[0]), f"-p {pid}: the process is {outer[0]} outside of this PID namespace"
    elif not (proc / str(pid)).exists():
        return pid, f"-p {pid}: taken as the process ID on the host, since this PID namespace has none"
    raise OtherPidError(
        f"-p {pid}: this is a PID namespace, and which process that is for the kernel cannot be told here; "
        "run tcpconntop in the host's PID namespace, or use -c"
    )


def _process_of(pid: int, proc: Path) -> tuple[int, str]:
    """Return the process that an ID belongs to, and a note if it is a thread's or nobody's."""
    status = _status(proc / str(pid))
    tgid = int(status.get("Tgid", [pid])[0])
    if tgid != pid:
        name = printable(" ".join(_status(proc / str(tgid)).get("Name", ["?"])))
        return tgid, f"-p {pid} is a thread of process {tgid} ({name}): that process is traced"
    if status or _exists(pid, proc):
        return pid, ""
    inside = [ids[0] for ids in _namespace_pids(proc) if len(ids) > 1 and ids[-1] == str(pid)]
    hint = f"; in a PID namespace {', '.join(inside[:MAX_HINTS])} has that ID" if inside else ""
    return pid, f"-p {pid}: there is no such process now{hint}"


def _exists(pid: int, proc: Path) -> bool:
    """Return True if there is a process that /proc hides (hidepid)."""
    if proc != PROC:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _namespace_pids(proc: Path) -> Iterator[list[str]]:
    """Yield the IDs of each process, from the namespace of /proc to the process's own."""
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            yield _status(folder).get("NSpid", [])


def _status(process: Path) -> dict[str, list[str]]:
    """Return the words of each line of /proc/PID/status by the line's name; empty if it cannot be read."""
    try:
        lines = (process / "status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    return {name: words.split() for name, _, words in (line.partition(":") for line in lines)}
