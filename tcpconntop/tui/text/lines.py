"""One line of text, put together from parts of which the less important go when it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

STYLE_CLASSES = {
    f"paint--{name}"
    for name in ("dim", "strong", "accent", "good", "warn", "bad", "low", "mid", "high", "trend")
}
"""The colours of the dashboard as component classes; `app.tcss` gives them for every theme."""


class Styled(Widget):
    """A widget that knows the dashboard's colours."""

    COMPONENT_CLASSES: ClassVar[set[str]] = STYLE_CLASSES

    def paint(self, name: str) -> Style:
        """Return a style of `STYLE_CLASSES` by its name, without background; no style for an empty name."""
        paints: dict[str, Style] = vars(self).setdefault("_paints", {})
        style = paints.get(name)
        if style is None:
            whole = self.get_component_rich_style(f"paint--{name}") if name else Style.null()
            colour = None if name == "strong" else whole.color
            style = paints[name] = Style(color=colour, bold=whole.bold or None, dim=whole.dim or None)
        return style

    def notify_style_update(self) -> None:
        """Forget the old colours."""
        vars(self).pop("_paints", None)
        super().notify_style_update()

    @property
    def has_few_colours(self) -> bool:
        """Whether there are no shades of colours to tell things by (`:ansi` in `app.tcss`)."""
        return self.app.native_ansi_color


@dataclass(frozen=True)
class Part:
    """A part of a line. The greatest priority goes first when there is no room; 0 never goes."""

    text: Text
    priority: int = 0


def fit(text: str, width: int, right: bool = False) -> str:
    """Bring text to exactly `width` terminal cells: padded, or cut with `…`."""
    missing = width - (len(text) if text.isascii() else cell_len(text))
    if missing >= 0:
        return " " * missing + text if right else text + " " * missing
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fit_address(text: str, width: int) -> str:
    """Bring an address to `width` cells as `fit` does, but cut one of IPv6 in its middle.

    Its neighbours begin as it does, so its end tells it from them. A name after it goes first.
    """
    address = text.partition(" ")[0]
    if ":" not in address or len(address) <= width or not address.isascii() or width < 3:
        return fit(text, width)
    end = (width - 1) // 2
    return f"{address[: width - 1 - end]}…{address[-end:]}"


def fit_counted(text: str, width: int) -> str:
    """Bring a name to `width` cells as `fit` does, but never cut a ` ×n` at its end."""
    name, sign, n = text.rpartition(" ×")
    if cell_len(text) <= width or not sign or not n.isdecimal() or width < len(n) + 4:
        return fit(text, width)
    return f"{fit(name, width - len(n) - 2)}{sign}{n}"


def justify(left: Sequence[Part], right: Sequence[Part], width: int, gap: str = "  ") -> Text:
    """Lay out parts to the left and to the right edge of a line of `width` cells."""
    kept = [*left, *right]
    while True:
        sides = [[part for part in side if part in kept] for side in (left, right)]
        texts = [Text(gap).join([part.text for part in side]) for side in sides]
        needed = 1 + texts[0].cell_len + (len(gap) + texts[1].cell_len if sides[1] else 0)
        least = max(kept, key=lambda part: part.priority, default=None)
        if needed < width or least is None or not least.priority:
            break
        kept.remove(least)
    line = Text(" ", no_wrap=True, end="")
    line.append_text(texts[0])
    line.append(" " * (width - line.cell_len - texts[1].cell_len - 1))
    line.append_text(texts[1])
    line.append(" ")
    line.truncate(width, overflow="ellipsis")
    return line


class Line(Styled):
    """A widget of one line that draws itself anew when its width or its content changes."""

    DEFAULT_CSS = "Line { height: 1; }"

    stamp: reactive[int] = reactive(0, layout=False)

    def changed(self) -> None:
        """Say that the line has to be drawn again."""
        self.stamp += 1

    def render(self) -> Text:
        """Draw the line."""
        return self.draw(self.size.width)

    def draw(self, width: int) -> Text:
        """Draw the line in `width` cells."""
        raise NotImplementedError
