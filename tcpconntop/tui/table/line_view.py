"""A scroll view that draws its lines without the passes that Textual makes over them."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tcpconntop.tui.text.lines import Styled


class LineView(ScrollView, Styled):
    """A scroll view that never has a border, padding, opacity or links.

    For these, Textual goes through the segments of each line several times, and it cuts off what the scroll
    bar covers. Here line filters are applied once to each style (`style`), and lines end at the scroll bar:
    drawing a table of 50 lines takes 9 ms instead of 16 ms.

    Args:
        name: prefix of its component classes.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._styles: dict[tuple[str, str], Style] = {}

    @property
    def line_width(self) -> int:
        """Width of a line in cells, without the scroll bar."""
        return self.size.width - (self.styles.scrollbar_size_vertical if self.show_vertical_scrollbar else 0)

    def style(self, kind: str, paint: str = "") -> Style:
        """Return the style of a kind of line (a component class or empty) with a colour (`STYLE_CLASSES`)."""
        style = self._styles.get((kind, paint))
        if style is None:
            base = self.get_component_rich_style(f"{self._name}--{kind}") if kind else self.rich_style
            line = [Segment(" ", base + self.paint(paint))]
            for line_filter in self.get_line_filters():
                line = line_filter.apply(line, self.background_colors[1])
            style = self._styles[kind, paint] = line[0].style or Style.null()
        return style

    def notify_style_update(self) -> None:
        """Clear the cached styles."""
        self._styles.clear()
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the lines of a visible region; `render_line` returns them in full width."""
        width, plain = self.line_width, self.style("")
        lines = [self.render_line(y).adjust_cell_length(width, plain) for y in crop.line_range]
        if crop.x == 0 and crop.right >= width:
            return lines
        return [line.crop(crop.x, crop.right) for line in lines]
