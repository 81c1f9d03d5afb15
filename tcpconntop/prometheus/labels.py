"""From the labels of a series to the key of a window, as far as they tell one. Pure.

An exporter counts by destination and port, by subnet, by port or by unit (`--by`): what its labels do not
tell stays unknown in the key (`core/partial_keys.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import numpy as np

from tcpconntop.core.hosts import CGROUP_BITS, NETNS_BITS
from tcpconntop.core.partial_keys import NO_ADDRESS, OTHER_ADDRESS, OTHER_TEXT, PARTIAL
from tcpconntop.core.window.keys import KEY
from tcpconntop.core.wire import address_bytes
from tcpconntop.prometheus.answers import shown

Labels = tuple[str, str, str, str]
"""The values of `destination`, `subnet`, `port` and `unit`; empty where a series has no such label."""

NAMES = ("destination", "subnet", "port", "unit")

MAX_INTERFACES = 1 << 16
MAX_UNITS = 1 << 16


def labels_of(labels: Mapping[str, str]) -> Labels:
    """Return the labels that tell which connects a series has."""
    return (
        labels.get("destination", ""),
        labels.get("subnet", ""),
        labels.get("port", ""),
        labels.get("unit", ""),
    )


class Keys:
    """Makes the keys of the series of one host.

    Args:
        number: the number of the host, from 1.

    Attributes:
        units: names of units by their number in `cgroup_id`.
        interfaces: names of the interfaces of link-local addresses, by network namespace and index.
    """

    def __init__(self, number: int) -> None:
        self._number, self._netns = number, number << NETNS_BITS
        self._indices: dict[str, int] = {}
        self._unit_numbers: dict[str, int] = {}
        self.units: dict[int, str | None] = {}
        self.interfaces: dict[tuple[int, int], str] = {}

    def key(self, labels: Labels) -> np.void:
        """Return the key (dtype `KEY`) of a series."""
        destination, subnet, port, unit = labels
        keys = np.zeros(1, KEY)
        keys["netns"], keys["scope_id"] = self._netns, NO_ADDRESS
        if OTHER_TEXT in (destination, subnet, port, unit):
            keys["scope_id"] = OTHER_ADDRESS
        elif subnet:
            self._set_subnet(keys, subnet)
        elif destination:
            self._set_address(keys, destination)
        if port.isdecimal() and len(port) <= 5 and int(port) <= 0xFFFF:
            keys["dport"] = int(port)
        if unit and unit != OTHER_TEXT:
            keys["cgroup_id"] = self._unit(unit)
        key: np.void = keys[0]
        return key

    def _set_address(self, keys: np.ndarray[tuple[int], np.dtype[np.void]], text: str) -> None:
        address, _, interface = text.partition("%")
        try:
            raw, family = address_bytes(address)
        except ValueError:
            return
        keys["daddr"], keys["family"] = np.frombuffer(raw, "V16"), family
        keys["scope_id"] = self._interface(interface) if interface else 0

    def _set_subnet(self, keys: np.ndarray[tuple[int], np.dtype[np.void]], text: str) -> None:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            return
        raw = network.network_address.packed.ljust(16, b"\0")
        keys["daddr"], keys["family"] = np.frombuffer(raw, "V16"), network.version
        keys["scope_id"] = PARTIAL | network.prefixlen

    def _interface(self, name: str) -> int:
        """Return the index of an interface: its number among those that were seen; 0 beyond the bound."""
        if name not in self._indices and len(self._indices) < MAX_INTERFACES:
            self._indices[name] = len(self._indices) + 1
            self.interfaces[self._netns, self._indices[name]] = shown(name)
        return self._indices.get(name, 0)

    def _unit(self, name: str) -> int:
        """Return the number of a unit among those of all hosts; 0 for none, beyond `MAX_UNITS`."""
        if name not in self._unit_numbers and len(self._unit_numbers) < MAX_UNITS:
            self._unit_numbers[name] = self._number << CGROUP_BITS | len(self._unit_numbers) + 1
            self.units[self._unit_numbers[name]] = name
        return self._unit_numbers.get(name, 0)
