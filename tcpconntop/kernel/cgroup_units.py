"""Find the unit of each record, on cgroup v2, v1 and hybrid machines.

The BPF program records the ID of the process's group in the v2 hierarchy, which is the inode number of the
group's folder. On v1 and hybrid machines processes are in v1 hierarchies, and that ID is the root's for all
of them; then /proc/PID/cgroup has the unit, as long as the process runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tcpconntop.core.cgroup_names import unit_of
from tcpconntop.core.wire import Events

RESCAN_INTERVAL_S = 5.0
"""Shortest time between two walks of the hierarchy, and how long a process ID keeps its unit."""

_OWN_IDS = 1 << 63  # higher than any inode number


class UnitResolver:
    """Find the units of records.

    Args:
        proc: where the proc file system is mounted.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._mount = _v2_mount(proc)
        self._root_id = self._mount.stat().st_ino if self._mount else 0
        self._names: dict[int, str | None] = {}
        self._own_ids: dict[str, int] = {}
        self._id_of_process: dict[int, int] = {}
        self._rescan_s = self._forget_s = 0.0

    @property
    def names(self) -> Mapping[int, str | None]:
        """Return the units known so far, by the `cgroup_id` of records that went through `resolve`."""
        return dict(self._names)

    def resolve(self, events: Events) -> None:
        """Find the units of records. Replace a `cgroup_id` of the root by one of the unit, in place."""
        if not len(events):
            return
        if time.monotonic() >= self._forget_s:
            self._id_of_process.clear()
            self._forget_s = time.monotonic() + RESCAN_INTERVAL_S
        at_root = events["cgroup_id"] == self._root_id
        if at_root.any():
            pids, inverse = np.unique(events["tgid"][at_root], return_inverse=True)
            ids = np.array([self._v1_id(int(pid)) for pid in pids], np.uint64)
            events["cgroup_id"][at_root] = ids[inverse]
        unknown = set(np.unique(events["cgroup_id"]).tolist()) - self._names.keys()
        if unknown:
            self._find_names(unknown)

    def _v1_id(self, pid: int) -> int:
        """Return the ID for the v1 group of a process; the root's ID if it has none."""
        cgroup_id = self._id_of_process.get(pid)
        if cgroup_id is None:
            path = _v1_path(self._proc / str(pid) / "cgroup")
            cgroup_id = self._root_id
            if path is not None:
                cgroup_id = self._own_ids.setdefault(path, _OWN_IDS + len(self._own_ids))
                self._names[cgroup_id] = unit_of(path)
            self._id_of_process[pid] = cgroup_id
        return cgroup_id

    def _find_names(self, unknown: set[int]) -> None:
        if self._root_id in unknown:
            self._names[self._root_id] = None
        if self._mount is None or time.monotonic() < self._rescan_s:
            return
        self._rescan_s = time.monotonic() + RESCAN_INTERVAL_S
        for folder, _, _ in os.walk(self._mount):
            group = Path(folder).stat().st_ino
            if group in unknown:
                self._names[group] = unit_of("/" + str(Path(folder).relative_to(self._mount)).lstrip("."))


def _v2_mount(proc: Path) -> Path | None:
    """Return the mount point of the v2 hierarchy; None if it is not mounted."""
    for line in (proc / "self" / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    return None


def _v1_path(file: Path) -> str | None:
    """Return the path in systemd's hierarchy, or else the first path that is not the root; or None."""
    try:
        lines = [line.split(":", 2) for line in file.read_text().splitlines()]
    except (FileNotFoundError, ProcessLookupError):
        return None  # it has ended
    paths = {name: path for _, name, path in lines}
    named = paths.get("name=systemd") or paths.get("pids")
    return named if named and named != "/" else next((p for p in paths.values() if p != "/"), None)
