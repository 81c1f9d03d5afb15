"""One line of text, made of parts; on a narrow terminal the less important parts are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tcpconntop.core.view.process_names import ANOTHER
from tcpconntop.tui.messages import ActionRequested
from tcpconntop.tui.text.contrast import SHAPE_CONTRAST, TEXT_CONTRAST, readable

STYLE_CLASSES = {
    f"paint--{name}"
    for name in ("dim", "strong", "accent", "good", "warn", "bad", "low", "mid", "high", "trend", "quiet")
}
"""The styles of the dashboard as component classes; `app.tcss` defines them for every theme.

Few widgets have them, where the background changes or the colours do; those inside use their colours. Textual
computes all styles of all that have them at each start and change of the theme.
"""


def least_contrast(paint: str) -> float:
    """Return the contrast to its background that a style of `STYLE_CLASSES` has at least."""
    return SHAPE_CONTRAST if paint in ("trend", "quiet") else TEXT_CONTRAST


ACTION = "tcpconntop-action"
"""The key in the meta data of a style that names the action of a click."""


class Styled(Widget):
    """A widget that paints with the styles of the dashboard: its own, or those of what it is in."""

    def paint(self, name: str) -> Style:
        """Return a style of `STYLE_CLASSES` by its name, without background; no style for an empty name."""
        paints: dict[str, Style] = vars(self).setdefault("_paints", {})
        style = paints.get(name)
        if style is None:
            owner = next(
                node
                for node in self.ancestors_with_self
                if isinstance(node, Widget) and STYLE_CLASSES <= node.COMPONENT_CLASSES
            )
            full = owner.get_component_rich_style(f"paint--{name}") if name else Style.null()
            colour = None if name == "strong" else full.color
            if colour is not None and full.bgcolor is not None:
                colour = readable(colour, full.bgcolor, least_contrast(name))
            style = paints[name] = Style(color=colour, bold=full.bold or None, dim=full.dim or None)
        return style

    def finished(self, style: Style) -> Style:
        """Return a style on the widget's background, after the app's line filters."""
        finished: dict[Style, Style] = vars(self).setdefault("_finished", {})
        if style not in finished:
            line = [Segment(" ", self.rich_style + style)]
            for line_filter in self.get_line_filters():
                line = line_filter.apply(line, self.background_colors[1])
            finished[style] = line[0].style or Style.null()
        return finished[style]

    def refresh_changed(self, painted: list[Strip], now: list[Strip]) -> None:
        """Have the lines painted that differ from those on the screen; both have all lines of the widget."""
        lines = zip(painted, now, strict=True)
        changed = [Region(0, y, self.size.width, 1) for y, (old, new) in enumerate(lines) if old != new]
        if changed:
            self.refresh(*changed)

    def notify_style_update(self) -> None:
        """Drop the cached styles: the theme has changed."""
        vars(self).pop("_paints", None)
        vars(self).pop("_finished", None)
        super().notify_style_update()

    @property
    def has_few_colours(self) -> bool:
        """True if the terminal has 16 colours or none, so that shades cannot be told apart (`:ansi`)."""
        return self.app.native_ansi_color


@dataclass(frozen=True)
class Part:
    """A part of a line. Where room is short, the greatest `priority` is left out first; 0 never is.

    A click on it runs `action`, the name of one in the registry (`actions.py`); empty for none.
    """

    text: Text
    priority: int = 0
    action: str = ""

    def __post_init__(self) -> None:
        if self.action:
            on_click(self.text, self.action)


def on_click(text: Text, action: str) -> Text:
    """Make a click on a text run an action; return the text."""
    text.apply_meta({ACTION: action})
    return text


def fit(text: str, width: int, right: bool = False) -> str:
    """Return text of exactly `width` terminal cells: padded, or cut with `…`."""
    missing = width - (len(text) if text.isascii() else cell_len(text))
    if missing >= 0:
        return " " * missing + text if right else text + " " * missing
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fit_address(text: str, width: int) -> str:
    """Return an address of `width` cells like `fit`, but cut an IPv6 address in the middle.

    Addresses of one network have the same beginning; the end tells them apart. A name after it is cut first.
    A mark ` ×n netns` loses its word, but never its number.
    """
    marked, sign, n = text.removesuffix(" netns").rpartition(" ×")
    if sign and n.isdecimal() and cell_len(text) > width > len(n) + 6:
        return f"{fit_address(marked, width - len(n) - 2)}{sign}{n}"
    address = text.partition(" ")[0]
    if ":" not in address or len(address) <= width or not address.isascii() or width < 3:
        return fit(text, width)
    end = (width - 1) // 2
    return f"{address[: width - 1 - end]}…{address[-end:]}"


def fit_counted(text: str, width: int) -> str:
    """Return a name of `width` cells like `fit`, but never cut ` ×n` or ` ↻` at its end."""
    name, _, end = text.rpartition(" ")
    is_sign = end == ANOTHER or (end[:1] == "×" and end[1:].isdecimal())
    if cell_len(text) <= width or not name or not is_sign or width < len(end) + 3:
        return fit(text, width)
    return f"{fit(name, width - len(end) - 1)} {end}"


def justify(left: Sequence[Part], right: Sequence[Part], width: int, gap: str = "  ") -> Text:
    """Return a line of `width` cells with parts at its left and at its right edge."""
    kept = [*left, *right]
    while True:
        sides = [[part for part in side if part in kept] for side in (left, right)]
        texts = [Text(gap).join([part.text for part in side]) for side in sides]
        needed = 1 + texts[0].cell_len + (len(gap) + texts[1].cell_len if sides[1] else 0)
        next_out = max(kept, key=lambda part: part.priority, default=None)
        if needed < width or next_out is None or not next_out.priority:
            break
        kept.remove(next_out)
    line = Text(" ", no_wrap=True, end="")
    line.append_text(texts[0])
    line.append(" " * (width - line.cell_len - texts[1].cell_len - 1))
    line.append_text(texts[1])
    line.append(" ")
    line.truncate(width, overflow="ellipsis")
    return line


class Line(Styled):
    """A widget of one or more lines of text; subclasses implement `draw`.

    The text becomes strips without Textual's own passes (see `LineView`), and only changed lines are painted.
    """

    DEFAULT_CSS = "Line { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._drawing: tuple[Size, Text, list[Strip]] | None = None  # the last one

    def redraw(self) -> None:
        """Draw again, and have the lines painted that have changed."""
        before = self._drawing
        if before is None or before[0] != self.size:
            self._drawing = None
            self.refresh()
            return
        text = self.render()
        if _is_same(text, before[1]):
            return
        self.refresh_changed(before[2], self._draw_strips(text))

    def notify_style_update(self) -> None:
        """Draw again, in the new colours."""
        self._drawing = None
        super().notify_style_update()

    def render(self) -> Text:
        """Return the text."""
        return self.draw(self.size.width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a visible region."""
        drawing = self._drawing
        strips = drawing[2] if drawing and drawing[0] == self.size else self._draw_strips(self.render())
        return [strip.crop(crop.x, crop.right) for strip in strips[crop.y : crop.bottom]]

    def _draw_strips(self, text: Text) -> list[Strip]:
        width, height = self.size
        lines: list[list[Segment]] = [[]]
        for part, style, _ in text.render(self.app.console):
            paint = self.finished(style or Style.null())
            first, *more = part.split("\n")
            lines[-1].append(Segment(first, paint))
            lines += [[Segment(line, paint)] for line in more]
        plain = self.finished(Style.null())
        strips = [Strip(line).adjust_cell_length(width, plain) for line in lines[:height]]
        strips += [Strip.blank(width, plain)] * (height - len(strips))
        self._drawing = (self.size, text, strips)
        return strips

    def draw(self, width: int) -> Text:
        """Draw the lines in `width` cells."""
        raise NotImplementedError

    def on_click(self, event: events.Click) -> None:
        """Ask for the action of the part that was clicked (`Part.action`)."""
        line = self._drawing[1] if self._drawing is not None and event.y == 0 else Text()
        before = next((n for n in range(len(line)) if cell_len(line.plain[: n + 1]) > event.x), len(line))
        for start, end, style in line.spans:
            if start <= before < end and isinstance(style, Style) and ACTION in style.meta:
                self.post_message(ActionRequested(style.meta[ACTION]))
                return


def _is_same(one: Text, other: Text) -> bool:
    """True if two texts look the same; `==` alone ignores the style of the whole text."""
    return one is other or (one == other and one.style == other.style)
