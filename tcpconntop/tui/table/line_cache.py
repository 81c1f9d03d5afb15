"""Keeps the lines of a table that have been drawn, and the trends of the visible rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.columns import TREND
from tcpconntop.tui.table.drawing import RowDrawing
from tcpconntop.tui.table.expansion import NO_EXPANSION, LineContent
from tcpconntop.tui.table.layout import MARGIN
from tcpconntop.tui.text.lines import fit

if TYPE_CHECKING:
    from tcpconntop.core.view import subrows as all_subrows
    from tcpconntop.core.view.view import View
    from tcpconntop.tui.table import trend as trends
    from tcpconntop.tui.table.trend import Trend, TrendCache
else:
    all_subrows = lazy("tcpconntop.core.view.subrows")
    trends = lazy("tcpconntop.tui.table.trend")


class LineCache:
    """The lines of one frame; `clear` begins another one.

    Attributes:
        expansion: the row that is expanded, and its subrows.
    """

    def __init__(self) -> None:
        self.expansion = NO_EXPANSION
        self._strips: dict[tuple[LineContent, str, str, int], Strip] = {}
        self._visible_trends: list[Trend] = []
        self._first, self._page = -1, 0

    @cached_property
    def _trends(self) -> TrendCache:
        return trends.TrendCache()

    @cached_property
    def _subrow_trends(self) -> TrendCache:
        return trends.TrendCache()

    def clear(self) -> None:
        """Forget all lines; the trends of steps that are over stay."""
        self._strips.clear()

    def move_to(self, first: int, page: int) -> None:
        """Set the first visible line and how many there are: the trends are those of the visible rows."""
        if (first, page) != (self._first, self._page):
            self._first, self._page = first, page
            self._strips.clear()

    def line(self, drawing: RowDrawing, view: View, content: LineContent, sign: str, kind: str) -> Strip:
        """Return a line: `sign` is in its margin, `kind` is the component class of the line of a row."""
        top = self.expansion.content(self._first).row
        widths = [layout.width for layout in drawing.layouts if layout.column.key == TREND.key]
        size = (min(widths[0], trends.MAX_STEPS), widths[0]) if widths else ()
        if not self._strips:
            rows = range(top, min(top + self._page, len(view)))
            self._visible_trends = self._trends.get(view, rows, *size)
        key = (content, sign, kind, drawing.width)
        strip = self._strips.get(key)
        if strip is None:
            if content.subrow < 0:
                strip = drawing.row(view, content.row, self._visible_trends[content.row - top], sign, kind)
            else:
                strip = self._subrow(drawing, content.subrow, *size)
            self._strips[key] = strip
        return strip

    def _subrow(self, drawing: RowDrawing, subrow: int, *size: int) -> Strip:
        subrows, n_lines, n_hidden = self.expansion.subrows, self.expansion.n_lines, self.expansion.n_hidden
        last = subrow == n_lines - 1
        if subrows is None or (last and n_hidden):
            more = f"{' ' * MARGIN}└ {n_hidden} more"
            return Strip([Segment(fit(more, drawing.width), drawing.widget.style("", "dim"))], drawing.width)
        trend = self._subrow_trends.get(subrows, range(n_lines), *size)[subrow]
        return drawing.subrow(
            subrows, subrow, trend, f"{'└' if last else '├'} {all_subrows.subrow_text(subrows, subrow)}"
        )
