"""Which columns a user wants, and in which order. Pure; a choice is a tuple of column keys.

The empty choice stands for the usual columns. A choice holds for every grouping: what a grouping lacks is
left out, and where nothing is left that tells its rows apart, its own key columns come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tcpconntop.core.view.columns import COLUMNS, TREND, Column

ColumnChoice = tuple[str, ...]

CHOOSABLE: dict[str, Column] = {**COLUMNS, TREND.key: TREND}

DEFAULT_COLUMNS: ColumnChoice = tuple(key for key, column in CHOOSABLE.items() if column.priority is not None)


def parse_columns(text: str) -> ColumnChoice:
    """Read a list such as `daddr,p50,p99`.

    Raises:
        ValueError: it names what is no column, or none, or one twice; the message is one line.
    """
    keys = tuple(word.strip() for word in text.split(","))
    for key in keys:
        if key not in CHOOSABLE:
            raise ValueError(f"no column is called '{key}'; there are: {', '.join(CHOOSABLE)}")
        if keys.count(key) > 1:
            raise ValueError(f"column '{key}' is named twice")
    return keys


def known_columns(keys: Sequence[str]) -> ColumnChoice:
    """Give what is known of a choice that was stored, maybe by another version."""
    return tuple(dict.fromkeys(key for key in keys if key in CHOOSABLE))


def choose_columns(columns: Sequence[Column], sort: str, choice: ColumnChoice) -> list[Column]:
    """Give the columns to show, in order; the one that is sorted by is always among them.

    Args:
        columns: those that the grouping has.
        sort: key of the column that is sorted by.
        choice: what the user wants.
    """
    if not choice:
        return [column for column in columns if column.priority is not None or column.key == sort] + [TREND]
    there = {column.key: column for column in (*columns, TREND)}
    keys = [key for key in choice if key in there]
    own = [column.key for column in columns if column.key_field or column.key == "comm"]
    telling = [key for key in own if there[key].key_field] or own
    if not set(keys) & set(telling):
        keys = [*telling, *keys]
    if sort in there and sort not in keys:
        keys.append(sort)
    # What the user put last goes first when the terminal is narrow.
    return [replace(there[key], priority=place) for place, key in enumerate(keys)]
