"""What every pane below the table has in common: it draws a selection, late and seldom."""

from __future__ import annotations

from textwrap import wrap

from rich.color import Color
from rich.text import Text

from tcpconntop.core.analysis.selection import Selection
from tcpconntop.tui.text.lines import Line

MIN_REDRAW_NS = 950_000_000
"""Least time between two drawings of the same selection, a little less than a refresh of one second."""


class Pane(Line):
    """A pane. It draws only when it is seen, and the same selection at most once a second."""

    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; }"
    MIN_HEIGHT = 4

    def __init__(self) -> None:
        super().__init__()
        self._selection: Selection | None = None
        self._about = ""
        self._due: tuple[object, ...] = ()
        self._drawn: tuple[tuple[object, ...], Text] | None = None

    def show(self, selection: Selection | None, name: str) -> None:
        """Show a selection; `name` tells one selection from another."""
        last = self._selection
        if (
            selection is not None
            and last is not None
            and name == self._about
            and selection.snapshot.window_s == last.snapshot.window_s
        ):
            age_ns = selection.snapshot.now_ns - last.snapshot.now_ns
            if selection.snapshot is last.snapshot or 0 <= age_ns < MIN_REDRAW_NS:
                return
        self._selection, self._about = selection, name
        self._drawn = None
        self.redraw()

    def notify_style_update(self) -> None:
        """Draw in the new colours."""
        self._drawn = None
        super().notify_style_update()

    def draw(self, width: int) -> Text:
        """Draw the selection, or say what would fill the pane."""
        size = (width, self.size.height)
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = (size, self._text(width, self.size.height))
        return self._drawn[1]

    def _text(self, width: int, height: int) -> Text:
        selection = self._selection
        if width < 24 or height < self.MIN_HEIGHT:
            return Text(
                "  no room for this pane: v hides it", self.paint("dim"), no_wrap=True, overflow="ellipsis"
            )
        reason = self.empty_text(selection)
        if reason or selection is None:
            indent = "  "
            lines = wrap(reason, width - 1, initial_indent=indent, subsequent_indent=indent)
            return Text("\n".join(["", *lines][-height:]), self.paint("dim"))
        return self.draw_selection(selection, width, height)

    def empty_text(self, selection: Selection | None) -> str:
        """Say what would fill the pane; empty when there is something to draw."""
        if selection is None or not selection.attempts:
            return "no connect in the window yet: the next one will be drawn here"
        return ""

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """Draw a selection that has something to draw."""
        raise NotImplementedError

    def rgb(self, paint: str) -> tuple[int, int, int]:
        """Give a colour as red, green and blue (0 … 255)."""
        colour = self.paint(paint).color
        if colour is None or colour.is_default:  # the terminal alone knows which one that is
            colour = Color.from_rgb(128, 128, 128)
        return tuple(colour.get_truecolor())  # type: ignore[return-value]
