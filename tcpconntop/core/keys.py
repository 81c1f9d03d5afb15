"""What a connect is counted under, and the table that numbers those keys.

A key is the finest thing that can be told apart: a process and a destination. Coarser groups (by
destination, process, port, subnet, unit) merge keys later, in the view.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
OTHER = 0
"""Row of the key that takes the connects of keys that were folded (`special` = 1)."""

Keys = npt.NDArray[np.void]
Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

# Odd 64-bit constants of the splitmix64 generator (Steele, Lea and Flood 2014).
_MULTIPLY = np.uint64(0xBF58476D1CE4E5B9)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def hash_keys(keys: Keys) -> Hashes:
    """Hash keys to 64 bits each, shape (n,).

    Two of n keys share a hash with a probability of about n² / 2⁶⁵: 10⁻¹¹ for 20,000 keys.
    """
    words = np.ascontiguousarray(keys).view(np.uint64).reshape(len(keys), KEY.itemsize // 8)
    hashes = np.full(len(keys), _STEP)
    for column in words.T:
        hashes = (hashes ^ column) * _MULTIPLY
        hashes ^= hashes >> np.uint64(29)
        hashes += _STEP
    return hashes


def keys_of(events: Events) -> Keys:
    """Cut the keys out of records, shape (n,)."""
    keys = np.zeros(len(events), KEY)
    for name in KEY_FIELDS:
        keys[name] = events[name]
    return keys


class KeyTable:
    """Numbers keys in the order in which they first appear; row 0 is `other`."""

    def __init__(self) -> None:
        self._keys = np.zeros(1024, KEY)
        self._keys[OTHER]["special"] = 1
        self._count = 1
        self._sorted_hashes = hash_keys(self._keys[:1])
        self._sorted_rows: Rows = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Keys:
        """All keys, by row; a view that is valid until the next call of `rows`."""
        return self._keys[: self._count]

    def rows(self, keys: Keys) -> Rows:
        """Give the row of each key, shape (n,), adding those that are new."""
        hashes = hash_keys(keys)
        at, known = self._find(hashes)
        if not known.all():
            self._add(keys[~known], hashes[~known])
            at, _ = self._find(hashes)
        return self._sorted_rows[at]

    def keep(self, rows: Rows) -> Rows:
        """Forget all keys but those of `rows` (ascending, `other` among them).

        Returns:
            For each old row its new one; forgotten ones go to `OTHER`.
        """
        new_row = np.full(self._count, OTHER)
        new_row[rows] = np.arange(len(rows))
        self._count = len(rows)
        self._keys[: self._count] = self._keys[rows]
        hashes = hash_keys(self.keys)
        self._sorted_rows = np.argsort(hashes)
        self._sorted_hashes = hashes[self._sorted_rows]
        return new_row

    def _find(self, hashes: Hashes) -> tuple[Rows, npt.NDArray[np.bool_]]:
        at = np.minimum(np.searchsorted(self._sorted_hashes, hashes), self._count - 1)
        return at, self._sorted_hashes[at] == hashes

    def _add(self, keys: Keys, hashes: Hashes) -> None:
        hashes, first = np.unique(hashes, return_index=True)
        rows = np.arange(self._count, self._count + len(first))
        if rows[-1] >= len(self._keys):
            grown = np.zeros(2 * (int(rows[-1]) + 1), KEY)
            grown[: self._count] = self.keys
            self._keys = grown
        self._keys[rows] = keys[first]
        self._count += len(rows)
        at = np.searchsorted(self._sorted_hashes, hashes)
        self._sorted_hashes = np.insert(self._sorted_hashes, at, hashes)
        self._sorted_rows = np.insert(self._sorted_rows, at, rows)
