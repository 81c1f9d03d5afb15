"""The table: draws the rows of a view that are visible, and nothing else.

DESTINATION          PORT  PROCESS     CONN/S  COUNT  FAIL%  RTX    P50    P90   P99▼    MAX  P99 TREND
▌10.2.3.4             443  nginx ×8       412  24.7k      0    0  210µs  900µs  14.2ms 1.03s  ▁▁▂▁▁█▁▁▁▂
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.columns import TREND, ViewColumn, columns_of
from tcpconntop.tui.actions import bindings
from tcpconntop.tui.messages import NoRowSelected, RowOpened, RowSelected, SortRequested
from tcpconntop.tui.table.cells import cell_paint, fit_cell
from tcpconntop.tui.table.layout import MARGIN, ColumnLayout, lay_out_columns
from tcpconntop.tui.table.line_view import LineView
from tcpconntop.tui.table.naming import Namer, add_name, widen_for_names
from tcpconntop.tui.text.lines import STYLE_CLASSES, fit
from tcpconntop.tui.text.wrap import wrap

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View
    from tcpconntop.tui.table import trend as trends
    from tcpconntop.tui.table.trend import Trend, TrendCache
else:
    trends = lazy("tcpconntop.tui.table.trend")

CURSOR_SIGN, WORSE_SIGN = "▌", "▲"


class Table(LineView, can_focus=True):
    """The rows of a view below a fixed header. The selection follows a row's identity, not its position."""

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
        self.column_layouts: tuple[ColumnLayout, ...] = ()
        self.selected: bytes | None = None
        self.row: int | None = None
        self._last_row = 0
        self._empty = ""
        self._overall: Mapping[str, float] = {}
        self._strips: dict[tuple[int, bool, int], Strip] = {}
        self._visible_trends: list[Trend] = []
        self._top = -1
        self._layout_key: tuple[object, ...] = ()  # what the layout depends on
        self._without_rows: tuple[object, ...] | None = None  # what is drawn where there is no row
        self._namer: Namer | None = None

    def show(self, view: View | None, empty: str, overall: Mapping[str, float] | None = None) -> None:
        """Show a view.

        Args:
            view: the view to show.
            empty: what to show instead of rows if there are none.
            overall: metrics of all rows together by name, to which those of a row are compared.
        """
        self._overall = overall or {}
        was_visible = self.row is not None and self._first <= self.row < self._first + self._page
        self.view, self._empty = view, empty
        self.row = None if view is None or self.selected is None else view.find(self.selected)
        self.virtual_size = Size(self.size.width, (len(view) if view else 0) + 1)
        self._lay_out()
        if was_visible:
            self._reveal()

    def set_namer(self, namer: Namer | None) -> None:
        """Show names beside addresses (as `namer` returns them) and ports; None shows no names."""
        if namer != self._namer:
            self._namer = namer
            self._lay_out()

    def forget(self) -> None:
        """Draw all rows again, because a name has been resolved."""
        self._strips.clear()
        self.repaint()

    def select(self, identity: bytes | None) -> None:
        """Select the row with an identity, or no row."""
        if identity == self.selected:
            return
        self.selected = identity
        self.row = None if self.view is None or identity is None else self.view.find(identity)
        self.repaint()
        self.post_message(RowSelected(identity))

    def go_to(self, identity: bytes) -> None:
        """Select the row with an identity and scroll to it, if the view has it."""
        row = None if self.view is None else self.view.find(identity)
        if row is not None:
            self._go(row)

    @cached_property
    def _trends(self) -> TrendCache:
        return trends.TrendCache()

    @property
    def _first(self) -> int:
        return self.scroll_offset.y

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 1)

    def _lay_out(self) -> None:
        if self.view is not None:
            room = self.size.width - 1  # without the scroll bar
            columns, spec = columns_of(self.view), self.view.spec
            key = (columns, room, spec.sort, spec.columns, self._namer is None)
            if key != self._layout_key:
                self._layout_key = key
                widened = widen_for_names(columns, room) if self._namer else columns
                self.column_layouts = lay_out_columns(widened, spec.sort, room, spec.columns)
        self._strips.clear()
        without_rows = None if self.view else (self._empty, self.column_layouts, self._order())
        if without_rows is None or without_rows != self._without_rows or not self.is_painted:
            self.repaint()  # at rest nothing changes, and drawing what is there anew is half of our cost
        self._without_rows = without_rows

    def _order(self) -> tuple[str, bool] | None:
        return None if self.view is None else (self.view.spec.sort, self.view.spec.descending)

    def notify_style_update(self) -> None:
        """Clear the lines that were drawn in the old colours."""
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Lay out the columns for the new width."""
        self._lay_out()

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
        """Move from the selected row, from its last position if it is gone, or to the first visible row."""
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
        """Move up by a page."""
        self._step(-self._page)

    def action_page_down(self) -> None:
        """Move down by a page."""
        self._step(self._page)

    def action_first(self) -> None:
        """Select the first row."""
        self._go(0)

    def action_last(self) -> None:
        """Select the last row."""
        self._go(len(self.view or ()) - 1)

    def on_click(self, event: events.Click) -> None:
        """Sort by the column of a header, select a row, or open it after a double click."""
        if self.view is None:
            return
        if event.y == 0:
            hits = [
                layout.column for layout in self.column_layouts if event.x <= layout.end
            ]  # with the gap before
            if hits and hits[0].values is not None:
                self.post_message(SortRequested(hits[0].key))
            return
        row = self._first + event.y - 1
        if row < len(self.view):
            self._go(row)
            if event.chain == 2:
                self.post_message(RowOpened())

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw a visible line; line 0 is the header."""
        width = self.line_width
        if y == 0:
            return self._header().adjust_cell_length(width, self.style("header"))
        view, first = self.view, self._first
        if first != self._top:  # the cached trends are those of the visible rows
            self._top = first
            self._strips.clear()
        if view is not None and first + y - 1 < len(view):
            return self._row(view, first + y - 1, width)
        empty = [] if view is not None and len(view) else _wrapped(self._empty, width - 4, self._page)
        if 0 <= y - 2 < len(empty):
            return Strip([Segment(fit(f"  {empty[y - 2]}", width), self.style("", "dim"))], width)
        return Strip.blank(width, self.style(""))

    def _header(self) -> Strip:
        plain, sorted_ = self.style("header"), self.style("sorted")
        segments, position = [], 0
        spec = None if self.view is None else self.view.spec
        for layout in self.column_layouts:
            column = layout.column
            is_sorted = spec is not None and column.key == spec.sort
            style = sorted_ if is_sorted else plain
            arrow = ("▼" if spec and spec.descending else "▲") if is_sorted else " "
            name = column.header[: layout.width] if column.numeric else f"{column.header}{arrow}"
            segments.append(Segment(" " * (layout.start - position), plain))
            segments.append(Segment(fit(name, layout.width, column.numeric), style))
            position = layout.end
            if column.numeric:  # the arrow is drawn in the gap, so that headers do not move
                segments.append(Segment(arrow, style))
                position += 1
        return Strip(segments)

    def _row(self, view: View, row: int, width: int) -> Strip:
        selected = row == self.row
        if not self._strips or row - self._top >= len(self._visible_trends):
            self._visible_trends = self._compute_trends(view)
        strip = self._strips.get((row, selected, width))
        if strip is None:
            strip = self._strips[row, selected, width] = self._draw_row(view, row, width)
        return strip

    def _draw_row(self, view: View, row: int, width: int) -> Strip:
        """Draw a row; neighbouring cells of one style share a segment: Textual's cost is per segment."""
        selected = row == self.row
        kind = "cursor" if selected else ""
        margin = (CURSOR_SIGN if selected else " ") * MARGIN
        segments, position = [Segment(margin, self.style(kind, "accent"))], MARGIN
        pending, style = "", self.style(kind)
        trend = self._visible_trends[row - self._top]
        for layout in self.column_layouts:
            column = layout.column
            text = trend.line if column.key == TREND.key else self._text(view, column, row)
            is_worse = column.key in trend.worse
            gap = " " * (layout.start - position - is_worse) + (WORSE_SIGN if is_worse else "")
            paint = "bad" if is_worse else cell_paint(column, view, row, self._overall)
            cell_style = self.style(kind, paint)
            if cell_style is not style and pending:
                segments.append(Segment(pending, style))
                pending = ""
            style = cell_style
            pending += gap + fit_cell(column, text, layout.width)
            position = layout.end
        segments += [Segment(pending, style), Segment(" " * (width - position), self.style(kind))]
        return Strip(segments, max(width, position))

    def _compute_trends(self, view: View) -> list[Trend]:
        """Return the trends of the visible rows."""
        steps = [layout.width for layout in self.column_layouts if layout.column.key == TREND.key]
        rows = range(self._top, min(self._top + self._page, len(view)))
        return self._trends.get(view, rows, *steps)

    def _text(self, view: View, column: ViewColumn, row: int) -> str:
        text = column.text(view, row)
        return add_name(text, column, view, row, self._namer) if self._namer else text


@lru_cache(8)
def _wrapped(text: str, width: int, max_lines: int) -> list[str]:
    """Return `wrap` of what each empty line asks for."""
    return wrap(text, width, max_lines)
