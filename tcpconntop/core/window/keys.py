"""The keys under which connects are counted, and the table that numbers them.

A key is the finest distinction that is made: one process and one destination. Coarser groups (by destination,
process, port, subnet, unit) merge keys later, in the view.

A process is its id and the time of its start, since ids are used again. Its name is no part of that: a
process can change it, by exec or otherwise, and all its keys then get the newest one. Only records without a
start, of earlier versions, tell processes apart by name.

`KeyTable` is a hash table written with numpy. What it buys: finding the rows of 20,000 records takes 56 ns a
record (31 of them for the hash), where `np.unique` over the keys takes 300 ns and a `dict` of tuples 1,600.
A key takes 64 bytes, its hash 8, and 16 to 64 for its slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.wire import Events

KEY = np.dtype(
    [
        ("daddr", "V16"),
        ("cgroup_id", "u8"),
        ("process_start_ns", "u8"),
        ("tgid", "u4"),
        ("netns", "u4"),
        ("scope_id", "u4"),
        ("dport", "u2"),
        ("family", "u1"),
        ("special", "u1"),
        ("comm", "S16"),
    ]
)
KEY_FIELDS = tuple(name for name in KEY.names or () if name != "special")
PROCESS_FIELDS = ("tgid", "process_start_ns")
OTHER_ROW = 0
"""Row of the key `other` (`special` = 1), which sums up all keys that have no row of their own."""

_IDENTITY_FIELDS = tuple(name for name in KEY_FIELDS if name != "comm")

Keys = npt.NDArray[np.void]
Hashes = npt.NDArray[np.uint64]

# Odd 64-bit constants of the splitmix64 generator (Steele, Lea and Flood 2014).
_MULTIPLY = np.uint64(0xBF58476D1CE4E5B9)
_STEP = np.uint64(0x9E3779B97F4A7C15)


@cache
def _word_masks(dtype: np.dtype[Any], fields: Sequence[str]) -> list[tuple[int, np.uint64]]:
    """Return index and bit mask of the 64-bit words of a struct that hold any of the fields."""
    bits = np.zeros(dtype.itemsize, np.uint8)
    for name in fields:
        size, offset = dtype[name], dtype.fields[name][1] if dtype.fields else 0
        bits[offset : offset + size.itemsize] = 255
    return [(index, mask) for index, mask in enumerate(bits.view(np.uint64)) if mask]


def hash_fields(records: npt.NDArray[np.void], fields: tuple[str, ...]) -> Hashes:
    """Return a 64-bit hash of some fields of each struct, shape (n,).

    The size of a struct must be a multiple of 8 bytes. The probability that any two of n different structs
    have the same hash is about n² / 2⁶⁵: 10⁻¹¹ for 20,000.
    """
    words = np.ascontiguousarray(records).view(np.uint64).reshape(len(records), records.itemsize // 8)
    hashes = np.full(len(records), _STEP)
    for index, mask in _word_masks(records.dtype, fields):
        hashes ^= words[:, index] & mask
        hashes *= _MULTIPLY
        hashes ^= hashes >> np.uint64(29)
    return hashes


def hash_keys(records: npt.NDArray[np.void]) -> Hashes:
    """Return a hash of each key, without the name of a process whose start is known.

    The hash of a record is another one than that of its key: see `keys_from_events`.
    """
    hashes = hash_fields(records, _IDENTITY_FIELDS)
    unknown = np.flatnonzero(records["process_start_ns"] == 0)
    if len(unknown):
        hashes[unknown] = hash_fields(records[unknown], KEY_FIELDS)
    return hashes


def keys_from_events(events: Events) -> Keys:
    """Return the key of each record, shape (n,)."""
    keys = np.zeros(len(events), KEY)
    for name in KEY_FIELDS:
        keys[name] = events[name]
    return keys


def address_octets(keys: Keys) -> npt.NDArray[np.uint8]:
    """Return a copy of the address bytes of keys in network order, shape (n, 16)."""
    octets = np.frombuffer(bytearray(keys["daddr"].tobytes()), np.uint8)
    return octets.reshape(len(keys), 16)


def comm_words(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """Return the name of the process of each record or key as two numbers, shape (n, 2); a view."""
    words = np.ascontiguousarray(records).view(np.uint64).reshape(len(records), -1)
    first: int = records.dtype.fields["comm"][1] // 8 if records.dtype.fields else 0
    return words[:, first : first + 2]


class ProcessNames:
    """The newest name of each process that has a key: that with which it began its latest connect."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[int, bytes]] = {}  # by hash of the process: begin of the connect, name

    def update(self, events: Events, keys: Keys, count: int) -> Keys:
        """Take names from records, and return `keys`, or a copy in which processes have their newest names.

        Args:
            events: records with another name than their key, or with a new key.
            keys: the keys of the table.
            count: how many of them are in use.
        """
        events = events[events["process_start_ns"] > 0]
        if not len(events):
            return keys
        processes = hash_fields(keys_from_events(events), PROCESS_FIELDS)  # not of records: words differ
        order = np.lexsort((events["begin_ns"], processes))
        distinct, first = np.unique(processes[order], return_index=True)
        newest = order[np.append(first[1:], len(order)) - 1]
        names = np.zeros(len(distinct), "S16")
        candidates = zip(
            distinct.tolist(),
            events["begin_ns"][newest].tolist(),
            events["comm"][newest].tolist(),
            strict=True,
        )
        for index, (process, begin_ns, name) in enumerate(candidates):
            known = self._names.get(process)
            if known is None or known[0] < begin_ns:
                known = self._names[process] = begin_ns, name
            names[index] = known[1]
        return self._renamed(keys, count, distinct, names)

    @staticmethod
    def _renamed(keys: Keys, count: int, processes: Hashes, names: npt.NDArray[np.bytes_]) -> Keys:
        """Return `keys`, or a copy if a key of these processes (ascending) has another name."""
        of_keys = hash_fields(keys[:count], PROCESS_FIELDS)
        index = np.minimum(np.searchsorted(processes, of_keys), len(processes) - 1)
        wrong = (
            (processes[index] == of_keys)
            & (keys["process_start_ns"][:count] > 0)
            & (keys["comm"][:count] != names[index])
        )
        rows = np.flatnonzero(wrong)
        if not len(rows):
            return keys
        keys = keys.copy()
        keys["comm"][rows] = names[index[rows]]
        return keys

    def keep(self, keys: Keys) -> None:
        """Forget the processes that have no key any more."""
        alive = set(hash_fields(keys, PROCESS_FIELDS).tolist())
        self._names = {process: name for process, name in self._names.items() if process in alive}


