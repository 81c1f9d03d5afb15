"""How wide the texts of the names in a table are, so that its columns fit them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len

from tcpconntop.core.view.columns import TREND, ViewColumn
from tcpconntop.tui.steady import SteadySize
from tcpconntop.tui.table.naming import Namer, add_name

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View


def is_name(column: ViewColumn) -> bool:
    """True if the texts of a column are names, which have any length."""
    return not column.numeric and column.key != TREND.key


def cell_text(view: View, column: ViewColumn, row: int, namer: Namer | None) -> str:
    """Return the text of a cell, with the name of its address or port if names are shown."""
    text = column.text(view, row)
    return add_name(text, column, view, row, namer) if namer else text


class ContentWidths:
    """The cells that names need: more at once, fewer late, so that columns do not jump at each refresh."""

    def __init__(self) -> None:
        self._sizes: dict[str, SteadySize] = {}

    def measure(
        self, view: View, rows: Iterable[int], columns: Iterable[ViewColumn], namer: Namer | None
    ) -> Mapping[str, int]:
        """Return the width in cells of the longest text of each column of names, by key.

        Args:
            view: the view.
            rows: those that are measured: the visible ones.
            columns: the columns of the table.
            namer: as the table has it.
        """
        kind = (view.spec.group_by, view.spec.where.text, namer is None)
        widths, rows = {}, list(rows)
        for column in columns:
            if is_name(column):
                texts = (cell_text(view, column, row, namer) for row in rows)
                longest = max((len(text) if text.isascii() else cell_len(text) for text in texts), default=0)
                widths[column.key] = self._sizes.setdefault(column.key, SteadySize()).fit(longest, kind)
        return widths
