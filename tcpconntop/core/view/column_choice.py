"""Which columns a user wants to see, and in which order. Pure.

A choice applies to every grouping. Columns that the grouping lacks are left out; if no chosen column tells
its rows apart, its key columns come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tcpconntop.core.view.columns import ALIASES, COLUMNS, TREND, ViewColumn, columns_of
from tcpconntop.core.view.spec import ColumnChoice
from tcpconntop.core.view.trouble import TROUBLE

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View

CHOOSABLE: dict[str, ViewColumn] = {**COLUMNS, TREND.key: TREND}

DEFAULT_COLUMNS: ColumnChoice = tuple(key for key, column in CHOOSABLE.items() if column.priority is not None)

_COMPARED = (
    "change", "p99", "dp99", "dfail", "fail", "dp50", "dp90", "p50", "count", "dcount", "comm", "p90",
    "rate", "rtx", "max", "trouble", "trend",
)  # fmt: skip
"""The columns of rows that are compared, the most needed first: what got worse, by how much, to what.

Whatever makes CHANGE say `worse` is among the first.
"""


def parse_columns(text: str) -> ColumnChoice:
    """Parse a list such as `daddr,p50,p99`.

    Raises:
        ValueError: the list is empty, or a name is unknown or named twice; the message is one line.
    """
    words = [word.strip() for word in text.split(",")]
    keys = tuple(ALIASES.get(word, word) for word in words)
    for key in keys:
        if key not in CHOOSABLE:
            raise ValueError(f"no column is called '{key}'; there are: {', '.join(CHOOSABLE)}")
        if keys.count(key) > 1:
            raise ValueError(f"column '{key}' is named twice")
    return keys


def known_columns(keys: Sequence[str]) -> ColumnChoice:
    """Return the known columns of a choice that another version may have stored."""
    return tuple(dict.fromkeys(key for key in keys if key in CHOOSABLE))


def shown_columns(view: View) -> list[ViewColumn]:
    """Return the columns of a view to show, in order, if there is room for all."""
    return choose_columns(columns_of(view), view.spec.sort, view.spec.columns)


def choose_columns(columns: Sequence[ViewColumn], sort: str, choice: ColumnChoice) -> list[ViewColumn]:
    """Return the columns to show, in order; the sort column is always among them, except `trouble`.

    Args:
        columns: the columns that the view has.
        sort: key of the sort column.
        choice: what the user wants.
    """
    if not choice:
        shown = [column for column in columns if column.priority is not None or column.key == sort] + [TREND]
        if not any(column.needs_baseline for column in columns):
            return shown
        return [
            replace(column, priority=_COMPARED.index(column.key)) if column.key in _COMPARED else column
            for column in shown
        ]
    available = {column.key: column for column in (*columns, TREND)}
    keys = [key for key in choice if key in available]
    naming = [column.key for column in columns if column.key_field or column.key == "comm"]
    key_columns = [key for key in naming if available[key].key_field] or naming
    if not set(keys) & set(key_columns):
        keys = [*key_columns, *keys]
    if sort in available and sort not in (*keys, TROUBLE):  # the figures show what is wrong
        keys.append(sort)
    # In a narrow terminal the user's last column is hidden first.
    return [replace(available[key], priority=priority) for priority, key in enumerate(keys)]
