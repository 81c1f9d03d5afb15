"""Names of network interfaces and network namespaces, which records hold as numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

UnitNames = Mapping[int, str | None]
"""Names of control groups by `cgroup_id`; None or absent where a name is not known."""


@dataclass(frozen=True)
class Places:
    """The names that are known.

    Attributes:
        interfaces: name of an interface by network namespace and index; empty if it could not be found out.
        namespaces: name of a network namespace by its inode number; `host` is that of the host itself.
    """

    interfaces: Mapping[tuple[int, int], str] = field(default_factory=dict)
    namespaces: Mapping[int, str] = field(default_factory=dict)

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
        """Return the name of a network namespace, or its inode number; `-` if that is 0 (not recorded)."""
        return self.namespaces.get(netns) or (str(netns) if netns else "-")

    def since(self, earlier: Places) -> Places:
        """Return the names that are new or have changed."""
        return Places(
            {key: name for key, name in self.interfaces.items() if earlier.interfaces.get(key) != name},
            {key: name for key, name in self.namespaces.items() if earlier.namespaces.get(key) != name},
        )

    def updated(self, newer: Places) -> Places:
        """Return these names and newer ones."""
        if not newer.interfaces and not newer.namespaces:
            return self
        return Places({**self.interfaces, **newer.interfaces}, {**self.namespaces, **newer.namespaces})


NO_PLACES = Places()


class Names(NamedTuple):
    """Every name that user space adds to records."""

    units: UnitNames = MappingProxyType({})
    places: Places = NO_PLACES


NO_NAMES = Names()
