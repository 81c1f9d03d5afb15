"""The table: draws the rows of a view that are visible, and nothing else.

DESTINATION          PORT  PROCESS     CONN/S  COUNT  FAIL%  RTX    P50    P90   P99▼    MAX  P99 TREND
▌10.2.3.4             443  nginx ×8       412  24.7k      0    0  210µs  900µs  14.2ms 1.03s  ▁▁▂▁▁█▁▁▁▂
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.columns import ViewColumn, columns_of
from tcpconntop.tui.actions import bindings
from tcpconntop.tui.messages import NoRowSelected, RowOpened, RowSelected, SortRequested
from tcpconntop.tui.table.contents import Contents
from tcpconntop.tui.table.drawing import CURSOR_SIGN, CURSOR_SIGN_WITHOUT_KEYS, RowDrawing, header_strip
from tcpconntop.tui.table.expansion import NO_EXPANSION, Expansion
from tcpconntop.tui.table.layout import ColumnLayout, lay_out_columns
from tcpconntop.tui.table.line_cache import LineCache
from tcpconntop.tui.table.line_view import LineView
from tcpconntop.tui.table.naming import Namer, widen_for_names
from tcpconntop.tui.text.lines import STYLE_CLASSES, fit
from tcpconntop.tui.text.wrap import wrap_again

if TYPE_CHECKING:
    from tcpconntop.core.view import subrows as all_subrows
    from tcpconntop.core.view.view import View
else:
    all_subrows = lazy("tcpconntop.core.view.subrows")


class Table(LineView, can_focus=True):
    """The rows of a view below a fixed header. The selection follows a row's identity, not its position.

    Args:
        hidden: keys of columns that are shown only if the user chose them.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = STYLE_CLASSES | {
        "table--header",
        "table--sorted",
        "table--cursor",
    }
    BINDINGS = bindings("table")
    DEFAULT_CSS = "Table { scrollbar-size-vertical: 1; scrollbar-gutter: stable; overflow-x: hidden; }"

    def __init__(self, hidden: frozenset[str] = frozenset()) -> None:
        super().__init__("table")
        self._hidden = hidden
        self.view: View | None = None
        self.column_layouts: tuple[ColumnLayout, ...] = ()
        self.selected: bytes | None = None
        self.row: int | None = None
        self._last_row = 0
        self._empty = ""
        self._overall: Mapping[str, float] = {}
        self.expanded: bytes | None = None
        self._expansion, self._cache = NO_EXPANSION, LineCache()
        self._contents = Contents()
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
        was_visible = self.row is not None and (
            self._first <= self._expansion.line_of(self.row) < self._first + self._page
        )
        self.view, self._empty = view, empty
        self.row = None if view is None or self.selected is None else view.find(self.selected)
        self._expand()
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
        self._contents.forget()
        self._cache.clear()
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

    @property
    def pointed(self) -> int | None:
        """The row that keys act on: the selected one; while none is chosen, the first visible one."""
        if self.selected is not None or not self.view:
            return self.row
        return self._expansion.content(self._first).row

    # Expanding

    def toggle_expanded(self, row: int) -> None:
        """Show the subrows of a row below it; if they are shown, hide them."""
        identity = None if self.view is None else self.view.identity(row)
        self.expanded = None if identity == self.expanded else identity
        self._expand()
        self._cache.clear()
        self.repaint()
        last = self._expansion.line_of(row) + (self._expansion.n_lines if self.expanded else 0)
        self._scroll_to_lines(self._expansion.line_of(row), last)

    def _expand(self) -> None:
        """Find the expanded row in the view; one that is gone has no subrows, until it comes back."""
        view = self.view
        row = None if view is None or self.expanded is None else view.find(self.expanded)
        self._expansion = NO_EXPANSION
        if view is not None and row is not None:
            self._expansion = Expansion(row, all_subrows.subrows_of_row(view, row), max(2, self._page // 2))
        self._cache.expansion = self._expansion
        self.virtual_size = Size(self.size.width, self.n_lines + 1)

    @property
    def n_lines(self) -> int:
        """Lines of the rows and of the subrows that are shown."""
        return (len(self.view) if self.view else 0) + self._expansion.n_lines

    @property
    def _first(self) -> int:
        return self.scroll_offset.y

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 1)

    def _lay_out(self) -> None:
        view = self.view
        if view is not None:
            room, spec = self.size.width - 1, view.spec  # without the scroll bar
            columns: Sequence[ViewColumn] = columns_of(view)
            hidden = self._hidden.difference(spec.columns)
            columns = [column for column in columns if column.key not in hidden] if hidden else columns
            if self._namer:
                columns = widen_for_names(columns, room)
            first = self._expansion.content(self._first).row
            visible = range(first, min(first + self._page, len(view)))
            contents = self._contents.measure(view, visible, columns, self._namer)
            key = (columns, room, spec.sort, spec.columns, contents)
            if key != self._layout_key:
                self._layout_key = key
                self.column_layouts = lay_out_columns(columns, spec.sort, room, spec.columns, contents)
        self._cache.clear()
        without_rows = None if self.view else (self._empty, self.column_layouts, self._order())
        if without_rows is None or without_rows != self._without_rows or not self.is_painted:
            self.repaint()  # at rest nothing changes, and drawing what is there anew is half of our cost
        self._without_rows = without_rows

    def _order(self) -> tuple[str, bool] | None:
        return None if self.view is None else (self.view.spec.sort, self.view.spec.descending)

    def notify_style_update(self) -> None:
        """Clear the lines that were drawn in the old colours."""
        self._cache.clear()
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
        if self.row is not None:
            line = self._expansion.line_of(self.row)
            self._scroll_to_lines(line, line)

    def _scroll_to_lines(self, first: int, last: int) -> None:
        """Scroll as little as possible, so that some lines are visible: the first one in any case."""
        top = min(max(self._first, last - self._page + 1), first)
        if top != self._first:
            self.scroll_to(y=top, animate=False, immediate=True)

    def _step(self, rows: int) -> None:
        """Move from the row with the sign, or to the last position of the selected row if it is gone."""
        row = self.pointed
        self._go(self._last_row if row is None else row + rows)

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
        line = self._first + event.y - 1
        if line < self.n_lines:
            self._go(self._expansion.content(line).row)
            if event.chain == 2:
                self.post_message(RowOpened())

    # Drawing

    @property
    def has_keys(self) -> bool:
        """True unless another part of the screen has the focus."""
        return self.screen.focused in (None, self)

    def on_focus(self) -> None:
        """Draw the sign of the row that keys act on."""
        self.repaint()

    def on_blur(self) -> None:
        """Draw the sign that keys act elsewhere."""
        self.repaint()

    def render_line(self, y: int) -> Strip:
        """Draw a visible line; line 0 is the header."""
        width = self.line_width
        if y == 0:
            spec = None if self.view is None else self.view.spec
            header = header_strip(self.column_layouts, spec, self.style("header"), self.style("sorted"))
            return header.adjust_cell_length(width, self.style("header"))
        view, first = self.view, self._first
        self._cache.move_to(first, self._page)
        if view is not None and first + y - 1 < self.n_lines:
            content = self._expansion.content(first + y - 1)
            drawing = RowDrawing(self, self.column_layouts, self._overall, self._contents, self._namer, width)
            selected, pointed = content.row == self.row, content.row == self.pointed
            kind = "cursor" if selected else ""
            sign = CURSOR_SIGN if self.has_keys else CURSOR_SIGN_WITHOUT_KEYS
            return self._cache.line(drawing, view, content, sign if pointed else " ", kind)
        empty = [] if view is not None and len(view) else wrap_again(self._empty, width - 4, self._page)
        if 0 <= y - 2 < len(empty):
            return Strip([Segment(fit(f"  {empty[y - 2]}", width), self.style("", "dim"))], width)
        return Strip.blank(width, self.style(""))
