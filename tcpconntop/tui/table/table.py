"""The table: formats the rows that can be seen, and nothing else.

DESTINATION          PORT  PROCESS     CONN/S  COUNT  FAIL%  RTX    P50    P90   P99▼    MAX  P99 TREND
▌10.2.3.4             443  nginx ×8       412  24.7k      0    0  210µs  900µs  14.2ms 1.03s  ▁▁▂▁▁█▁▁▁▂
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from tcpconntop.core.view.columns import TREND, ViewColumn, columns_of
from tcpconntop.core.view.view import View
from tcpconntop.tui.actions import bindings
from tcpconntop.tui.messages import NoRowSelected, RowOpened, RowSelected, SortRequested
from tcpconntop.tui.table.layout import MARGIN, ColumnLayout, lay_out_columns
from tcpconntop.tui.table.line_view import LineView
from tcpconntop.tui.table.naming import Namer, add_name, widen_for_names
from tcpconntop.tui.table.trend import Trend, TrendCache
from tcpconntop.tui.text.lines import STYLE_CLASSES, fit, fit_address, fit_counted
from tcpconntop.tui.text.severity import metric_paint
from tcpconntop.tui.text.wrap import wrap

CURSOR_SIGN, WORSE_SIGN = "▌", "▲"
_CELL_PAINT = {"daddr": "strong", "trend": "trend", "dport": "", "pid": "", "comm": "", "unit": "strong"}


class Table(LineView, can_focus=True):
    """Rows of a view under a header that stays. The selection belongs to a row's identity, not its place."""

    COMPONENT_CLASSES: ClassVar[set[str]] = STYLE_CLASSES | {
        "table--header",
        "table--sorted",
        "table--cursor",
    }
    BINDINGS = bindings("table")
    DEFAULT_CSS = "Table { scrollbar-size-vertical: 1; scrollbar-gutter: stable; overflow-x: hidden; }"

    def __init__(self) -> None:
        super().__init__("table")
        self.view: View | None = None
        self.places: tuple[ColumnLayout, ...] = ()
        self.selected: bytes | None = None
        self.row: int | None = None
        self._last_row = 0
        self._empty = ""
        self._whole: Mapping[str, float] = {}
        self._strips: dict[tuple[int, bool, int], Strip] = {}
        self._trends = TrendCache()
        self._trends_seen: list[Trend] = []
        self._top = -1
        self._arranged: tuple[object, ...] = ()  # what the places depend on
        self._namer: Namer | None = None

    def show(self, view: View | None, empty: str, whole: Mapping[str, float] | None = None) -> None:
        """Show a view.

        Args:
            view: what to show.
            empty: says what would fill the table when it has no rows.
            whole: figures of everything that is shown, by column, to judge those of rows by.
        """
        self._whole = whole or {}
        visible = self.row is not None and self._first <= self.row < self._first + self._page
        self.view, self._empty = view, empty
        self.row = None if view is None or self.selected is None else view.find(self.selected)
        self.virtual_size = Size(self.size.width, (len(view) if view else 0) + 1)
        self._arrange()
        if visible:
            self._reveal()

    def set_namer(self, namer: Namer | None) -> None:
        """Show the names that `namer` gives beside addresses, and those of ports; None shows neither."""
        if namer != self._namer:
            self._namer = namer
            self._arrange()

    def forget(self) -> None:
        """Draw every row anew: a name is known that was not."""
        self._strips.clear()
        self.refresh()

    def select(self, identity: bytes | None) -> None:
        """Select the row of an identity, or none."""
        if identity == self.selected:
            return
        self.selected = identity
        self.row = None if self.view is None or identity is None else self.view.find(identity)
        self.refresh()
        self.post_message(RowSelected(identity))

    def go_to(self, identity: bytes) -> None:
        """Select the row of an identity and bring it into sight, if the view has it."""
        row = None if self.view is None else self.view.find(identity)
        if row is not None:
            self._go(row)

    @property
    def _first(self) -> int:
        return self.scroll_offset.y

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 1)

    def _arrange(self) -> None:
        if self.view is not None:
            room = self.size.width - 1  # the scroll bar's
            columns, spec = columns_of(self.view), self.view.spec
            asked = (columns, room, spec.sort, spec.columns, self._namer is None)
            if asked != self._arranged:
                self._arranged = asked
                shown = widen_for_names(columns, room) if self._namer else columns
                self.places = lay_out_columns(shown, spec.sort, room, spec.columns)
        self._strips.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget strips in the old colours."""
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Give the columns their places again."""
        self._arrange()

    # Moving

    def _go(self, row: int) -> None:
        if self.view is None or not len(self.view):
            self.post_message(NoRowSelected())
            return
        row = min(max(row, 0), len(self.view) - 1)
        self._last_row = row
        self.select(self.view.identity(row))
        self._reveal()

    def _reveal(self) -> None:
        if self.row is None:
            return
        top = min(max(self._first, self.row - self._page + 1), self.row)
        if top != self._first:
            self.scroll_to(y=top, animate=False, immediate=True)

    def _step(self, rows: int) -> None:
        """Move from the selected row, from where it was last seen, or to the first one that is seen."""
        if self.row is not None:
            self._go(self.row + rows)
        else:
            self._go(self._first if self.selected is None else self._last_row)

    def action_up(self) -> None:
        """Select the row above."""
        self._step(-1)

    def action_down(self) -> None:
        """Select the row below."""
        self._step(1)

    def action_page_up(self) -> None:
        """Go up by a page."""
        self._step(-self._page)

    def action_page_down(self) -> None:
        """Go down by a page."""
        self._step(self._page)

    def action_first(self) -> None:
        """Select the first row."""
        self._go(0)

    def action_last(self) -> None:
        """Select the last row."""
        self._go(len(self.view or ()) - 1)

    def on_click(self, event: events.Click) -> None:
        """Sort by a header, select a row, open one that is clicked twice."""
        if self.view is None:
            return
        if event.y == 0:
            hit = [place for place in self.places if event.x <= place.start + place.width]  # gaps are its own
            if hit and hit[0].column.values is not None:
                self.post_message(SortRequested(hit[0].column.key))
            return
        row = self._first + event.y - 1
        if row < len(self.view):
            self._go(row)
            if event.chain == 2:
                self.post_message(RowOpened())

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw line `y` of what can be seen; 0 is the header."""
        width = self.line_width
        if y == 0:
            return self._header().adjust_cell_length(width, self.style("header"))
        first, count = self._first, len(self.view or ())
        if first != self._top:  # trends are of the rows that are seen
            self._top = first
            self._strips.clear()
        if first + y - 1 < count:
            return self._row(first + y - 1, width)
        reason = [] if count else wrap(self._empty, width - 4, self._page)
        if 0 <= y - 2 < len(reason):
            return Strip([Segment(fit(f"  {reason[y - 2]}", width), self.style("", "dim"))], width)
        return Strip.blank(width, self.style(""))

    def _header(self) -> Strip:
        plain, sorted_ = self.style("header"), self.style("sorted")
        segments, at = [], 0
        spec = None if self.view is None else self.view.spec
        for place in self.places:
            column = place.column
            chosen = spec is not None and column.key == spec.sort
            arrow = ("▼" if spec and spec.descending else "▲") if chosen else " "
            name = column.header[: place.width] if column.numeric else f"{column.header}{arrow}"
            segments.append(Segment(" " * (place.start - at), plain))
            segments.append(Segment(fit(name, place.width, column.numeric), sorted_ if chosen else plain))
            at = place.start + place.width
            if column.numeric:  # the arrow stands in the gap, so that no header moves when it comes
                segments.append(Segment(arrow, sorted_ if chosen else plain))
                at += 1
        return Strip(segments)

    def _row(self, row: int, width: int) -> Strip:
        selected = row == self.row
        if not self._strips or row - self._top >= len(self._trends_seen):
            self._trends_seen = self._find_trends()
        strip = self._strips.get((row, selected, width))
        if strip is None:
            strip = self._strips[row, selected, width] = self._format(row, width)
        return strip

    def _format(self, row: int, width: int) -> Strip:
        """Draw a row; cells of one style are one segment, since what comes after costs by the segment."""
        selected = row == self.row
        kind = "cursor" if selected else ""
        segments, at = (
            [Segment((CURSOR_SIGN if selected else " ") * MARGIN, self.style(kind, "accent"))],
            MARGIN,
        )
        run, style = "", self.style(kind)
        trend = self._trends_seen[row - self._top]
        for place in self.places:
            column = place.column
            text = trend.line if column.key == TREND.key else self._text(column, row)
            worse = column.key in trend.worse
            gap = " " * (place.start - at - worse) + (WORSE_SIGN if worse else "")
            own = self.style(kind, "bad" if worse else self._paint_of(column, row))
            if own is not style and run:
                segments.append(Segment(run, style))
                run = ""
            style = own
            run += gap + _fitted(column, text, place)
            at = place.start + place.width
        segments += [Segment(run, style), Segment(" " * (width - at), self.style(kind))]
        return Strip(segments, max(width, at))

    def _find_trends(self) -> list[Trend]:
        """Give the trends of the rows that are seen."""
        assert self.view is not None  # noqa: S101 - only rows of a view are drawn
        steps = [place.width for place in self.places if place.column.key == TREND.key]
        rows = range(self._top, min(self._top + self._page, len(self.view)))
        return self._trends.get(self.view, rows, *steps)

    def _text(self, column: ViewColumn, row: int) -> str:
        assert self.view is not None  # noqa: S101 - only rows of a view are drawn
        text = column.text(self.view, row)
        return add_name(text, column, self.view, row, self._namer) if self._namer else text

    def _paint_of(self, column: ViewColumn, row: int) -> str:
        if self.view is not None and self.view.busiest_index[row] < 0:  # gone since the mark
            return "dim"
        if column.key in _CELL_PAINT or self.view is None:
            return _CELL_PAINT.get(column.key, "")
        whole = self._whole.get(column.key, math.nan)
        return metric_paint(column.key, self.view.metrics.value(column.key, row), whole)


def _fitted(column: ViewColumn, text: str, place: ColumnLayout) -> str:
    """Bring the text of a cell to the width of its place."""
    if column.key == "comm":  # ×n: how many processes it stands for
        return fit_counted(text, place.width)
    return (
        fit_address(text, place.width)
        if column.key == "daddr"
        else fit(text, place.width, place.right_aligned)
    )
