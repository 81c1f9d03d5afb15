"""Counts the local ports in use towards each destination, from the kernel's tables of TCP sockets.

    sl  local_address rem_address   st …
     0: 0100007F:9EFF 0100007F:1538 01 …     addresses in words of 32 bits, in the byte order of the machine

A chunk of lines is parsed as one numpy array of characters, without a loop over lines: in every line, each
field has the same distance from the line's first colon.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import radix_order, run_starts
from tcpconntop.core.window.host import Destination
from tcpconntop.core.window.keys import hash_fields

CHUNK_BYTES = 1 << 20
MAX_CHUNKS = 32
"""Upper bound of what is read of a table: 200,000 sockets. Counts of a longer table are lower bounds."""

_TIME_WAIT = 6
_SOCKET = np.dtype([("saddr", "V16"), ("daddr", "V16"), ("dport", "u2"), ("family", "u2"), ("pad", "u4")])
_HEX = np.zeros(256, np.uint8)
_HEX[list(b"0123456789ABCDEF")] = np.arange(16)
_MAPPED_PREFIX = np.frombuffer(b"\0" * 10 + b"\xff\xff", np.uint8)

Octets = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Sockets = npt.NDArray[np.void]


def count_ports_in_use(net: Path, ports: tuple[int, int], least: int, reuse: int) -> dict[Destination, int]:
    """Return the number of local ports in use by destination; the largest one of all source addresses.

    Args:
        net: folder of the tables `tcp` and `tcp6`; a missing table counts as empty.
        ports: first and last local port that connects may take.
        least: destinations with fewer ports in use are left out.
        reuse: `net.ipv4.tcp_tw_reuse`. With 1, a port in TIME_WAIT is free to take again; with 2, only on the
            loopback.
    """
    parts = [
        _sockets_in_use(chunk, 6 if name == "tcp6" else 4, ports, reuse)
        for name in ("tcp", "tcp6")
        for chunk in _chunks(net / name)
    ]
    sockets: Sockets = np.concatenate([np.empty(0, _SOCKET), *parts])
    hashes = hash_fields(sockets, ("saddr", "daddr", "dport", "family"))
    order = radix_order(hashes)
    starts = run_starts(hashes[order])
    counts = np.diff(starts, append=len(order))
    in_use: dict[Destination, int] = {}
    for run in np.flatnonzero(counts >= max(least, 1)):
        socket = sockets[order[starts[run]]]
        destination = (socket["daddr"].tobytes(), int(socket["family"]), int(socket["dport"]))
        in_use[destination] = max(in_use.get(destination, 0), int(counts[run]))
    return in_use


def _chunks(table: Path) -> Iterator[Octets]:
    """Yield the lines of a table, some thousand at a time, as arrays of characters."""
    try:
        with table.open("rb") as lines:
            lines.readline()  # the column titles
            for _ in range(MAX_CHUNKS):
                chunk = lines.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield np.frombuffer(chunk + lines.readline(), np.uint8)
    except OSError:
        return


def _sockets_in_use(text: Octets, family: int, ports: tuple[int, int], reuse: int) -> Sockets:
    """Return the sockets whose local port cannot be taken again for the same destination."""
    digits = 8 if family == 4 else 32  # of an address
    starts = np.concatenate(([0], np.flatnonzero(text == ord("\n"))[:-1] + 1))
    colons = np.flatnonzero(text == ord(":"))
    first = np.searchsorted(colons, starts)
    fields = colons[first[first < len(colons)]] + 2  # where the local address starts, in each line
    fields = fields[fields + 2 * digits + 14 <= len(text)]
    lport, rport = (_parse_hex(text, fields + offset, 4) for offset in (digits + 1, 2 * digits + 7))
    state = _parse_hex(text, fields + 2 * digits + 12, 2)
    saddr, daddr = (_parse_addresses(text, fields + offset, digits) for offset in (0, digits + 6))
    mapped = (daddr[:, :12] == _MAPPED_PREFIX).all(axis=1) & (family == 6)
    for address in (saddr, daddr):
        address[mapped, :4] = address[mapped, 12:]
        address[mapped, 4:] = 0
    ipv4 = mapped | (family == 4)
    loopback = np.where(ipv4, daddr[:, 0] == 127, (daddr[:, :15] == 0).all(axis=1) & (daddr[:, 15] == 1))
    free = (state == _TIME_WAIT) & ((reuse == 1) | ((reuse == 2) & loopback))
    used = np.flatnonzero((lport >= ports[0]) & (lport <= ports[1]) & (rport > 0) & ~free)
    sockets = np.zeros(len(used), _SOCKET)
    for name, address in (("saddr", saddr), ("daddr", daddr)):
        sockets[name] = np.ascontiguousarray(address[used]).view("V16").ravel()
    sockets["dport"], sockets["family"] = rport[used], np.where(ipv4[used], 4, 6)
    return sockets


def _parse_hex(text: Octets, starts: Indices, digits: int) -> Indices:
    """Return the hexadecimal numbers of `digits` digits at `starts`, shape (n,)."""
    values = np.zeros(len(starts), np.int64)
    for digit in range(digits):
        values = values << 4 | _HEX[text[starts + digit]]
    return values


def _parse_addresses(text: Octets, starts: Indices, digits: int) -> Octets:
    """Return the addresses at `starts` as in a record: network byte order, shape (n, 16)."""
    nibbles = _HEX[text[starts[:, np.newaxis] + np.arange(digits)]]
    octets = np.zeros((len(starts), 16), np.uint8)
    octets[:, : digits // 2] = nibbles[:, ::2] << 4 | nibbles[:, 1::2]
    if sys.byteorder == "little":
        octets = octets.reshape(len(starts), 4, 4)[:, :, ::-1].reshape(len(starts), 16)
    return octets
