"""Finds the names of the interfaces and network namespaces of records, in /proc and /run/netns.

An interface has a name in its network namespace alone. /proc/PID/net/if_inet6, which everybody may read,
lists those of the namespace of a process.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from tcpconntop.core.format import printable
from tcpconntop.core.places import Places
from tcpconntop.core.wire import Events
from tcpconntop.kernel.process import in_initial_pid_namespace, started_before
from tcpconntop.sources.completeness import inode_number

LOOK_INTERVAL_S = 2.0
"""How often the same interface, or a namespace without a name, is looked for again."""

MAX_LOOKS = 16
"""Upper bound of the processes that are looked at per batch of records."""

MAX_NAMES = 4096
"""Upper bound of the names that are kept of each kind; the oldest are dropped."""

HOST = "host"
"""The name of the network namespace in which the host's first process runs."""


class PlaceNames:
    """Finds names. What cannot be read is left without a name, and never ends anything.

    Args:
        proc: mount point of the proc file system.
        run_netns: where `ip netns` mounts the namespaces that it names.
    """

    def __init__(self, proc: Path = Path("/proc"), run_netns: Path = Path("/run/netns")) -> None:
        self._proc, self._run_netns = proc, run_netns
        self._interfaces: dict[tuple[int, int], str] = {}
        self._namespaces: dict[int, str] = {}
        self._looked_s: dict[tuple[int, int], float] = {}
        self._named_s = -LOOK_INTERVAL_S
        self._looked_for: set[int] = {0}
        self._file_of: dict[int, int] = {}  # inode number of if_inet6 in each namespace
        self._places = Places()
        self._same_pid_namespace = in_initial_pid_namespace(proc)
        self._own = inode_number(proc / "thread-self/ns/net") or 0
        own_file, first_file = (inode_number(proc / name / "net/if_inet6") for name in ("thread-self", "1"))
        if own_file is not None:
            self._file_of[self._own] = own_file
        if self._own and self._same_pid_namespace and own_file is not None and own_file == first_file:
            self._namespaces[self._own] = HOST
            self._publish()

    @property
    def places(self) -> Places:
        """The names that were found so far."""
        return self._places

    def resolve(self, events: Events) -> None:
        """Look for the names of the interfaces and network namespaces of records."""
        if len(events):
            changed = self._name_namespaces(events)
            changed |= self._name_interfaces(events[events["scope_id"] > 0])
            if changed:
                self._publish()

    def _publish(self) -> None:
        for place in list(self._interfaces)[:-MAX_NAMES]:
            del self._interfaces[place]
        for netns in list(self._namespaces)[1:-MAX_NAMES]:
            del self._namespaces[netns]
        self._places = Places(dict(self._interfaces), dict(self._namespaces))

    def _name_namespaces(self, events: Events) -> bool:
        """Look in /run/netns if records have a namespace without a name; return True if any changed."""
        unknown = set(np.unique(events["netns"]).tolist()) - self._looked_for
        if not unknown or time.monotonic() - self._named_s < LOOK_INTERVAL_S:
            return False
        self._named_s = time.monotonic()
        names: dict[int, str] = {}
        try:
            for entry in sorted(os.scandir(os.fsencode(self._run_netns)), key=lambda entry: entry.name):
                inode = inode_number(Path(os.fsdecode(entry.path)))
                if inode is not None and self._namespaces.get(inode) != HOST:
                    names.setdefault(inode, printable(entry.name.decode("utf-8", "replace")))
        except OSError:
            pass
        self._looked_for = {0, *self._namespaces, *names}
        changed = any(self._namespaces.get(netns) != name for netns, name in names.items())
        self._namespaces.update(names)
        return changed

    def _name_interfaces(self, scoped: Events) -> bool:
        """Look for the names of interfaces; return True if any changed."""
        if not len(scoped):
            return False
        changed, now_s, looks = False, time.monotonic(), 0
        pairs, last = np.unique(scoped[["netns", "scope_id"]][::-1], return_index=True)
        for (netns, index), position in zip(pairs.tolist(), last.tolist(), strict=True):
            place = (netns, index)
            if now_s - self._looked_s.get(place, -LOOK_INTERVAL_S) < LOOK_INTERVAL_S or looks == MAX_LOOKS:
                continue
            looks += 1
            if len(self._looked_s) >= MAX_NAMES:
                self._looked_s.clear()
            self._looked_s[place] = now_s
            event = scoped[len(scoped) - 1 - position]
            names = self._interfaces_of(netns, int(event["tgid"]), int(event["begin_ns"]))
            for number, name in {index: self._interfaces.get(place, ""), **names}.items():
                changed |= self._interfaces.get((netns, number)) != name
                self._interfaces[netns, number] = name
        return changed

    def _interfaces_of(self, netns: int, pid: int, begin_ns: int) -> dict[int, str]:
        """Return the names of a namespace's interfaces by index; empty if no process of it can be read."""
        if netns == self._own:
            return interface_names(self._proc / "thread-self")
        process = self._proc / str(pid)
        if not self._same_pid_namespace or not started_before(process, begin_ns):
            return {}
        file, link = inode_number(process / "net/if_inet6"), inode_number(process / "ns/net")
        # A thread may be in another namespace than its process. Where the link cannot be read, the process
        # must not have the file of a namespace that is known to be another one.
        known = {inode: other for other, inode in self._file_of.items()}
        if file is None or link not in (None, netns) or known.get(file, netns) != netns:
            return {}
        if len(self._file_of) >= MAX_NAMES:
            self._file_of = {self._own: self._file_of.get(self._own, 0)}
        self._file_of[netns] = file
        return interface_names(process)


def interface_names(process: Path) -> dict[int, str]:
    """Return the names of the interfaces with an IPv6 address, by index, where a process runs."""
    try:
        lines = (process / "net/if_inet6").read_text("utf-8", "replace").splitlines()
        return {int(words[1], 16): printable(words[5]) for words in map(str.split, lines) if len(words) > 5}
    except (OSError, ValueError):
        return {}
