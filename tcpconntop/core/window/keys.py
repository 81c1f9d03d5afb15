"""What a connect is counted under, and the table that numbers those keys.

A key is the finest thing that can be told apart: a process and a destination. Coarser groups (by
destination, process, port, subnet, unit) merge keys later, in the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Rows
from tcpconntop.core.wire import Events

KEY = np.dtype(
    [
        ("daddr", "V16"),
        ("cgroup_id", "u8"),
        ("tgid", "u4"),
        ("dport", "u2"),
        ("family", "u1"),
        ("special", "u1"),
        ("comm", "S16"),
    ]
)
KEY_FIELDS = tuple(name for name in KEY.names or () if name != "special")
OTHER_ROW = 0
"""Row of the key that takes the connects of keys that were folded (`special` = 1)."""

Keys = npt.NDArray[np.void]
Hashes = npt.NDArray[np.uint64]

# Odd 64-bit constants of the splitmix64 generator (Steele, Lea and Flood 2014).
_MULTIPLY = np.uint64(0xBF58476D1CE4E5B9)
_STEP = np.uint64(0x9E3779B97F4A7C15)


@cache
def _word_masks(dtype: np.dtype[Any], fields: Sequence[str]) -> list[tuple[int, np.uint64]]:
    """Give the 64-bit words of a struct that hold any of the fields, each with the bits that are theirs."""
    bits = np.zeros(dtype.itemsize, np.uint8)
    for name in fields:
        size, offset = dtype[name], dtype.fields[name][1] if dtype.fields else 0
        bits[offset : offset + size.itemsize] = 255
    return [(at, mask) for at, mask in enumerate(bits.view(np.uint64)) if mask]


def hash_fields(records: npt.NDArray[np.void], fields: tuple[str, ...]) -> Hashes:
    """Hash some fields of structs to 64 bits each, shape (n,); the size of a struct is a multiple of 8.

    Two of n different ones share a hash with a probability of about n² / 2⁶⁵: 10⁻¹¹ for 20,000.
    """
    words = np.ascontiguousarray(records).view(np.uint64).reshape(len(records), records.itemsize // 8)
    hashes = np.full(len(records), _STEP)
    for at, mask in _word_masks(records.dtype, fields):
        hashes ^= words[:, at] & mask
        hashes *= _MULTIPLY
        hashes ^= hashes >> np.uint64(29)
    return hashes


def keys_from_events(events: Events) -> Keys:
    """Cut the keys out of records, shape (n,)."""
    keys = np.zeros(len(events), KEY)
    for name in KEY_FIELDS:
        keys[name] = events[name]
    return keys


def address_octets(keys: Keys) -> npt.NDArray[np.uint8]:
    """Give the addresses of keys byte by byte, in network order, shape (n, 16); a copy."""
    octets = np.frombuffer(bytearray(keys["daddr"].tobytes()), np.uint8)
    return octets.reshape(len(keys), 16)


class KeyTable:
    """Numbers keys in the order in which they come; row 0 is `other`.

    A hash table with open addressing: a slot holds a row, and `OTHER_ROW` marks a free one. All records of a
    batch are looked up at once, slot by slot, until each has found its row or a free slot.

    Args:
        max_keys: bound of the keys that are told apart, `other` not counted.
    """

    def __init__(self, max_keys: int = 20_000) -> None:
        self._max_rows = max_keys + 1
        self._keys = np.zeros(1, KEY)
        self._keys["special"] = 1
        self._hashes: Hashes = np.zeros(1, np.uint64)  # by row
        self._count = 1
        self._place_all(1024)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Keys:
        """All keys, by row; what it shows never changes."""
        return self._keys[: self._count]

    def find_or_add(self, events: Events) -> tuple[Rows, bool]:
        """Give the row of each record, adding keys that are new.

        Returns:
            The rows, shape (n,), and whether the table is full so that new keys went to `OTHER_ROW`.
        """
        hashes = hash_fields(events, KEY_FIELDS)
        rows = self._slots[self._probe(hashes)]
        new = np.flatnonzero(rows == OTHER_ROW)
        if not len(new):
            return rows, False
        unseen, first = np.unique(hashes[new], return_index=True)
        room = np.sort(first)[: self._max_rows - self._count]
        self._add(keys_from_events(events[new[room]]), hashes[new[room]])
        rows[new] = self._slots[self._probe(hashes[new])]
        return rows, len(room) < len(unseen)

    def keep(self, rows: Rows) -> Rows:
        """Forget all keys but those of `rows` (ascending, `OTHER_ROW` among them).

        Returns:
            For each old row its new one; forgotten ones go to `OTHER_ROW`.
        """
        new_row = np.full(self._count, OTHER_ROW)
        new_row[rows] = np.arange(len(rows))
        self._count = len(rows)
        self._keys, self._hashes = self._keys[rows], self._hashes[rows]
        self._place_all(len(self._slots))
        return new_row

    def _add(self, keys: Keys, hashes: Hashes) -> None:
        rows = np.arange(self._count, self._count + len(keys))
        self._count += len(keys)
        if self._count > len(self._keys):
            spare = max(self._count, 1024)
            self._keys = np.concatenate((self._keys, np.zeros(spare, KEY)))
            self._hashes = np.concatenate((self._hashes, np.zeros(spare, np.uint64)))
        self._keys[rows], self._hashes[rows] = keys, hashes
        if 2 * self._count > len(self._slots):
            self._place_all(4 * len(self._slots))
        else:
            self._place(rows)

    def _place_all(self, n_slots: int) -> None:
        """Build the slots anew; their number is a power of two, so that a hash's first bits choose one."""
        while n_slots < 2 * self._count:
            n_slots *= 2
        self._slots: Rows = np.full(n_slots, OTHER_ROW)
        self._shift = np.uint64(65 - n_slots.bit_length())
        self._place(np.arange(1, self._count))

    def _place(self, rows: Rows) -> None:
        while len(rows):
            at = self._probe(self._hashes[rows])
            self._slots[at] = rows
            rows = rows[self._slots[at] != rows]  # where two wanted the same free slot, one has it now

    def _probe(self, hashes: Hashes) -> Rows:
        """Give for each hash the slot of its row, or the free slot where it belongs."""
        at: Rows = (hashes >> self._shift).astype(np.int64)
        lost = np.flatnonzero(self._taken(at, hashes))
        while len(lost):
            at[lost] = (at[lost] + 1) % len(self._slots)
            lost = lost[self._taken(at[lost], hashes[lost])]
        return at

    def _taken(self, at: Rows, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Say which slots hold the row of another hash."""
        rows = self._slots[at]
        taken: npt.NDArray[np.bool_] = (rows != OTHER_ROW) & (self._hashes[rows] != hashes)
        return taken
