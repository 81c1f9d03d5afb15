"""The values of filter terms, brought to the form in which records hold them. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from tcpconntop.core.view.filter_lexer import FilterError
from tcpconntop.core.wire import COMM_LEN, comm_text

MAX_COMM_BYTES = COMM_LEN - 1
"""How many bytes of a process's name the kernel keeps."""

MAPPED_BITS = 96
"""Bits of the prefix of IPv4-mapped IPv6 addresses (`::ffff:0:0/96`)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Destination(NamedTuple):
    """A network, and the interface that a link-local one is on.

    Attributes:
        network: the network; one address is a network of full length.
        interface: name or index of the interface; empty for any.
    """

    network: Network
    interface: str


def parse_destinations(text: str) -> list[Destination]:
    """Return the networks of a list such as `10.0.0.0/8,fd00::/8,fe80::1%eth0`.

    Records hold IPv4-mapped addresses as IPv4, and so do the networks.

    Raises:
        FilterError: a part is neither an address nor a network.
    """
    try:
        return [_parse_destination(part.strip()) for part in text.split(",")]
    except ValueError:
        raise FilterError(f"'{text}' is not an address or network such as 10.0.0.0/8") from None


def _parse_destination(text: str) -> Destination:
    address, _, zone = text.partition("%")
    interface, slash, bits = zone.partition("/")
    network = ipaddress.ip_network(address + slash + bits, strict=False)
    if ("%" in text) != bool(interface) or (interface and network.version == 4):
        raise ValueError(text)
    if network.version == 6 and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return Destination(ipaddress.IPv4Network((mapped, network.prefixlen - MAPPED_BITS)), interface)
    return Destination(network, interface)


def kept_comm(name: str) -> str:
    """Return what the kernel keeps of a process's name."""
    return comm_text(name.encode("utf-8", "surrogateescape")[:MAX_COMM_BYTES])


def is_cut_comm(comm: str) -> bool:
    """Return True if a process's name is so long that the kernel may have cut it."""
    return len(comm.encode("utf-8", "surrogateescape")) >= MAX_COMM_BYTES


def comm_note(name: str) -> str:
    """Return why another name than the given one is compared; empty if it is not."""
    kept = kept_comm(name)
    if kept == name:
        return ""
    return (
        f"the kernel keeps {MAX_COMM_BYTES} letters of a process name: '{kept}' is looked for, not '{name}'"
    )


def parse_pid(text: str) -> str:
    """Return a process ID as text.

    Raises:
        FilterError: it is not a number that a process can have.
    """
    if not text.isdecimal() or not 0 < int(text) < 1 << 32:
        raise FilterError(f"'{text}' is not a process ID")
    return str(int(text))


def parse_port(text: str, ports: Mapping[str, int]) -> str:
    """Return the number of a port, which may be given by its name, as text.

    Raises:
        FilterError: there is no such port.
    """
    number = int(text) if text.isdecimal() else ports.get(text.casefold())
    if number is None:
        raise FilterError(f"no port is called '{text}': give its number")
    if number > 65535:
        raise FilterError(f"'{text}' is not a port: the highest is 65535")
    return str(number)
