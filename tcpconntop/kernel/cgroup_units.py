"""Find the unit of each record, on cgroup v2, v1 and hybrid machines.

The BPF program records the ID of the process's group in the v2 hierarchy, which is the inode number of the
group's folder. /proc/PID/cgroup names the group as long as the process runs; else the hierarchy is walked, a
few milliseconds at a time. On v1 and hybrid machines processes are in v1 hierarchies, and that ID is the
root's for all of them; then only /proc/PID/cgroup has the unit.

A name only decorates: nothing here raises, and no call takes longer than `ASK_S` plus `STEP_S`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tcpconntop.core.cgroup_names import unit_of
from tcpconntop.core.wire import Events
from tcpconntop.kernel.cgroup_files import DELETED, inode, read_groups, v1_path, v2_mount, walk_groups
from tcpconntop.kernel.process import in_initial_pid_namespace, started_before

RESCAN_INTERVAL_S = 5.0
"""Shortest time between two walks of the hierarchy, and how long a process ID keeps its unit."""

ASK_S = 0.05
"""Upper bound of the time in which processes are asked for their groups, per batch of records."""

STEP_S, STEP_INTERVAL_S = 0.005, 0.1
"""How long a step of a walk takes, and the shortest time between two steps."""

MAX_TIME_SHARE, MAX_PAUSE_S = 0.02, 60.0
"""Share of the time that may be spent on walks: after one that took 0.4 s, none begins for 20 s. The pause is
bounded, so that names are found where a walk takes long, too: a step of it takes no longer there."""

MAX_WALKS, MAX_ASKED = 2, 16
"""How many whole walks look for a group, and how many processes are asked for it."""

MAX_NAMES = 65_536
"""How many names are kept; beyond that, those that were found first are forgotten."""

_ROOT_ID = 1  # of the v2 hierarchy, whether it is mounted or not
_OWN_IDS = 1 << 63  # higher than any inode number


class UnitResolver:
    """Find the units of records.

    Args:
        proc: where the proc file system is mounted.
        clock_s: a monotonic clock.
    """

    def __init__(self, proc: Path = Path("/proc"), clock_s: Callable[[], float] = time.monotonic) -> None:
        self._proc, self._clock_s = proc, clock_s
        self._mount = v2_mount(proc)
        self._root_id = (inode(self._mount) if self._mount else None) or _ROOT_ID
        self._pids_match = in_initial_pid_namespace(proc)
        self._names: dict[int, str | None] = {}
        self._own_ids: dict[bytes, int] = {}
        self._id_of_process: dict[int, int] = {}
        self._times_asked: dict[int, int] = {}  # by ID of a group without a name
        self._walks_left: dict[int, int] = {}  # by ID of a group that walks look for
        self._walk: Iterator[tuple[int, bytes] | None] | None = None
        self._sought: set[int] = set()  # the groups that were known when the walk began
        self._walk_began_s = self._walk_took_s = 0.0
        self._next_walk_s = self._next_step_s = self._forget_s = float("-inf")
        self._unnamed_groups, self._unnamed_pids = 0, set[int]()
        self._next_own_id = count(_OWN_IDS)

    @property
    def names(self) -> Mapping[int, str | None]:
        """Return the units known so far, by the `cgroup_id` of records that went through `resolve`."""
        return dict(self._names)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line if units are not known, and why."""
        n_groups, n_processes = self._unnamed_groups, len(self._unnamed_pids)
        parts = [f"{n_groups} control group{'s' * (n_groups != 1)}"] * (n_groups > 0)
        parts += [f"{n_processes} process{'es' * (n_processes != 1)}"] * (n_processes > 0)
        if not parts:
            return ()
        gone = "gone, or hidden, before it could be read"
        why = gone if self._pids_match else "this is a PID namespace; with the host's PIDs more can be told"
        return (f"the unit of {' and '.join(parts)} is not known: {why}",)

    def resolve(self, events: Events) -> None:
        """Find the units of records. Replace a `cgroup_id` of the root by one of the unit, in place.

        Call it also without records: groups that have no name yet are looked for again.
        """
        now_s = self._clock_s()
        if now_s >= self._forget_s:
            self._id_of_process.clear()
            self._forget_s = now_s + RESCAN_INTERVAL_S
        if len(events):
            self._names.setdefault(self._root_id, None)
            self._resolve_v1(events, now_s + ASK_S)
            self._resolve_v2(events, now_s + ASK_S)
            self._forget_names()
        self._continue_walk()

    @property
    def is_looking(self) -> bool:
        """True if groups of records have no name yet, and the next `resolve` may find it."""
        return bool(self._walks_left) and self._mount is not None

    def _resolve_v1(self, events: Events, until_s: float) -> None:
        ids = events["cgroup_id"]
        at_root = (ids == self._root_id) | (ids == _ROOT_ID)
        if not at_root.any():
            return
        own = events[at_root]
        pids, first, inverse = np.unique(own["tgid"], return_index=True, return_inverse=True)
        began = own["begin_ns"][first]
        found = [
            self._v1_id(*process, until_s) for process in zip(pids.tolist(), began.tolist(), strict=True)
        ]
        events["cgroup_id"][at_root] = np.array(found, np.uint64)[inverse]

    def _v1_id(self, pid: int, began_ns: int, until_s: float) -> int:
        """Return the ID for the v1 group of a process; the root's ID if it has none, or it is not known."""
        cgroup_id = self._id_of_process.get(pid)
        if cgroup_id is not None:
            return cgroup_id
        if self._clock_s() >= until_s:
            return self._root_id
        groups = read_groups(self._proc, pid) if self._pids_match else None
        path, cgroup_id = None, self._root_id
        if groups is None or not started_before(self._proc / str(pid), began_ns):
            self._unnamed_pids.add(pid)
        else:
            path = v1_path(groups)
        if path is not None:
            if path not in self._own_ids:
                self._own_ids[path] = next(self._next_own_id)
            cgroup_id = self._own_ids[path]
            self._names[cgroup_id] = _unit(path)
        self._id_of_process[pid] = cgroup_id
        return cgroup_id

    def _resolve_v2(self, events: Events, until_s: float) -> None:
        """Ask the processes of the first and of the last record of each group without a name."""
        for records in (events, events[::-1]):
            ids, first = np.unique(records["cgroup_id"], return_index=True)
            for group, index in zip(ids.tolist(), first.tolist(), strict=True):
                if group in self._names or self._clock_s() >= until_s:
                    continue
                if group not in self._times_asked:
                    self._times_asked[group] = 0
                    self._walks_left[group] = MAX_WALKS
                if self._times_asked[group] < MAX_ASKED:
                    self._times_asked[group] += 1
                    self._ask(group, int(records["tgid"][index]), int(records["begin_ns"][index]))

    def _ask(self, group: int, pid: int, began_ns: int) -> None:
        path = (read_groups(self._proc, pid) or {}).get(b"")
        if path is not None and self._is_path_of(group, path, pid, began_ns):
            self._name_group(group, path if not path.endswith(DELETED) else path.removesuffix(DELETED))

    def _is_path_of(self, group: int, path: bytes, pid: int, began_ns: int) -> bool:
        """Return True if a process's path is the one of a group: it may have moved, or be another process."""
        if self._mount is not None and not path.startswith(b"/.."):
            found = inode(self._mount + path)
            if found is not None:
                return found == group
        # The path is outside what can be seen here, or the group was removed.
        return self._pids_match and path != b"/" and started_before(self._proc / str(pid), began_ns)

    def _name_group(self, group: int, path: bytes) -> None:
        self._names[group] = _unit(path)
        self._times_asked.pop(group, None)
        if self._walks_left.pop(group, None) is None:
            self._unnamed_groups = max(self._unnamed_groups - 1, 0)  # it was given up before

    def _continue_walk(self) -> None:
        """Look for groups without a name in the hierarchy, for `STEP_S` at most."""
        now_s = self._clock_s()
        if self._mount is None:
            self._give_up(list(self._walks_left))
        if not self._walks_left or now_s < self._next_step_s:
            return
        if self._walk is None:
            if now_s < self._next_walk_s:
                return
            self._walk, self._sought = walk_groups(self._mount or b""), set(self._walks_left)
            self._walk_began_s, self._walk_took_s = now_s, 0.0
        self._next_step_s = now_s + STEP_INTERVAL_S
        for entry in self._walk:
            if entry is not None and entry[0] in self._walks_left:
                self._name_group(*entry)
            if not self._walks_left or self._clock_s() >= now_s + STEP_S:
                break
        else:
            self._end_walk()
        took_s = self._clock_s() - now_s
        self._walk_took_s += took_s
        pause_s = min(self._walk_took_s / MAX_TIME_SHARE, MAX_PAUSE_S)
        self._next_walk_s = max(self._walk_began_s + RESCAN_INTERVAL_S, self._clock_s() + pause_s)
        if not self._walks_left:
            self._walk = None

    def _end_walk(self) -> None:
        """Count a whole walk for the groups that it looked for and did not find."""
        self._walk = None
        for group in self._sought & self._walks_left.keys():
            self._walks_left[group] -= 1
        self._give_up([group for group, left in self._walks_left.items() if left <= 0])

    def _give_up(self, groups: list[int]) -> None:
        for group in groups:
            del self._walks_left[group]
            self._unnamed_groups += 1

    def _forget_names(self) -> None:
        tables: tuple[dict[Any, Any], ...] = (self._names, self._own_ids, self._times_asked, self._walks_left)
        for table in tables:
            if len(table) > MAX_NAMES:
                for name in list(table)[: MAX_NAMES // 4]:
                    del table[name]
        if len(self._unnamed_pids) > MAX_NAMES:
            self._unnamed_pids.pop()


def _unit(path: bytes) -> str | None:
    """Return the unit of a group; bytes that are not UTF-8 become U+FFFD, as in names of processes."""
    return unit_of(path.decode("utf-8", "replace"))
