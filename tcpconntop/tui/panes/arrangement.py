"""Where panes stand. Pure.

──[ Histogram ]─ Timeline ─ …    a pane, or several side by side where there is room

── Explain ─────── Timeline ─────[ Histogram ]──    a big terminal whose table leaves much room
                 ── Heatmap ─────── Failures ────

── Explain ─────── Heatmap ────── Timeline ─────    … or little
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PANE_WIDTH = 100
"""Width of a pane in cells; a terminal twice as wide shows two."""

BIG_WIDTH, BIG_HEIGHT = 180, 50
"""Size of a terminal from which the panes stand beside each other."""

COLUMNS = (("Explain",), ("Timeline", "Heatmap"), ("Histogram", "Failures"))
"""The panes of each column where there is room for all; those of one time axis stand above each other."""

IN_ONE_ROW = ("Explain", "Heatmap", "Timeline", "Histogram", "Failures")
"""What stands in one row, from the left, as far as there is room."""

COLUMN_MIN_WIDTH, TWO_ROWS_MIN_HEIGHT = 59, 22
"""Cells of a column, and lines from which panes stand above each other."""


class PanePlace(NamedTuple):
    """Where a pane stands: its position below the title, which is in the line above, and its size."""

    name: str
    x: int
    y: int
    width: int
    height: int


def is_big(width: int, height: int) -> bool:
    """True if the panes of a terminal of this size stand beside each other."""
    return width >= BIG_WIDTH and height >= BIG_HEIGHT


def side_by_side(offered: Sequence[str], active: str, width: int, height: int) -> list[PanePlace]:
    """Return the active pane, and those next to its tab where there is room for more than one."""
    n = min(max(1, width // PANE_WIDTH), len(offered))
    first = min(offered.index(active), len(offered) - n)
    return _in_row(offered[first : first + n], width, height, 0)


def all_together(offered: Sequence[str], picked: str | None, width: int, height: int) -> list[PanePlace]:
    """Return as many panes as fit into a big terminal.

    Args:
        offered: the panes that there are.
        picked: one that the user wants to see; None if that does not matter.
        width: cells of a line.
        height: lines of the panes with their titles.
    """
    if height < TWO_ROWS_MIN_HEIGHT:
        names = [name for name in IN_ONE_ROW if name in offered]
        names = names[: max(1, (width + 1) // (COLUMN_MIN_WIDTH + 1))]
        if picked is not None and picked not in names:
            names[-1] = picked
        return _in_row(names, width, height, 1)
    columns = [[name for name in column if name in offered] for column in COLUMNS]
    columns[-1] += [name for name in offered if not any(name in column for column in COLUMNS)]
    columns = [column for column in columns if column]
    places, tops = [], _in_row([column[0] for column in columns], width, height, 1)
    for place, column in zip(tops, columns, strict=True):
        for n, name in enumerate(column):
            top, bottom = height * n // len(column), height * (n + 1) // len(column)
            places.append(place._replace(name=name, y=top + 1, height=bottom - top - 1))
    return places


def _in_row(names: Sequence[str], width: int, height: int, gap: int) -> list[PanePlace]:
    """Return panes side by side, `gap` cells apart, with their titles in line 0."""
    starts = [n * (width + gap) // len(names) for n in range(len(names) + 1)]
    return [
        PanePlace(name, start, 1, end - start - gap, height - 1)
        for name, start, end in zip(names, starts, starts[1:], strict=False)
    ]
