"""Which keys make up which row: it depends on the keys alone, so it seldom changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.counts import radix_order, run_starts
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.window.keys import Keys


@dataclass(frozen=True, eq=False)
class RowMap:
    """Some keys of a snapshot, merged into groups.

    Attributes:
        snapshot_keys: every key of the snapshot (dtype `KEY`), shape (n,).
        included: the places of those that were merged, ascending.
        group_by: name of the grouping.
        keys: the key of each group, in the order of their first appearance.
        group_of: for each key of the snapshot its group, or -1, shape (n,).
        process_count: how many processes each group merges.
    """

    snapshot_keys: Keys
    included: Rows
    group_by: str
    keys: Keys
    group_of: Rows
    process_count: Rows

    def __len__(self) -> int:
        return len(self.keys)

    def is_same(self, snapshot_keys: Keys, included: Rows, group_by: str) -> bool:
        """Whether merging these would give the same."""
        return (
            group_by == self.group_by
            and np.array_equal(included, self.included)
            and np.array_equal(snapshot_keys.view(np.uint64), self.snapshot_keys.view(np.uint64))
        )

    def busiest_keys(self, attempts: Rows) -> Rows:
        """Give the busiest key of each group; `attempts` are those of each key of the snapshot."""
        lead, most = np.zeros(len(self), np.int64), np.zeros(len(self), np.int64)
        groups, attempts = self.group_of[self.included], attempts[self.included]
        np.maximum.at(most, groups, attempts)
        busiest = attempts == most[groups]
        lead[groups[busiest]] = self.included[busiest]
        return lead


def map_rows(snapshot_keys: Keys, included: Rows, group_by: str, previous: RowMap | None = None) -> RowMap:
    """Merge the keys at some places.

    Args:
        snapshot_keys: every key of a snapshot.
        included: which of them count, ascending.
        group_by: name of a grouping (`GROUPINGS`).
        previous: what an earlier snapshot gave: the answer, where nothing has changed since.
    """
    if previous is not None and previous.is_same(snapshot_keys, included, group_by):
        return previous
    keys, groups = GROUPINGS[group_by].merge(snapshot_keys.take(included))
    group_of = np.full(len(snapshot_keys), -1)
    group_of[included] = groups
    pairs = (groups << 32) | snapshot_keys["tgid"][included]
    pairs = pairs[radix_order(pairs)]
    processes = np.bincount(pairs[run_starts(pairs)] >> 32, minlength=len(keys))
    return RowMap(snapshot_keys, included, group_by, keys, group_of, processes)
