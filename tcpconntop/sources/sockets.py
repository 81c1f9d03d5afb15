"""The kernel's table of TCP sockets, read for one figure: local ports in use towards a destination.

    sl  local_address rem_address   st …
     0: 0100007F:9EFF 0100007F:1538 01 …     addresses in words of 32 bits, in the byte order of the machine

A chunk of lines is one numpy array of characters: the fields stand at the same distance from each line's
first colon.
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

CHUNK = 1 << 20
MAX_CHUNKS = 32
"""How much of a table is read: 200,000 sockets. What is counted of a longer one is the least it can be."""

_TIME_WAIT = 6
_SOCKET = np.dtype([("saddr", "V16"), ("daddr", "V16"), ("dport", "u2"), ("family", "u2"), ("pad", "u4")])
_HEX = np.zeros(256, np.uint8)
_HEX[list(b"0123456789ABCDEF")] = np.arange(16)
_MAPPED = np.frombuffer(b"\0" * 10 + b"\xff\xff", np.uint8)

Octets = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Sockets = npt.NDArray[np.void]


def count_ports_in_use(net: Path, ports: tuple[int, int], least: int, reuse: int) -> dict[Destination, int]:
    """Count local ports in use by source address and destination; of a destination, the most.

    Args:
        net: where the tables `tcp` and `tcp6` are; one that is missing is empty.
        ports: first and last local port that connects may take.
        least: destinations with fewer are left out.
        reuse: `net.ipv4.tcp_tw_reuse`. Ports in TIME_WAIT are free to take again where it is 1, and on
            the loopback where it is 2.
    """
    parts = [
        _taken(chunk, 6 if name == "tcp6" else 4, ports, reuse)
        for name in ("tcp", "tcp6")
        for chunk in _chunks(net / name)
    ]
    sockets: Sockets = np.concatenate([np.empty(0, _SOCKET), *parts])
    hashes = hash_fields(sockets, ("saddr", "daddr", "dport", "family"))
    order = radix_order(hashes)
    starts = run_starts(hashes[order])
    counts = np.diff(starts, append=len(order))
    use: dict[Destination, int] = {}
    for at in np.flatnonzero(counts >= max(least, 1)):
        socket = sockets[order[starts[at]]]
        place = (socket["daddr"].tobytes(), int(socket["family"]), int(socket["dport"]))
        use[place] = max(use.get(place, 0), int(counts[at]))
    return use


def _chunks(table: Path) -> Iterator[Octets]:
    """Give the lines of a table, some thousand at a time."""
    try:
        with table.open("rb") as lines:
            lines.readline()  # the header
            for _ in range(MAX_CHUNKS):
                chunk = lines.read(CHUNK)
                if not chunk:
                    return
                yield np.frombuffer(chunk + lines.readline(), np.uint8)
    except OSError:
        return


def _taken(text: Octets, family: int, ports: tuple[int, int], reuse: int) -> Sockets:
    """Give the sockets that keep a local port from being taken for their destination."""
    width = 8 if family == 4 else 32
    starts = np.concatenate(([0], np.flatnonzero(text == ord("\n"))[:-1] + 1))
    colons = np.flatnonzero(text == ord(":"))
    first = np.searchsorted(colons, starts)
    at = colons[first[first < len(colons)]] + 2
    at = at[at + 2 * width + 14 <= len(text)]
    lport, rport = (_number(text, at + place, 4) for place in (width + 1, 2 * width + 7))
    state = _number(text, at + 2 * width + 12, 2)
    saddr, daddr = (_address(text, at + place, width) for place in (0, width + 6))
    mapped = (daddr[:, :12] == _MAPPED).all(axis=1) & (family == 6)
    for address in (saddr, daddr):
        address[mapped, :4] = address[mapped, 12:]
        address[mapped, 4:] = 0
    family_4 = mapped | (family == 4)
    loopback = np.where(family_4, daddr[:, 0] == 127, (daddr[:, :15] == 0).all(axis=1) & (daddr[:, 15] == 1))
    free = (state == _TIME_WAIT) & ((reuse == 1) | ((reuse == 2) & loopback))
    kept = np.flatnonzero((lport >= ports[0]) & (lport <= ports[1]) & (rport > 0) & ~free)
    sockets = np.zeros(len(kept), _SOCKET)
    for name, address in (("saddr", saddr), ("daddr", daddr)):
        sockets[name] = np.ascontiguousarray(address[kept]).view("V16").ravel()
    sockets["dport"], sockets["family"] = rport[kept], np.where(family_4[kept], 4, 6)
    return sockets


def _number(text: Octets, at: Indices, digits: int) -> Indices:
    """Read hexadecimal numbers at some places."""
    values = np.zeros(len(at), np.int64)
    for place in range(digits):
        values = values << 4 | _HEX[text[at + place]]
    return values


def _address(text: Octets, at: Indices, width: int) -> Octets:
    """Read addresses at some places as the record has them: in network order, shape (n, 16)."""
    digits = _HEX[text[at[:, np.newaxis] + np.arange(width)]]
    octets = np.zeros((len(at), 16), np.uint8)
    octets[:, : width // 2] = digits[:, ::2] << 4 | digits[:, 1::2]
    if sys.byteorder == "little":
        octets = octets.reshape(len(at), 4, 4)[:, :, ::-1].reshape(len(at), 16)
    return octets
