"""Which columns there is room for, and where they stand. Pure.

▏DESTINATION ······ PORT  PROCESS       CONN/S ··· MAX  P99 TREND ·····▏
grows                    1 or 2 cells between columns  takes what is left
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tcpconntop.core.view.column_choice import choose_columns
from tcpconntop.core.view.columns import TREND, ViewColumn
from tcpconntop.core.view.spec import ColumnChoice

MARGIN = 1
"""Cells left and right of the row; the left one holds the mark of the selected row."""

MAX_TREND_WIDTH, MAX_NAME_WIDTH = 60, 46

_STAYS = -1
"""Priority of the first column and of the one that is sorted by."""


@dataclass(frozen=True)
class ColumnLayout:
    """A column on the screen: `start` and `width` in cells, without the gap before it."""

    column: ViewColumn
    start: int
    width: int

    @property
    def right_aligned(self) -> bool:
        """Whether its text stands at the right."""
        return self.column.numeric or self.column.key == TREND.key


def lay_out_columns(
    columns: Sequence[ViewColumn], sort: str, width: int, choice: ColumnChoice = ()
) -> tuple[ColumnLayout, ...]:
    """Choose the columns that fit into `width` cells and give them their places.

    The first one and the one that is sorted by are always there. Columns stand two cells apart, or one
    where that keeps more of them.
    """
    asked = choose_columns(columns, sort, choice)
    stay = (sort, asked[0].key)
    asked = [replace(column, priority=_STAYS) if column.key in stay else column for column in asked]
    if any(column.key == "pid" for column in asked):  # a number without its name tells nobody anything
        asked = [replace(column, priority=0) if column.key == "comm" else column for column in asked]
    wide, tight = _choose(asked, width, 2), _choose(asked, width, 1)
    gap = 2 if len(wide) == len(tight) else 1
    chosen = wide if gap == 2 else tight
    widths = {column.key: column.width for column in chosen}
    _grow(chosen, widths, width - _needed(chosen, gap))
    places, at = [], MARGIN
    for column, following in zip(chosen, [*chosen[1:], None], strict=True):
        places.append(ColumnLayout(column, at, widths[column.key]))
        at += widths[column.key] + _gap(column, following, gap)
    return tuple(places)


def _gap(column: ViewColumn, following: ViewColumn | None, gap: int) -> int:
    """Give the cells between two columns: where a number meets a name, the arrow needs one more."""
    return max(gap, 2) if following is not None and column.numeric and not following.numeric else gap


def _needed(columns: Sequence[ViewColumn], gap: int) -> int:
    gaps = sum(_gap(column, following, gap) for column, following in pairwise(columns))
    return sum(column.width for column in columns) + gaps + 2 * MARGIN


def _choose(columns: Sequence[ViewColumn], width: int, gap: int) -> list[ViewColumn]:
    kept = list(columns)
    while _needed(kept, gap) > width:
        least = max(reversed(kept), key=lambda column: column.priority or 0)
        if least.priority == _STAYS:
            break
        kept.remove(least)
    return kept


def _grow(chosen: Sequence[ViewColumn], widths: dict[str, int], spare: int) -> None:
    """Hand out the spare cells: first to names up to their most, then to the trend."""
    if spare < 0:
        first = chosen[0].key
        widths[first] = max(1, widths[first] + spare)
        return
    names = [column.key for column in chosen if column.expands] or [
        column.key for column in chosen if not column.numeric and column.key != TREND.key
    ]
    trend = TREND.key in widths
    for key in names[:1]:
        most = MAX_NAME_WIDTH if trend else MAX_TREND_WIDTH
        share = spare // 2 if trend else spare
        extra = max(0, min(share, most - widths[key]))
        widths[key] += extra
        spare -= extra
    if trend:
        extra = min(spare, MAX_TREND_WIDTH - widths[TREND.key])
        widths[TREND.key] += extra
        spare -= extra
        for key in names[:1]:
            widths[key] += spare
