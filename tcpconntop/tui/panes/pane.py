"""The base class of the panes below the table."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from rich.color import Color
from rich.text import Text
from textual import events

from tcpconntop.core.view.scope import next_one_text, scope_text
from tcpconntop.tui.messages import MomentRequested
from tcpconntop.tui.text.lines import Line

if TYPE_CHECKING:
    from tcpconntop.core.analysis.selection import Selection

LABEL_WIDTH = 7
"""Cells of the labels on the latency axis, and of the names of the rows below it."""

LEGEND_WIDTH = 15
"""Cells of the legend to the right of a chart."""

MIN_REDRAW_NS, MIN_REREAD_NS = 950_000_000, 1_950_000_000
"""Minimum times between two drawings of the same selection, just below one and two refresh intervals of a
second: of any pane, and of sentences that stand beside pictures."""


class Pane(Line):
    """A pane draws a selection: only while it is visible, and the same one at most once a second.

    A subclass implements `draw_selection`, and `empty_text` if it can be empty although there are attempts.
    """

    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; }"
    MIN_HEIGHT = 4
    """Lines that it needs; with fewer it draws nothing."""
    IS_READ = False
    """True if it has sentences, which are read and not watched."""

    def __init__(self) -> None:
        super().__init__()
        self._selection: Selection | None = None
        self._about = self._reason = ""
        self._stands_still = False
        self._drawn: tuple[tuple[object, ...], Text] | None = None

    def show(
        self,
        selection: Selection | None,
        name: str,
        min_age_ns: int = MIN_REDRAW_NS,
        stands_still: bool = False,
        reason: str = "",
    ) -> None:
        """Show a selection.

        Args:
            selection: the selection.
            name: identifies it, so that a new snapshot of it is not drawn too soon.
            min_age_ns: how old a drawing of the same selection must be.
            stands_still: True if one moment is shown, which is not now.
            reason: why there is no selection, if it is not that there are no connects.
        """
        same_time = stands_still == self._stands_still
        self._stands_still, self._reason = stands_still, reason
        last = self._selection
        if (
            selection is not None
            and last is not None
            and name == self._about
            and same_time
            and selection.snapshot.window_s == last.snapshot.window_s
        ):
            age_ns = selection.snapshot.now_ns - last.snapshot.now_ns
            if selection.snapshot is last.snapshot or 0 <= age_ns < min_age_ns:
                return
        self._selection, self._about = selection, name
        self._drawn = None
        self.redraw()

    def forget(self) -> None:
        """Forget the selection of a hidden pane: it holds a whole snapshot, with all slices of then."""
        self._selection = None

    def notify_style_update(self) -> None:
        """Draw again, in the new colours."""
        self._drawn = None
        super().notify_style_update()

    def draw(self, width: int) -> Text:
        """Draw the selection, or a text that says why there is nothing to draw."""
        size = (width, self.size.height)
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = (size, self._text(width, self.size.height))
        return self._drawn[1]

    def end_s(self, selection: Selection) -> float | None:
        """Return when a time axis ends, as Unix time; None if that is now."""
        snapshot = selection.snapshot
        return snapshot.wall_s if self._stands_still or snapshot.info.recorded else None

    def moment_at(self, x: int) -> int | None:  # noqa: ARG002 - for those that draw time
        """Return when the time that is drawn at a column ends, on the clock of the records; None for none."""
        return None

    def on_click(self, event: events.Click) -> None:
        """Go to the moment that was clicked, in a pane that draws time."""
        moment_ns = self.moment_at(event.x) if self._selection is not None and self._drawn else None
        if moment_ns is not None:
            self.post_message(MomentRequested(moment_ns))

    def _text(self, width: int, height: int) -> Text:
        selection = self._selection
        if width < 24 or height < self.MIN_HEIGHT:
            return Text(
                "  no room for this pane: v hides it", self.paint("dim"), no_wrap=True, overflow="ellipsis"
            )
        reason = self._reason or self.empty_text(selection)
        if reason or selection is None:
            indent = "  "
            lines = wrap(reason, width - 1, initial_indent=indent, subsequent_indent=indent)
            return Text("\n".join(["", *lines][-height:]), self.paint("dim"))
        return self.draw_selection(selection, width, height)

    def empty_text(self, selection: Selection | None) -> str:
        """Return why there is nothing to draw; empty when there is something."""
        if selection is None or not selection.attempts:
            snapshot = None if selection is None else selection.snapshot
            return f"{no_connect_yet(selection)}{next_one_text(snapshot, 'drawn')}"
        return ""

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """Draw a selection for which `empty_text` is empty, in `width` × `height` cells."""
        raise NotImplementedError

    def rgb(self, paint: str) -> tuple[int, int, int]:
        """Return a colour as red, green and blue (0 … 255)."""
        colour = self.paint(paint).color
        if colour is None or colour.is_default:  # only the terminal knows its default colour
            colour = Color.from_rgb(128, 128, 128)
        red, green, blue = colour.get_truecolor()
        return red, green, blue


def no_connect_yet(selection: Selection | None) -> str:
    """Return that a selection has no connect, and which filters are on; None has not been counted yet."""
    if selection is None:
        return "no connect is counted yet"
    view = selection.view
    scope = scope_text(view.snapshot.info.filters, view.spec.where.text)
    return f"no connect{f' that matches {scope}' if scope else ''} in the window yet"
