"""A snapshot, filtered, grouped and sorted: the rows that an output shows. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tcpconntop.core.counts import SparseCounts, quantiles_us
from tcpconntop.core.types import Rows
from tcpconntop.core.view.baseline import match_rows, unmatched_rows
from tcpconntop.core.view.column_choice import ColumnChoice, choose_columns
from tcpconntop.core.view.columns import COLUMNS, Column
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.groups import GROUPINGS, Grouping
from tcpconntop.core.view.metrics import QUANTILES, GroupMetrics, Metrics
from tcpconntop.core.view.row_map import RowMap, map_rows
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import Keys
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import N_OUTCOMES


@dataclass(frozen=True)
class ViewSpec:
    """What to show of a snapshot.

    Attributes:
        group_by: name of a grouping (`GROUPINGS`).
        sort: key of a column (`COLUMNS`).
        descending: whether the greatest comes first.
        where: which keys and rows to show.
        columns: keys of the columns that the user wants, in that order; empty for the usual ones.
        ignore: kinds of findings that are not shown.
    """

    group_by: str = "dest"
    sort: str = "p99"
    descending: bool = True
    where: Filter = field(default_factory=Filter)
    columns: ColumnChoice = ()
    ignore: tuple[str, ...] = ()

    def sorted_by(self, column: str) -> ViewSpec:
        """Sort by a column in its natural direction: numbers from the greatest, names from the first."""
        return replace(self, sort=column, descending=COLUMNS[column].numeric)

    def grouped_by(self, name: str) -> ViewSpec:
        """Group otherwise, and sort by p99 where the column that was sorted by is no more."""
        spec = replace(self, group_by=name)
        field = COLUMNS[spec.sort].key_field
        return spec.sorted_by("p99") if field and field not in GROUPINGS[name].fields else spec

    def reversed(self) -> ViewSpec:
        """Sort the other way round."""
        return replace(self, descending=not self.descending)


@dataclass(frozen=True, eq=False)
class View:
    """The rows that a `ViewSpec` selects, in order.

    Attributes:
        snapshot: what was looked at.
        spec: how.
        row_map: which keys make up which row, before they were put in order.
        keys: the key of each row (dtype `KEY`), shape (n,).
        metrics: the numeric columns by key.
        row_of: for each key of the snapshot the row it is in, or -1.
        busiest_index: for each row its busiest key in the snapshot, or -1 where it is gone since the mark, shape (n,).
        process_count: how many processes each row merges, shape (n,).
        baseline: the view that it is compared with.
    """

    snapshot: Snapshot
    spec: ViewSpec
    row_map: RowMap
    keys: Keys
    metrics: Metrics
    row_of: Rows
    busiest_index: Rows
    process_count: Rows
    baseline: View | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def grouping(self) -> Grouping:
        """How the keys are merged."""
        return GROUPINGS[self.spec.group_by]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the grouping has, in their usual order."""
        return tuple(
            column
            for column in COLUMNS.values()
            if column.available_in(self.spec.group_by)
            and (not column.needs_baseline or self.baseline is not None)
        )

    @cached_property
    def shown_columns(self) -> list[Column]:
        """The columns to show, in order, where there is room for them."""
        return choose_columns(self.columns, self.spec.sort, self.spec.columns)

    @cached_property
    def stats(self) -> st.Stats:
        """The figures of each row (dtype `STATS`), shape (n,)."""
        return self.metrics.stats

    @cached_property
    def latency(self) -> SparseCounts:
        """Bucket counts by row."""
        return self.snapshot.window.latency_pages.regroup(self.row_of).to_sparse()

    def busiest_key(self, row: int) -> np.void:
        """Give the busiest key of a row."""
        there = self.busiest_index[row] >= 0
        key: np.void = self.snapshot.window.keys[self.busiest_index[row]] if there else self.busiest_keys[row]
        return key

    @cached_property
    def busiest_keys(self) -> Keys:
        """The busiest key of each row (dtype `KEY`), shape (n,); of one that is gone, that of the mark."""
        keys, there = np.empty_like(self.keys), self.busiest_index >= 0
        keys[there] = self.snapshot.window.keys[self.busiest_index[there]]
        if self.baseline is not None:
            at = match_rows(self.keys[~there], self.baseline.keys, self.grouping.fields)
            keys[~there] = self.baseline.busiest_keys[at]
        return keys

    def identity(self, row: int) -> bytes:
        """Give what stays the same of a row from snapshot to snapshot."""
        raw: bytes = self.keys[row].tobytes()
        return raw

    def find(self, identity: bytes) -> int | None:
        """Give the row of an identity, if it is still shown."""
        hits = np.flatnonzero(self.keys == np.frombuffer(identity, self.keys.dtype)[0])
        return int(hits[0]) if len(hits) else None

    def keys_of_row(self, row: int) -> Rows:
        """Give the keys of the snapshot that are merged in a row."""
        return np.flatnonzero(self.row_of == row)

    def number_rows(self, rows: Rows) -> Rows:
        """Number some rows 0, 1, … and give for each key of the snapshot that number, or -1."""
        number = np.full(len(self) + 1, -1)
        number[rows] = np.arange(len(rows))
        return number[self.row_of]


