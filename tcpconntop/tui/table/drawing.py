"""Draws the header, a row and a subrow of a row as strips; neighbouring cells of one style share a segment.

Textual's cost is per segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tcpconntop.core.view.columns import TREND, ViewColumn
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.tui.table.cells import cell_paint, fit_cell
from tcpconntop.tui.table.contents import Contents
from tcpconntop.tui.table.layout import MARGIN, ColumnLayout
from tcpconntop.tui.table.line_view import LineView
from tcpconntop.tui.table.naming import Namer
from tcpconntop.tui.text.lines import fit

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View
    from tcpconntop.tui.table.trend import Trend

WORSE_SIGN = "▲"

FAINT = ("dim", "quiet")
"""Colours that cannot be read on the selected row: there, such a text is as the others."""

CURSOR_SIGN, CURSOR_SIGN_WITHOUT_KEYS = "▌", "▏"
"""The sign of the row that keys act on; and while another part of the screen has the keys."""


def header_strip(
    layouts: Sequence[ColumnLayout], spec: ViewSpec | None, plain: Style, sorted_style: Style
) -> Strip:
    """Draw the header; the column that the rows are sorted by has an arrow."""
    segments, position = [], 0
    for layout, following in zip_longest(layouts, layouts[1:]):
        column = layout.column
        is_sorted = spec is not None and column.key == spec.sort
        style = sorted_style if is_sorted else plain
        arrow = ("▼" if spec and spec.descending else "▲") if is_sorted else " "
        # The arrow is drawn in the gap, so that headers do not move; but it never touches the next one.
        is_in_gap = column.numeric and not (
            is_sorted and len(column.header) < layout.width and following and _fills_its_width(following)
        )
        name = column.header[: layout.width] if is_in_gap else f"{column.header}{arrow}"
        segments.append(Segment(" " * (layout.start - position), plain))
        segments.append(Segment(fit(name, layout.width, column.numeric), style))
        position = layout.end
        if is_in_gap:
            segments.append(Segment(arrow, style))
            position += 1
    return Strip(segments)


def _fills_its_width(layout: ColumnLayout) -> bool:
    return layout.column.numeric and len(layout.column.header) >= layout.width


@dataclass
class RowDrawing:
    """What the rows of one frame have in common.

    Attributes:
        widget: gives the styles.
        layouts: the columns.
        overall: metrics of all rows together, to which those of a row are compared.
        contents: makes the texts.
        namer: returns the name of an address; None shows none.
        width: cells of a line.
    """

    widget: LineView
    layouts: Sequence[ColumnLayout]
    overall: Mapping[str, float]
    contents: Contents
    namer: Namer | None
    width: int

    def row(self, view: View, row: int, trend: Trend, sign: str, kind: str) -> Strip:
        """Draw a row; `sign` is in its margin, `kind` is the component class of its line."""
        return self._line(view, row, trend, kind, [Segment(sign, self.widget.style(kind, "accent"))], 0)

    def subrow(self, subrows: View, subrow: int, trend: Trend, name: str) -> Strip:
        """Draw a subrow of a row: its name where the columns of keys are, and its figures."""
        n_keys = len(_leading_keys(self.layouts))
        room = self.layouts[max(n_keys, 1) - 1].end - MARGIN
        label = Segment(" " * MARGIN + fit(name, room), self.widget.style(""))
        return self._line(subrows, subrow, trend, "", [label], max(n_keys, 1))

    def _line(
        self, view: View, row: int, trend: Trend, kind: str, segments: list[Segment], first: int
    ) -> Strip:
        """Draw the cells from column `first` on, after some segments."""
        position = self.layouts[first - 1].end if first else MARGIN
        pending, style = "", self.widget.style(kind)
        for layout in self.layouts[first:]:
            column = layout.column
            is_worse = column.key in trend.worse
            gap = " " * (layout.start - position - is_worse) + (WORSE_SIGN if is_worse else "")
            for text, paint in self._texts(view, layout, row, trend, bool(first)):
                faint = kind and paint in FAINT
                cell_style = self.widget.style(kind, "bad" if is_worse else "" if faint else paint)
                if cell_style is not style and pending:
                    segments.append(Segment(pending, style))
                    pending = ""
                style = cell_style
                pending += gap + text
                gap = ""
            position = layout.end
        segments += [
            Segment(pending, style),
            Segment(" " * (self.width - position), self.widget.style(kind)),
        ]
        return Strip(segments, max(self.width, position))

    def _texts(
        self, view: View, layout: ColumnLayout, row: int, trend: Trend, is_subrow: bool
    ) -> Sequence[tuple[str, str]]:
        """Return what fills a cell: texts and the names of their colours."""
        column = layout.column
        if column.key == TREND.key:
            missing = layout.width - sum(len(text) for text, _ in trend.runs)
            return [(" " * missing, ""), *trend.runs] if missing > 0 else trend.runs
        text = "" if is_subrow and is_key(column) else self.contents.text(view, column, row, self.namer)
        if column.text_in is not None and len(text) > layout.width:
            text = column.text_in(view, row, layout.width)
        return [(fit_cell(column, text, layout.width), cell_paint(column, view, row, self.overall))]


def is_key(column: ViewColumn) -> bool:
    """True if a column tells rows apart, False if it has a figure of them."""
    return bool(column.key_field) or column.key == "comm"


def _leading_keys(layouts: Sequence[ColumnLayout]) -> Sequence[ColumnLayout]:
    """Return the columns before the first figure."""
    end = next((n for n, layout in enumerate(layouts) if not is_key(layout.column)), len(layouts))
    return layouts[:end]
