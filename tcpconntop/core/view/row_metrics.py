"""The metrics of a view's rows, each computed only when it is asked for. Pure.

Most columns are never sorted by, so only the visible rows need their values: 64 neighbouring rows are
computed together. With 10,000 destinations a refresh takes 33 ms of the drawing thread instead of 77 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from tcpconntop.core.counts import PagedCounts, quantiles_us
from tcpconntop.core.types import Floats, Mask, Rows
from tcpconntop.core.view.baseline import CHANGES
from tcpconntop.core.view.changes import Changes
from tcpconntop.core.view.metrics import METRICS, QUANTILES, LatencyMetric, RowStats, StatsMetric
from tcpconntop.core.view.trouble import troubles, undecided
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.state import WindowState

PAGE_ROWS = 64
"""How many neighbouring rows are computed together where only some rows are asked for."""


class GroupMetrics:
    """Metrics of groups of keys, in the order of the groups.

    Args:
        window: the window that the keys belong to.
        group_of: group of each key (0 … n_groups - 1), or -1, shape (keys,).
        n_groups: number of groups.
        span_s: seconds that the window covers.
    """

    def __init__(self, window: WindowState, group_of: Rows, n_groups: int, span_s: float) -> None:
        self._window, self.group_of, self.n_groups = window, group_of, n_groups
        self._span_s = span_s
        self._columns: dict[str, Floats] = {}
        self._changes: Changes | None = None

    def set_changes(self, changes: Changes) -> None:
        """Add the metrics that compare with a baseline (`CHANGES`)."""
        self._changes = changes

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the available metrics."""
        return (*METRICS, *(CHANGES if self._changes else ()))

    @cached_property
    def stats(self) -> st.Stats:
        """Exact statistics of each group (dtype `STATS`), shape (n_groups,)."""
        return st.regroup(self._window.stats, self.group_of, self.n_groups)

    @cached_property
    def trouble(self) -> Rows:
        """What is wrong with each group (`Trouble`), shape (n_groups,)."""
        return troubles(self._window, self.group_of, self.stats)

    @cached_property
    def undecided(self) -> Mask:
        """Groups of which too few connects failed or were slow to tell, shape (n_groups,)."""
        return undecided(self._window, self.group_of, self.stats, self.trouble)

    @cached_property
    def _row_stats(self) -> RowStats:
        return RowStats(self.stats, self._span_s)

    def column(self, name: str) -> Floats:
        """Return a metric of all groups, shape (n_groups,), read-only."""
        values = self._columns.get(name)
        if values is None:
            values = self._compute(name)
            values.flags.writeable = False
            self._columns[name] = values
        return values

    def _compute(self, name: str) -> Floats:
        if self._changes is not None and name in CHANGES:
            return self._changes.column(name)
        metric = METRICS[name]
        if isinstance(metric, LatencyMetric):
            return self._from_latencies(metric)
        return metric.compute(self._row_stats)

    def for_groups(self, name: str, groups: Rows) -> dict[str, Floats]:
        """Return a metric of some groups by name, shape (len(groups),), and those that cost nothing more."""
        if name in QUANTILES:
            return dict(zip(QUANTILES, self.quantiles(groups).T, strict=True))
        metric = METRICS.get(name)
        if isinstance(metric, StatsMetric):
            return {name: metric.compute(RowStats(self.stats.take(groups), self._span_s))}
        return {name: self.column(name)[groups]}

    def quantiles(self, groups: Rows) -> Floats:
        """Return every quantile of some groups in µs, shape (len(groups), len(QUANTILES))."""
        if self.n_groups <= PAGE_ROWS:
            return np.stack([self.column(name)[groups] for name in QUANTILES], axis=1)
        index = np.full(self.n_groups + 1, -1)
        index[groups] = np.arange(len(groups))
        new_row = index[self.group_of]
        latency = self._window.latency_pages.select_rows(np.flatnonzero(new_row >= 0)).regroup(new_row)
        values = quantiles_us(latency, len(groups), list(QUANTILES.values()))
        return self._bounded(values, groups[:, np.newaxis])

    def _from_latencies(self, metric: LatencyMetric) -> Floats:
        """Compute a metric of all groups from latency buckets; groups of a single key need no regrouping."""
        keys, is_single = self._single_keys
        values = np.full(self.n_groups, np.nan)
        if len(keys):
            of_keys = metric.compute(self._latency_pages, len(self.group_of))
            values[self.group_of[keys]] = of_keys[keys]
        if not is_single.all():
            merged = metric.compute(self._merged_latency, self.n_groups)
            values[~is_single] = merged[~is_single]
        return self._bounded(values, np.arange(self.n_groups)) if metric.is_latency else values

    @cached_property
    def _single_keys(self) -> tuple[Rows, Mask]:
        """The keys that are alone in their group, and a mask of the groups that have a single key."""
        keys = np.flatnonzero(self.group_of >= 0)
        groups = self.group_of[keys]
        is_single = np.bincount(groups, minlength=self.n_groups) == 1
        return keys[is_single[groups]], is_single

    @cached_property
    def _merged_latency(self) -> PagedCounts:
        """Latency buckets of the groups that have several keys."""
        is_single = np.append(self._single_keys[1], True)  # index -1, a key without a group, reads the last
        return self._latency_pages.regroup(np.where(is_single[self.group_of], -1, self.group_of))

    @cached_property
    def _latency_pages(self) -> PagedCounts:
        """Latency buckets by key: of those in a group alone where these are few."""
        keys, pages = np.flatnonzero(self.group_of >= 0), self._window.latency_pages
        return pages.select_rows(keys) if 2 * len(keys) < len(self.group_of) else pages

    def _bounded(self, values: Floats, groups: Rows) -> Floats:
        # The middle of a bucket may lie outside of the observed latencies; minimum and maximum are exact.
        return np.fmin(np.fmax(values, self.column("min")[groups]), self.column("max")[groups])