def make_view(
    snapshot: Snapshot, spec: ViewSpec, baseline: View | None = None, previous: View | None = None
) -> View:
    """Filter, group and sort a snapshot. A row without a record in the window is there if the mark has it.

    Args:
        snapshot: what to look at.
        spec: how.
        baseline: a view of the same grouping to compare with.
        previous: a view of an earlier snapshot; where the same keys are shown it spares merging them again.
    """
    window = snapshot.window
    attempts = st.attempt_counts(window.stats)
    shown = (attempts > 0) & spec.where.match_keys(window.keys, snapshot.units)
    known = None if previous is None else previous.row_map
    row_map = map_rows(window.keys, np.flatnonzero(shown), spec.group_by, known)
    keys, lead, processes = row_map.keys, row_map.busiest_keys(attempts), row_map.process_count
    at = np.empty(0, np.int64)
    if baseline is not None:
        at = match_rows(keys, baseline.keys, GROUPINGS[spec.group_by].fields)
        left = unmatched_rows(at, len(baseline))
        at, keys = np.append(at, left), np.append(keys, baseline.keys[left])
        lead, processes = (
            np.append(lead, -np.ones_like(left)),
            np.append(processes, baseline.process_count[left]),
        )
    groups = GroupMetrics(window, row_map.group_of, len(keys), snapshot.span_s)
    if baseline is not None:
        groups.set_baseline(baseline.metrics, at)
    figures = Metrics(groups, np.arange(len(keys)))
    unsorted = View(snapshot, spec, row_map, keys, figures, row_map.group_of, lead, processes, baseline)
    kept = np.flatnonzero(spec.where.match_metrics(figures, len(keys)))
    return _take(unsorted, kept[_order(unsorted, kept)], groups)


def overall_metrics(snapshot: Snapshot, where: Filter) -> dict[str, float]:
    """Compute every numeric column as if all keys that a filter lets pass were one row."""
    row_of = np.where(where.match_keys(snapshot.window.keys, snapshot.units), 0, -1)
    groups = GroupMetrics(snapshot.window, row_of, 1, snapshot.span_s)
    return {name: float(values[0]) for name, values in Metrics(groups, np.zeros(1, np.int64)).items()}


def _order(view: View, rows: Rows) -> Rows:
    """Sort rows; equal ones keep the order in which they first appeared, NaN comes last either way."""
    column = COLUMNS[view.spec.sort]
    if column.values is None or column not in view.columns:
        return np.arange(len(rows))
    values = column.values(view)[rows]
    if not view.spec.descending:
        return np.argsort(values, kind="stable")
    if column.is_metric:
        return np.argsort(-values, kind="stable")  # NaN last here as well
    return len(values) - 1 - np.argsort(values[::-1], kind="stable")[::-1]


def _take(view: View, order: Rows, groups: GroupMetrics) -> View:
    """Give a view of some of its rows, in a new order."""
    new_row = np.full(len(view) + 1, -1)
    new_row[order] = np.arange(len(order))
    return replace(
        view,
        keys=view.keys.take(order),
        metrics=Metrics(groups, order),
        row_of=new_row[view.row_of],
        busiest_index=view.busiest_index[order],
        process_count=view.process_count[order],
    )


@dataclass(frozen=True, eq=False)
class Summary:
    """The whole of a snapshot in one line.

    Attributes:
        ledger: totals since the start.
        outcomes: ended attempts of the window, indexed by `Outcome`.
        rate_hz: ended attempts a second over the window.
        quantiles_us: p50, p90, p99 of everything in the window; NaN where nothing connected.
    """

    ledger: Ledger
    outcomes: tuple[int, ...]
    rate_hz: float
    quantiles_us: tuple[float, ...]


def summarize(snapshot: Snapshot) -> Summary:
    """Sum up all keys, whatever is filtered."""
    window = snapshot.window
    outcomes = window.stats["outcomes"].sum(axis=0)
    one_row = window.latency_pages.regroup(np.zeros(len(window.keys), np.int64))
    quantiles = quantiles_us(one_row, 1, list(QUANTILES.values()))[0]
    return Summary(
        snapshot.ledger,
        tuple(int(n) for n in outcomes[:N_OUTCOMES]),
        float(outcomes.sum()) / max(snapshot.span_s, 1e-9),
        tuple(float(q) for q in quantiles),
    )
