"""Names of network interfaces and network namespaces, which records hold as numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from tcpconntop.core.hosts import host_number

UnitNames = Mapping[int, str | None]
"""Names of control groups by `cgroup_id`; None or absent where a name is not known."""


@dataclass(frozen=True)
class Places:
    """The names that are known.

    Attributes:
        interfaces: name of an interface by network namespace and index; empty if it could not be found out.
        namespaces: name of a network namespace by its inode number; `host` is that of the host itself.
        hosts: names of the hosts in the order of their numbers, if there are several; else empty.
        inodes: inode number of a network namespace by its number, where several hosts have been merged.
    """

    interfaces: Mapping[tuple[int, int], str] = field(default_factory=dict)
    namespaces: Mapping[int, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    inodes: Mapping[int, int] = field(default_factory=dict)

    def interface(self, netns: int, index: int) -> str:
        """Return the name of an interface, or its index where the name is not known.

        Args:
            netns: its network namespace; 0 for any: then the name is given if all that are known agree.
            index: its index.
        """
        if netns:
            return self.interfaces.get((netns, index)) or str(index)
        names = {name for (_, other), name in self.interfaces.items() if other == index}
        return (names.pop() if len(names) == 1 else "") or str(index)

    def namespace(self, netns: int) -> str:
        """Return the name of a network namespace, or its inode number; `-` if that is 0 (not recorded).

        One of several hosts comes before it: `db-07/host`.
        """
        inode, host = self.inode(netns), self.host(netns)
        name = self.namespaces.get(netns) or (str(inode) if inode else "-")
        return f"{host}/{name}" if host else name

    def inode(self, netns: int) -> int:
        """Return the inode number of a network namespace; 0 if it was not recorded."""
        return self.inodes.get(netns, 0) if self.hosts else netns

    def host(self, netns: int) -> str:
        """Return the name of the host that a network namespace is of; empty if there is only one host."""
        number = host_number(netns)
        return self.hosts[number - 1] if 0 < number <= len(self.hosts) else ""

    def since(self, earlier: Places) -> Places:
        """Return the names that are new or have changed."""
        return Places(
            {key: name for key, name in self.interfaces.items() if earlier.interfaces.get(key) != name},
            {key: name for key, name in self.namespaces.items() if earlier.namespaces.get(key) != name},
            self.hosts,
            self.inodes,
        )

    def updated(self, newer: Places) -> Places:
        """Return these names and newer ones."""
        if not (newer.interfaces or newer.namespaces or newer.hosts or newer.inodes):
            return self
        return Places(
            {**self.interfaces, **newer.interfaces},
            {**self.namespaces, **newer.namespaces},
            newer.hosts or self.hosts,
            {**self.inodes, **newer.inodes},
        )


NO_PLACES = Places()


class Names(NamedTuple):
    """Every name that user space adds to records; `host` is that of the only host."""

    units: UnitNames = MappingProxyType({})
    places: Places = NO_PLACES
    host: str = ""


NO_NAMES = Names()
