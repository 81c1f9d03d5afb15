"""Other orders and groupings of a view's spec: which column the rows are sorted by then."""

from __future__ import annotations

from dataclasses import replace

from tcpconntop.core.view.columns import COLUMNS, is_available
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.trouble import TROUBLE


def sorted_by(spec: ViewSpec, key: str) -> ViewSpec:
    """Return the spec sorted by a column in its natural direction: figures from the highest, names from A.

    Ports and PIDs are names, too: they begin with the lowest. What the order was before a change is kept.
    """
    column = COLUMNS[key]
    plain = spec.plain_order if COLUMNS[spec.sort].needs_baseline else (spec.sort, spec.descending)
    return replace(spec, sort=key, descending=column.numeric and not column.key_field, plain_order=plain)


def without_changes(spec: ViewSpec) -> ViewSpec:
    """Return the spec for rows that are compared with nothing: if sorted by a change, as it was before."""
    if not COLUMNS[spec.sort].needs_baseline:
        return spec
    sort, descending = spec.plain_order
    return grouped_by(replace(spec, sort=sort, descending=descending), spec.group_by)


def grouped_by(spec: ViewSpec, group_by: str) -> ViewSpec:
    """Return the spec with another grouping, sorted by trouble if the grouping lacks the sort column."""
    grouped = replace(spec, group_by=group_by)
    return grouped if is_available(COLUMNS[spec.sort], group_by) else sorted_by(grouped, TROUBLE)
