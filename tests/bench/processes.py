"""CPU time and memory of running processes."""

from __future__ import annotations

import os
import re
from pathlib import Path


def tree_of(pid: int) -> list[int]:
    """Return the number of a process and those of its children, at any depth."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return [pid, *(below for child in children for below in tree_of(child))]


def cpu_of(pid: int) -> tuple[float, float]:
    """Return the CPU time, in s, of a process and of its children that have ended: user, system."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    own_user, own_system, user, system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:15])
    return own_user + user, own_system + system


def tree_cpu_s(pid: int) -> tuple[float, float]:
    """Return the CPU time of a process and of all its children so far, in s: user, system."""
    spent_s = [cpu_of(each) for each in tree_of(pid)]
    return sum(user for user, _ in spent_s), sum(system for _, system in spent_s)


def tree_memory_mb(pid: int) -> float:
    """Return the memory of a process and its children, in MB; what several share counts once (PSS)."""
    rollups = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in tree_of(pid)]
    return sum(int(re.findall(r"^Pss:\s*(\d+)", text, re.M)[0]) for text in rollups) * 1024 / 1e6
