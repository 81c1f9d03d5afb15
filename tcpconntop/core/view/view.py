"""The rows of a snapshot that an output shows. Pure; `make_view.py` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcpconntop.core.counts import SparseCounts
from tcpconntop.core.hosts import NETNS_BITS, only_host
from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.view.baseline import CHANGES, says_gone
from tcpconntop.core.view.groups import GROUPINGS, Grouping
from tcpconntop.core.view.row_map import RowMap
from tcpconntop.core.view.row_metrics import RowMetrics
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.trouble import Trouble
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import Keys
from tcpconntop.core.window.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class View:
    """The n rows that a `ViewSpec` selects from a snapshot, in order.

    Attributes:
        snapshot: the snapshot.
        spec: what is shown of it.
        row_map: the groups of keys, before they were filtered and sorted.
        keys: key of each row (dtype `KEY`), shape (n,).
        metrics: metrics of the rows by name.
        row_of: row of each key of the snapshot, or -1, shape (keys,).
        busiest_index: index of the busiest key of each row in the snapshot, or -1 if the row is gone since
            the baseline, shape (n,).
        process_count: number of processes in each row, shape (n,).
        namespace_count: number of network namespaces in each row, shape (n,); 0 where none was recorded.
        baseline: the view that it is compared with.
        former: row of each row in the baseline, or -1, shape (n,); None without a baseline.
    """

    snapshot: Snapshot
    spec: ViewSpec
    row_map: RowMap
    keys: Keys
    metrics: RowMetrics
    row_of: Rows
    busiest_index: Rows
    process_count: Rows
    namespace_count: Rows
    baseline: View | None = None
    former: Rows | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def grouping(self) -> Grouping:
        """The grouping that merged the keys."""
        return GROUPINGS[self.spec.group_by]

    @cached_property
    def stats(self) -> st.Stats:
        """Exact statistics of each row (dtype `STATS`), shape (n,)."""
        return self.metrics.stats

    @cached_property
    def trouble(self) -> Rows:
        """What is wrong with each row (`Trouble`), shape (n,); nothing with `other`, which is many rows."""
        return np.where(self.keys["special"] == 0, self.metrics.trouble, Trouble.NONE)

    @cached_property
    def undecided(self) -> Mask:
        """True for rows of which too few connects failed or were slow to tell, shape (n,)."""
        undecided: Mask = (self.keys["special"] == 0) & self.metrics.undecided
        return undecided

    @cached_property
    def latency(self) -> SparseCounts:
        """Latency bucket counts by row."""
        return self.snapshot.window.latency_pages.regroup(self.row_of).to_sparse()

    def busiest_key(self, row: int) -> np.void:
        """Return the busiest key of a row."""
        index = self.busiest_index[row]
        key: np.void = self.snapshot.window.keys[index] if index >= 0 else self.busiest_keys[row]
        return key

    def located_key(self, row: int) -> np.void:
        """Return the key of a row, with its network namespace if the row is in one alone."""
        key: np.void = self.keys[row].copy()
        if self.namespace_count[row] == 1:
            key["netns"] = self.busiest_key(row)["netns"]
        return key

    def host_count(self, row: int) -> int:
        """Return how many of several hosts are in a row; 0 if there is only one host."""
        return int(self._host_counts[row]) if self.snapshot.places.hosts else 0

    def host(self, row: int) -> str:
        """Return the name of the host of a row; empty if it is in none, or in several."""
        if self.keys[row]["special"] or self.host_count(row) > 1:
            return ""
        places = self.snapshot.places
        return places.host(int(self.busiest_key(row)["netns"])) if places.hosts else self.snapshot.info.host

    @cached_property
    def _host_counts(self) -> Rows:
        keys = self.snapshot.window.keys
        shown = np.flatnonzero((self.row_of >= 0) & (keys["special"] == 0))
        hosts = only_host(keys["netns"][shown]) >> NETNS_BITS
        pairs = np.unique(self.row_of[shown] << 32 | hosts)
        return np.bincount(pairs >> 32, minlength=len(self))

    @cached_property
    def busiest_keys(self) -> Keys:
        """The busiest key of each row (dtype `KEY`), shape (n,); the baseline's for rows that are gone."""
        keys, exists = np.empty_like(self.keys), self.busiest_index >= 0
        keys[exists] = self.snapshot.window.keys[self.busiest_index[exists]]
        if self.baseline is not None and self.former is not None:
            keys[~exists] = self.baseline.busiest_keys[self.former[~exists]]
        return keys

    def is_gone(self, row: int) -> bool:
        """True if a row has no connect now, but had some at the baseline."""
        return bool(self.busiest_index[row] < 0)

    def former_row(self, row: int) -> int | None:
        """Return the row of the baseline that a row is compared with; None if there is none."""
        former = -1 if self.former is None else int(self.former[row])
        return former if former >= 0 else None

    def is_another(self, row: int) -> bool:
        """True if a row is compared with another process or unit of the same name (`same_name.py`)."""
        former = self.former_row(row)
        if former is None or self.baseline is None:
            return False
        return self.identity(row) != self.baseline.identity(former)

    def figure(self, name: str, row: int) -> float:
        """Return a metric of one row as it is shown: that of the baseline where CHANGE says `gone`.

        Where chance may be why it has no connect now, CHANGE does not say so: nor are former figures shown.
        """
        former = self.former_row(row) if self.is_gone(row) and name not in CHANGES else None
        if former is None or self.baseline is None or not says_gone(self.metrics.value("change", row)):
            return self.metrics.value(name, row)
        return self.baseline.metrics.value(name, former)

    def identity(self, row: int) -> bytes:
        """Return what identifies a row in the views of other snapshots."""
        raw: bytes = self.keys[row].tobytes()
        return raw

    def find(self, identity: bytes) -> int | None:
        """Return the row with an identity, or None if it is not shown."""
        rows = np.flatnonzero(self.keys == np.frombuffer(identity, self.keys.dtype)[0])
        return int(rows[0]) if len(rows) else None

    def keys_of_row(self, row: int) -> Rows:
        """Return the indices of the snapshot's keys that are merged in a row."""
        return np.flatnonzero(self.row_of == row)

    def number_rows(self, rows: Rows) -> Rows:
        """Return for each key of the snapshot the index of its row in `rows`, or -1, shape (keys,)."""
        number = np.full(len(self) + 1, -1)
        number[rows] = np.arange(len(rows))
        return number[self.row_of]
