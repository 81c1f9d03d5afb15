"""Which keys make up which row: it depends on the keys alone, so it seldom changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.cells import radix_order, run_starts
from tcpconntop.core.groups import GROUPINGS
from tcpconntop.core.keys import Keys, Rows


@dataclass(frozen=True, eq=False)
class Merged:
    """Some keys of a snapshot, merged into groups.

    Attributes:
        of_keys: every key of the snapshot (dtype `KEY`), shape (n,).
        chosen: the places of those that were merged, ascending.
        group_by: name of the grouping.
        keys: the key of each group, in the order of their first appearance.
        group_of: for each key of the snapshot its group, or -1, shape (n,).
        process_count: how many processes each group merges.
    """

    of_keys: Keys
    chosen: Rows
    group_by: str
    keys: Keys
    group_of: Rows
    process_count: Rows

    def __len__(self) -> int:
        return len(self.keys)

    def is_of(self, of_keys: Keys, chosen: Rows, group_by: str) -> bool:
        """Whether merging these would give the same."""
        return (
            group_by == self.group_by
            and np.array_equal(chosen, self.chosen)
            and np.array_equal(of_keys.view(np.uint64), self.of_keys.view(np.uint64))
        )

    def leads(self, attempts: Rows) -> Rows:
        """Give the busiest key of each group; `attempts` are those of each key of the snapshot."""
        lead, most = np.zeros(len(self), np.int64), np.zeros(len(self), np.int64)
        groups, attempts = self.group_of[self.chosen], attempts[self.chosen]
        np.maximum.at(most, groups, attempts)
        busiest = attempts == most[groups]
        lead[groups[busiest]] = self.chosen[busiest]
        return lead


def merge(of_keys: Keys, chosen: Rows, group_by: str, before: Merged | None = None) -> Merged:
    """Merge the keys at some places.

    Args:
        of_keys: every key of a snapshot.
        chosen: which of them count, ascending.
        group_by: name of a grouping (`GROUPINGS`).
        before: what an earlier snapshot gave: the answer, where nothing has changed since.
    """
    if before is not None and before.is_of(of_keys, chosen, group_by):
        return before
    keys, groups = GROUPINGS[group_by].merge(of_keys.take(chosen))
    group_of = np.full(len(of_keys), -1)
    group_of[chosen] = groups
    pairs = (groups << 32) | of_keys["tgid"][chosen]
    pairs = pairs[radix_order(pairs)]
    processes = np.bincount(pairs[run_starts(pairs)] >> 32, minlength=len(keys))
    return Merged(of_keys, chosen, group_by, keys, group_of, processes)