class RowMetrics(Mapping[str, Floats]):
    """The metrics of rows by name, each of shape (n,); NaN where a row has no value.

    Args:
        groups: the metrics of the groups that the rows show.
        order: group of each row, shape (n,).
    """

    def __init__(self, groups: GroupMetrics, order: Rows) -> None:
        self._groups, self._order = groups, order
        self._columns: dict[str, Floats] = {}
        self._pages: dict[tuple[str, int], list[float]] = {}

    def __getitem__(self, name: str) -> Floats:
        if name not in self._columns:
            if name not in self._groups.names:
                raise KeyError(name)
            self._columns[name] = self._groups.column(name)[self._order]
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups.names)

    def __len__(self) -> int:
        return len(self._groups.names)

    @property
    def stats(self) -> st.Stats:
        """Exact statistics of each row (dtype `STATS`), shape (n,); a copy."""
        stats: st.Stats = self._groups.stats.take(self._order)
        return stats

    @property
    def trouble(self) -> Rows:
        """What is wrong with each row (`Trouble`), shape (n,); a copy."""
        return self._groups.trouble[self._order]

    @property
    def undecided(self) -> Mask:
        """Rows of which too few connects failed or were slow to tell, shape (n,); a copy."""
        return self._groups.undecided[self._order]

    def value(self, name: str, row: int) -> float:
        """Return a metric of one row; only this row and its neighbours are computed."""
        page, index = divmod(row, PAGE_ROWS)
        values = self._pages.get((name, page))
        if values is None:
            values = self._compute_page(name, page)
        return values[index]

    def _compute_page(self, name: str, page: int) -> list[float]:
        if name not in self._groups.names:
            raise KeyError(name)
        rows = slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
        if name in self._columns:
            computed = {name: self._columns[name][rows]}
        else:
            computed = self._groups.for_groups(name, self._order[rows])
        self._pages |= {(other, page): values.tolist() for other, values in computed.items()}
        return self._pages[name, page]