class KeyTable:
    """Numbers keys in order of arrival; row 0 is `other`.

    A hash table with open addressing: a slot holds a row, and `OTHER_ROW` marks a free slot. All records of a
    batch are looked up at once; those whose slot holds another key try the next slot, until none is left.

    Args:
        max_keys: how many keys have a row of their own, `other` not included.
    """

    def __init__(self, max_keys: int = DEFAULT_MAX_KEYS) -> None:
        self._max_rows = max_keys + 1
        self._keys = np.zeros(1, KEY)
        self._keys["special"] = 1
        self._hashes: Hashes = np.zeros(1, np.uint64)  # by row
        self._names = ProcessNames()
        self._count = 1
        self._rebuild_slots(1024)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Keys:
        """The key of each row; the entries of a returned array never change."""
        return self._keys[: self._count]

    def find_or_add(self, events: Events) -> tuple[Rows, bool]:
        """Return the row of each record; keys that are not in the table are added while there is room.

        Returns:
            The rows, shape (n,), and whether the table was full, so that new keys went to `OTHER_ROW`.
        """
        hashes = hash_keys(events)
        rows = self._slots[self._probe(hashes)]
        new = np.flatnonzero(rows == OTHER_ROW)
        full = False
        if len(new):
            distinct, first = np.unique(hashes[new], return_index=True)
            added = np.sort(first)[: self._max_rows - self._count]
            self._add(keys_from_events(events[new[added]]), hashes[new[added]])
            rows[new] = self._slots[self._probe(hashes[new])]
            full = len(added) < len(distinct)
        differs = (comm_words(events) != comm_words(self._keys)[rows]).any(axis=1)
        differs[new] = True
        unclear = np.flatnonzero(differs & (rows != OTHER_ROW))
        if len(unclear):
            self._keys = self._names.update(events[unclear], self._keys, self._count)
        return rows, full

    def keep(self, rows: Rows) -> Rows:
        """Remove all keys but those of `rows` (ascending, `OTHER_ROW` included).

        Returns:
            The new row of each old one; `OTHER_ROW` for removed ones.
        """
        new_row = np.full(self._count, OTHER_ROW)
        new_row[rows] = np.arange(len(rows))
        self._count = len(rows)
        self._keys, self._hashes = self._keys[rows], self._hashes[rows]
        self._names.keep(self._keys)
        self._rebuild_slots(len(self._slots))
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
            self._rebuild_slots(4 * len(self._slots))
        else:
            self._fill_slots(rows)

    def _rebuild_slots(self, n_slots: int) -> None:
        """Make new slots, at least two for each key.

        Their number is a power of two, so that the highest bits of a hash are the number of a slot.
        """
        while n_slots < 2 * self._count:
            n_slots *= 2
        self._slots: Rows = np.full(n_slots, OTHER_ROW)
        self._shift = np.uint64(65 - n_slots.bit_length())
        self._fill_slots(np.arange(1, self._count))

    def _fill_slots(self, rows: Rows) -> None:
        while len(rows):
            slots = self._probe(self._hashes[rows])
            self._slots[slots] = rows
            rows = rows[self._slots[slots] != rows]  # another row got the same free slot: try again

    def _probe(self, hashes: Hashes) -> Rows:
        """Return for each hash the slot that holds its row, or else the free slot for it."""
        slots: Rows = (hashes >> self._shift).astype(np.int64)
        colliding = np.flatnonzero(self._taken(slots, hashes))
        while len(colliding):
            slots[colliding] = (slots[colliding] + 1) % len(self._slots)
            colliding = colliding[self._taken(slots[colliding], hashes[colliding])]
        return slots

    def _taken(self, slots: Rows, hashes: Hashes) -> Mask:
        """Return which slots hold the row of another hash, shape (n,)."""
        rows = self._slots[slots]
        taken: Mask = (rows != OTHER_ROW) & (self._hashes[rows] != hashes)
        return taken
