"""Which columns fit into a table, and their positions. Pure.

▏DESTINATION ·· PORT  PROCESS ··· CONN/S ··· MAX  P99 TREND ··········▏
fits its texts       fits them    1 or 2 cells between   takes what is left
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from tcpconntop.core.view.column_choice import choose_columns
from tcpconntop.core.view.columns import TREND, ViewColumn
from tcpconntop.core.view.spec import ColumnChoice
from tcpconntop.core.view.trouble import TROUBLE
from tcpconntop.tui.table.contents import is_name

MARGIN = 1
"""Cells left and right of a row; the left one holds the sign of the selected row."""

MAX_TREND_WIDTH, MAX_NAME_WIDTH, MAX_FREE_WIDTH = 120, 46, 60
"""The most cells of the trend, of a name, and of the first name where no trend takes what is left."""

_FIXED = -1
"""Priority of the first column and of the sort column: they are never hidden.

Except `trouble`: where it has no room, the figures show what is wrong.
"""


@dataclass(frozen=True)
class ColumnLayout:
    """A column on the screen.

    Attributes:
        column: the column.
        start: its first cell.
        width: its width in cells, without the gap before it.
    """

    column: ViewColumn
    start: int
    width: int

    @property
    def end(self) -> int:
        """The first cell after it."""
        return self.start + self.width


def lay_out_columns(
    columns: Sequence[ViewColumn],
    sort: str,
    width: int,
    choice: ColumnChoice = (),
    contents: Mapping[str, int] = MappingProxyType({}),
) -> tuple[ColumnLayout, ...]:
    """Return the columns that fit into `width` cells, with their positions.

    Columns are two cells apart, or one if more of them fit then.

    Args:
        columns: the columns that the view has.
        sort: key of the sort column.
        width: cells of a row.
        choice: what the user wants.
        contents: cells that the texts of names need, by key of their column. Which columns are shown does not
            depend on them.
    """
    wanted = choose_columns(columns, sort, choice)
    fixed = {sort, wanted[0].key} - {TROUBLE}
    wanted = [replace(column, priority=_FIXED) if column.key in fixed else column for column in wanted]
    if any(column.key == "pid" for column in wanted):  # a pid without a process name tells little
        wanted = [replace(column, priority=0) if column.key == "comm" else column for column in wanted]
    spacious, dense = _fitting(wanted, width, 2), _fitting(wanted, width, 1)
    gap = 2 if len(spacious) == len(dense) else 1
    fitting = spacious if gap == 2 else dense
    widths = _expand(fitting, width - _needed_width(fitting, gap), contents)
    layouts, start = [], MARGIN
    for column, following in zip(fitting, [*fitting[1:], None], strict=True):
        layouts.append(ColumnLayout(column, start, widths[column.key]))
        start += widths[column.key] + _gap_after(column, following, gap)
    return tuple(layouts)


def _gap_after(column: ViewColumn, following: ViewColumn | None, gap: int) -> int:
    """Return the cells between two columns; the sort arrow after a number needs one before a name."""
    return max(gap, 2) if following is not None and column.numeric and not following.numeric else gap


def _needed_width(columns: Sequence[ViewColumn], gap: int) -> int:
    gaps = sum(_gap_after(column, following, gap) for column, following in pairwise(columns))
    return sum(column.width for column in columns) + gaps + 2 * MARGIN


def _fitting(columns: Sequence[ViewColumn], width: int, gap: int) -> list[ViewColumn]:
    """Return the columns that are left once those of the highest priority are hidden."""
    kept = list(columns)
    while _needed_width(kept, gap) > width:
        hidden = max(reversed(kept), key=lambda column: column.priority or 0)
        if hidden.priority == _FIXED:
            break
        kept.remove(hidden)
    return kept


def _expand(columns: Sequence[ViewColumn], spare: int, contents: Mapping[str, int]) -> dict[str, int]:
    """Return the width of each column by key: names fit their texts, and the trend has what is left.

    If cells are missing (`spare` is negative), the first column has fewer.
    """
    widths = {column.key: column.width for column in columns}
    if spare < 0:
        first = columns[0].key
        widths[first] = max(1, widths[first] + spare)
        return widths
    names = [column for column in columns if is_name(column)]
    needed = {
        column.key: max(min(contents.get(column.key, column.width), MAX_NAME_WIDTH), len(column.header) + 1)
        for column in names
    }
    missing = {key: cells - widths[key] for key, cells in needed.items() if cells > widths[key]}
    idle = {key: widths[key] - cells for key, cells in needed.items() if cells < widths[key]}
    lent = min(max(sum(missing.values()) - spare, 0), sum(idle.values()))
    for key, cells in idle.items():  # what one name does not need, another one may
        taken = min(cells, lent)
        widths[key] -= taken
        lent, spare = lent - taken, spare + taken
    for key in sorted(missing, key=missing.__getitem__):
        given = min(missing[key], spare)
        widths[key] += given
        spare -= given
    if TREND.key in widths:
        widths[TREND.key] += min(spare, MAX_TREND_WIDTH - widths[TREND.key])
    elif names:
        first = next((column.key for column in names if column.expands), names[0].key)
        widths[first] += max(0, min(spare, MAX_FREE_WIDTH - widths[first]))
    return widths
