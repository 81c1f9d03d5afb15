"""Makes the view of a snapshot: filters, groups and sorts it. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcpconntop.core.types import Rows
from tcpconntop.core.view.baseline import match_rows, unmatched_rows
from tcpconntop.core.view.changes import Changes, Side
from tcpconntop.core.view.columns import COLUMNS, columns_of
from tcpconntop.core.view.loss_bounds import unplaced_connects
from tcpconntop.core.view.row_map import RowMap, map_rows
from tcpconntop.core.view.row_metrics import GroupMetrics, RowMetrics
from tcpconntop.core.view.same_name import match_same_name
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.snapshot import Snapshot


def make_view(
    snapshot: Snapshot, spec: ViewSpec, baseline: View | None = None, previous: View | None = None
) -> View:
    """Filter, group and sort a snapshot.

    A row without a record in the window is shown if the baseline has it.

    Args:
        snapshot: the snapshot to show.
        spec: what to show of it.
        baseline: a view of the same grouping to compare with.
        previous: the view of an earlier snapshot; if it shows the same keys, they are not merged again.
    """
    window = snapshot.window
    is_shown = st.attempt_counts(window.stats) > 0
    is_shown &= spec.where.match_keys(window.keys, snapshot.names)
    previous_map = None if previous is None else previous.row_map
    return view_of_keys(snapshot, spec, np.flatnonzero(is_shown), baseline, previous_map)


def view_of_keys(
    snapshot: Snapshot,
    spec: ViewSpec,
    keys: Rows,
    baseline: View | None = None,
    previous: RowMap | None = None,
) -> View:
    """Group and sort some keys of a snapshot, and filter the rows by their metrics.

    Args:
        snapshot: the snapshot.
        spec: what to show of it; the terms of its filter that are about keys are not applied.
        keys: indices of the keys, ascending.
        baseline: a view of the same grouping to compare with.
        previous: the map of an earlier snapshot, which is used if it is of the same keys.
    """
    window = snapshot.window
    row_map = map_rows(window.keys, keys, spec.group_by, previous)
    groups = GroupMetrics(window, row_map.group_of, len(row_map), snapshot.span_s)
    view = View(
        snapshot,
        spec,
        row_map,
        row_map.keys,
        RowMetrics(groups, np.arange(len(row_map))),
        row_map.group_of,
        row_map.busiest_keys(st.attempt_counts(window.stats)),
        row_map.process_count,
        row_map.namespace_count,
    )
    if baseline is not None:
        view, groups = _compare(view, baseline)
    kept = np.flatnonzero(spec.where.match_metrics(view.metrics, len(view)))
    return _take(view, kept[_order(view, kept)], groups)


def _compare(view: View, baseline: View) -> tuple[View, GroupMetrics]:
    """Return an unsorted view with the rows of the baseline that no longer exist, and its metrics."""
    row_of = match_rows(view.keys, baseline.keys, view.grouping.fields)
    row_of = match_same_name(view, baseline, row_of)
    gone = unmatched_rows(row_of, len(baseline))
    n_rows = len(view) + len(gone)
    groups = GroupMetrics(view.snapshot.window, view.row_map.group_of, n_rows, view.snapshot.span_s)
    keys, metrics = np.append(view.keys, baseline.keys[gone]), RowMetrics(groups, np.arange(n_rows))
    sides = [
        _side(one, groups.stats, metrics) if one is view else _side(one, one.stats, one.metrics)
        for one in (view, baseline)
    ]
    former = np.append(row_of, gone)
    groups.set_changes(Changes(sides[0], sides[1], former, keys["special"] == 0))
    compared = replace(
        view,
        keys=keys,
        metrics=metrics,
        busiest_index=np.append(view.busiest_index, np.full(len(gone), -1)),
        process_count=np.append(view.process_count, baseline.process_count[gone]),
        namespace_count=np.append(view.namespace_count, baseline.namespace_count[gone]),
        baseline=baseline,
        former=former,
    )
    return compared, groups


def _side(view: View, stats: st.Stats, metrics: RowMetrics) -> Side:
    """Return the rows of a view, with their figures, as one side of a comparison."""
    snapshot = view.snapshot
    missing = unplaced_connects(snapshot)
    return Side(stats, metrics, snapshot.window.latency_pages, view.row_of, snapshot.span_s, missing)


def _order(view: View, rows: Rows) -> Rows:
    """Return the indices that sort some rows; equal rows keep their order, NaN always comes last."""
    column = COLUMNS[view.spec.sort]
    if len(rows) < 2 or column.values is None or column not in columns_of(view):
        return np.arange(len(rows))
    values = column.values(view)[rows]
    if not view.spec.descending:
        return np.argsort(values, kind="stable")
    if column.is_metric:
        return np.argsort(-values, kind="stable")  # reversing an ascending order would put NaN first
    return len(values) - 1 - np.argsort(values[::-1], kind="stable")[::-1]


def _take(view: View, order: Rows, groups: GroupMetrics) -> View:
    """Return a view of some of its rows in a new order."""
    new_row = np.full(len(view) + 1, -1)
    new_row[order] = np.arange(len(order))
    return replace(
        view,
        keys=view.keys.take(order),
        metrics=RowMetrics(groups, order),
        row_of=new_row[view.row_of],
        busiest_index=view.busiest_index[order],
        process_count=view.process_count[order],
        namespace_count=view.namespace_count[order],
        former=None if view.former is None else view.former[order],
    )
