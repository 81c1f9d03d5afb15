"""How scroll bars look: whole cells on a line over the full height: no end of one looks like a figure."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style
from textual.scrollbar import ScrollBarRender

from tcpconntop.tui.text.contrast import SHAPE_CONTRAST, readable

TRACK, THUMB = "│", "█"


class LineScrollBar(ScrollBarRender):
    """Textual's scroll bar with other signs: a vertical one is a line, and a block where the view is."""

    VERTICAL_BARS = (" ",) * 8  # type: ignore[assignment]  # no cell is filled in part

    @classmethod
    def render_bar(
        cls,
        size: int = 25,
        virtual_size: float = 50,
        window_size: float = 20,
        position: float = 0,
        thickness: int = 1,
        vertical: bool = True,
        back_color: Color = Color.default(),  # noqa: B008 - a constant
        bar_color: Color = Color.default(),  # noqa: B008
    ) -> Segments:
        """Return the cells from top to bottom; the mouse acts on them as on Textual's."""
        bar_color = readable(bar_color, back_color, SHAPE_CONTRAST)
        bar = super().render_bar(
            size, virtual_size, window_size, position, thickness, vertical, back_color, bar_color
        )
        if not vertical:
            return bar
        style = Style(color=bar_color, bgcolor=back_color)
        cells = [
            Segment(
                (THUMB if cell.style is not None and cell.style.reverse else TRACK) * thickness,
                style + Style(meta=cell.style.meta if cell.style is not None else None),
            )
            for cell in bar.segments
        ]
        return Segments(cells, new_lines=True)
