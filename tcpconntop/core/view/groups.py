"""Groupings: how keys are merged into rows, and how the key of a row is formatted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcpconntop.core.format import count, printable
from tcpconntop.core.hosts import only_host
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.partial_keys import PARTIAL, partial_address_text
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import address_text, comm_text

if TYPE_CHECKING:
    from tcpconntop.core import counts
    from tcpconntop.core.window import keys as all_keys
    from tcpconntop.core.window.keys import Keys
else:
    counts, all_keys = lazy("tcpconntop.core.counts"), lazy("tcpconntop.core.window.keys")

SUBNET_BITS = {4: 24, 6: 64}


@dataclass(frozen=True)
class Grouping:
    """A way to merge keys.

    Attributes:
        name: its name for `--group`.
        title: its name in the dashboard.
        fields: the fields of a key in which rows differ.
        by_host: True if of `netns` only the host counts.
    """

    name: str
    title: str
    fields: tuple[str, ...]
    by_host: bool = False

    @property
    def singular(self) -> str:
        """The name of one row: `process`, `pair of host and destination`."""
        return f"pair of {self.title}" if " and " in self.title else self.title

    @property
    def plural(self) -> str:
        """The name of several rows: `processes`, `pairs of host and destination`."""
        if " and " in self.title:
            return f"pairs of {self.title}"
        return f"{self.title}es" if self.title.endswith("s") else f"{self.title}s"

    def counted(self, n: int) -> str:
        """Format a number of rows: `1 process`, `97 destinations`."""
        return f"{count(n)} {self.singular if n == 1 else self.plural}"

    def has(self, field: str) -> bool:
        """True if rows differ in a field of the key, or in `host`."""
        if field == "host":
            return self.by_host
        return field in self.fields and not (self.by_host and field == "netns")

    def merge(self, keys: Keys) -> tuple[Keys, Rows]:
        """Merge n keys.

        Returns:
            The key of each group in the order of first appearance, its other fields zeroed; and the group
            of each given key, shape (n,).
        """
        reduced = np.zeros(len(keys), all_keys.KEY)
        for name in (*self.fields, "special"):
            reduced[name] = keys[name]
        if self.name == "subnet":
            _mask_addresses(reduced)
        if self.by_host:
            reduced["netns"] = only_host(reduced["netns"])
        hashes = all_keys.hash_fields(reduced, (*self.fields, "special"))
        order = counts.radix_order(hashes)
        starts = counts.run_starts(hashes[order])
        first = order[starts]
        appearance = np.argsort(first)
        rank = np.empty(len(first), np.int64)
        rank[appearance] = np.arange(len(first))
        groups = np.empty(len(keys), np.int64)
        groups[order] = np.repeat(rank, np.diff(starts, append=len(order)))
        return reduced.take(first[appearance]), groups


_PROCESS = ("tgid", "process_start_ns", "comm")  # all keys of a process have the same name

GROUPINGS = {
    grouping.name: grouping
    for grouping in (
        Grouping("dest", "destination", ("daddr", "scope_id", "family", "dport")),
        Grouping("host", "host", ("netns",), by_host=True),
        Grouping(
            "host+dest",
            "host and destination",
            ("netns", "daddr", "scope_id", "family", "dport"),
            by_host=True,
        ),
        Grouping("process", "process", _PROCESS),
        Grouping(
            "process+dest",
            "process and destination",
            (*_PROCESS, "daddr", "scope_id", "family", "dport"),
        ),
        Grouping("port", "port", ("dport",)),
        Grouping("subnet", "subnet", ("daddr", "scope_id", "family")),
        Grouping("unit", "unit", ("cgroup_id",)),
        Grouping("netns", "network namespace", ("netns",)),
        Grouping(
            "netns+dest",
            "network namespace and destination",
            ("netns", "daddr", "scope_id", "family", "dport"),
        ),
    )
}
"""Every grouping by its name, in the order of the keys `g` and `G`. The first question to several hosts is:
which of them? So they come early."""


def next_grouping(now: str, by: int, has_hosts: bool) -> str:
    """Return the name of the next grouping (`by` 1) or the previous one (-1).

    Args:
        now: name of the grouping.
        by: which way.
        has_hosts: True if there are several hosts: only then by host.
    """
    names = [name for name, kind in GROUPINGS.items() if has_hosts or not kind.by_host or name == now]
    return names[(names.index(now) + by) % len(names)]


def subrow_grouping(grouping: Grouping, has_hosts: bool) -> str:
    """Return the grouping of the subrows of a row; empty if the row is one process and one destination.

    Args:
        grouping: that of the row.
        has_hosts: True if there are several hosts.
    """
    if grouping.has("tgid"):
        return "" if grouping.has("daddr") else "dest"
    if grouping.name == "host":
        return "dest"
    return "host" if has_hosts and not grouping.by_host else "process"


def located_key(group: np.void, keys: Keys) -> np.void:
    """Return the key of a group, with the network namespace of its keys if they are all in one."""
    located: np.void = group.copy()
    if len(keys) and (keys["netns"] == keys["netns"][0]).all():
        located["netns"] = keys["netns"][0]
    return located


def key_address_text(key: np.void, places: Places = NO_PLACES) -> str:
    """Format the address of a key or record; a link-local one with its interface: `fe80::1%eth0`."""
    text, scope_id = address_text(key["daddr"].tobytes(), int(key["family"])), int(key["scope_id"])
    if scope_id >= PARTIAL:
        return partial_address_text(text, scope_id)
    return f"{text}%{places.interface(int(key['netns']), scope_id)}" if scope_id else text


def destination_text(key: np.void, grouping: Grouping, places: Places = NO_PLACES) -> str:
    """Format the destination of a row's key like `key_address_text`; a subnet with its prefix length."""
    if key["special"]:
        return "other"
    text = key_address_text(key, places)
    is_cut = grouping.name == "subnet" and key["scope_id"] < PARTIAL
    return f"{text}/{SUBNET_BITS[int(key['family'])]}" if is_cut else text


def process_text(key: np.void) -> str:
    """Format the process name of a key without control characters; `-` if it is empty."""
    return "other" if key["special"] else process_name(bytes(key["comm"]))


def process_name(comm: bytes) -> str:
    """Format a process name without control characters; `-` if it is empty."""
    return printable(comm_text(comm)) or "-"


def _mask_addresses(keys: Keys) -> None:
    """Clear the host bits of the addresses in place."""
    octets = all_keys.address_octets(keys)
    for family, bits in SUBNET_BITS.items():
        octets[keys["family"] == family, bits // 8 :] = 0
    keys["daddr"] = octets.view("V16").ravel()


def address_port_text(key: np.void, places: Places = NO_PLACES) -> str:
    """Format the address and port of a key: `10.0.0.1:443`, `[::1]:443`, `[fe80::1%eth0]:443`."""
    address = key_address_text(key, places)
    return f"[{address}]:{key['dport']}" if ":" in address else f"{address}:{key['dport']}"
