"""A scroll view without frills: its lines reach the terminal as they were drawn."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tcpconntop.tui.text.lines import Styled


class LineView(ScrollView, Styled):
    """A scroll view that has no border, padding, opacity or links, and never gets any by style.

    Textual goes through the segments of each line several times for what it has none of, and cuts off what is
    below the scroll bar. Here styles are brought into their last form once (`style`), and lines end where
    the scroll bar begins: 50 lines cost a third.

    Args:
        name: what its component classes begin with.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._styles: dict[tuple[str, str], Style] = {}

    @property
    def line_width(self) -> int:
        """Cells of a line that can be seen."""
        return self.size.width - (self.styles.scrollbar_size_vertical if self.show_vertical_scrollbar else 0)

    def style(self, kind: str, paint: str = "") -> Style:
        """Give the style of a kind of line (empty: a plain one) with a colour on it."""
        style = self._styles.get((kind, paint))
        if style is None:
            base = self.get_component_rich_style(f"{self._name}--{kind}") if kind else self.rich_style
            line = [Segment(" ", base + self.paint(paint))]
            for line_filter in self.get_line_filters():
                line = line_filter.apply(line, self.background_colors[1])
            style = self._styles[kind, paint] = line[0].style or Style.null()
        return style

    def notify_style_update(self) -> None:
        """Forget the old colours."""
        self._styles.clear()
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the lines in a region of what can be seen; `render_line` gives their whole width."""
        width, plain = self.line_width, self.style("")
        lines = [self.render_line(y).adjust_cell_length(width, plain) for y in crop.line_range]
        if crop.x == 0 and crop.right >= width:
            return lines
        return [line.crop(crop.x, crop.right) for line in lines]
