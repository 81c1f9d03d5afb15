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


class Contents:
    """The texts of the visible names, and the cells they need: more at once, fewer late (`SteadySize`)."""

    def __init__(self) -> None:
        self._sizes: dict[str, SteadySize] = {}
        self._texts: dict[tuple[str, int], str] = {}
        self._of: tuple[View, Namer | None] | None = None

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
        kind, widths = (view.spec.group_by, view.spec.where.text, namer is None), {}
        rows = list(rows)
        for column in columns:
            if is_name(column):
                texts = [self.text(view, column, row, namer) for row in rows]
                longest = max((len(text) if text.isascii() else cell_len(text) for text in texts), default=0)
                widths[column.key] = self._sizes.setdefault(column.key, SteadySize()).fit(longest, kind)
        return widths

    def text(self, view: View, column: ViewColumn, row: int, namer: Namer | None) -> str:
        """Return the text of a cell; that of a name is made once for a view."""
        if not is_name(column):
            return column.text(view, row)
        if self._of is None or self._of[0] is not view or self._of[1] is not namer:
            self._of, self._texts = (view, namer), {}
        text = self._texts.get((column.key, row))
        if text is None:
            text = column.text(view, row)
            text = add_name(text, column, view, row, namer) if namer else text
            self._texts[column.key, row] = text
        return text

    def forget(self) -> None:
        """Make all texts again, because an address has got a name."""
        self._texts = {}
