"""The second line: how many rows of the table are in trouble, of how many.

● in 1m: 2 of 97 destinations down · 1 failing · 3 resending SYNs · 1 slower than 100ms          x explain
○ in 1m: none of 97 destinations is down, failing, resending SYNs or slow                     x explain
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tcpconntop.core.format import count, duration
from tcpconntop.core.lazy import np
from tcpconntop.core.thresholds import SLOW_US
from tcpconntop.core.types import Mask
from tcpconntop.core.view.trouble import Trouble
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.tui.actions import KeyBindings, action_named
from tcpconntop.tui.text.lines import Line, Part, justify
from tcpconntop.tui.text.severity import TROUBLE_PAINTS

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View

_WORDS = {
    Trouble.DOWN: "down",
    Trouble.FAILING: "failing",
    Trouble.RESENDS: "resending SYNs",
    Trouble.SLOW: f"slower than {duration(SLOW_US)}",
}
_PLURALS = {"process": "processes", "process and destination": "pairs of process and destination"}
_EXPLAIN = action_named("explain")


class Health(Line):
    """What is wrong, from the figures of the rows. A click opens the findings, which say why."""

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._keys, self._filtered = KeyBindings(), False

    def show(self, view: View, keys: KeyBindings, filtered: bool) -> None:
        """Show the rows of a view; `filtered` tells that the user's filter leaves some out."""
        self._view, self._keys, self._filtered = view, keys, filtered
        self.redraw()

    def draw(self, width: int) -> Text:
        """Return the line."""
        view = self._view
        if view is None:
            return Text()
        counts = np.bincount(view.trouble[_judged(view)], minlength=len(Trouble)).tolist()
        all_rows = _rows_text(view, sum(counts))
        key = Text.assemble(
            (self._keys.label(_EXPLAIN), self.paint("accent")), (" explain", self.paint("dim"))
        )
        right = [Part(key, 1, _EXPLAIN.name)]
        for scope, rows in ((self._scope(view), all_rows), ("", all_rows), ("", "")):
            line = self._sentence(counts, scope, rows)
            if line.cell_len + 4 + key.cell_len <= width:
                break
        return justify([Part(line, 0, _EXPLAIN.name)], right, width)

    def _sentence(self, counts: list[int], scope: str, rows: str) -> Text:
        """Return the counts by kind of trouble, the worst first, or that there is none.

        Args:
            counts: rows by kind of trouble.
            scope: the window and the filter; may be empty.
            rows: how many rows there are, such as `97 destinations`; may be empty.
        """
        dim, text = self.paint("dim"), Text(no_wrap=True)
        if not sum(counts):
            return Text("○ nothing to judge yet", dim)
        worst = max((kind for kind in _WORDS if counts[kind]), default=None)
        if worst is None:
            one = sum(counts) == 1
            of = (f"{rows}, not" if one else f"none of {rows} is") if rows else "nothing"
            return Text(f"○ {scope}{of} down, failing, resending SYNs or slow", dim)
        text.append("● ", self.paint(TROUBLE_PAINTS[worst]) + self.paint("strong")).append(scope, dim)
        of = f" of {rows}" if rows else ""
        for kind, word in _WORDS.items():
            if counts[kind]:
                paint = self.paint(TROUBLE_PAINTS[kind])
                text.append(count(counts[kind]), paint + self.paint("strong")).append(of, dim)
                is_down = kind is Trouble.DOWN and not self._of_destinations
                text.append(" always failing" if is_down else f" {word}", paint).append(" · ", dim)
                of = ""
        text.right_crop(3)
        return text

    @property
    def _of_destinations(self) -> bool:
        """True if rows are destinations; a process is not down, whatever its connects do."""
        grouping = self._view.grouping if self._view is not None else None
        return grouping is not None and (grouping.has("daddr") or grouping.has("dport"))

    def _scope(self, view: View) -> str:
        """Return what the counts are of: the window, and that there is a filter."""
        window = next(name for name, length_s in WINDOWS.items() if length_s == view.snapshot.window_s)
        return f"in {window}, filtered: " if self._filtered else f"in {window}: "


def _judged(view: View) -> Mask:
    """True for all rows but that of folded keys, and those that are gone since the mark, shape (n,)."""
    mask: Mask = (view.keys["special"] == 0) & (view.busiest_index >= 0)
    return mask


def _rows_text(view: View, n_rows: int) -> str:
    """Return how many rows are judged, and of what."""
    title = view.grouping.title
    many = _PLURALS.get(title, f"{title}s")
    return f"{count(n_rows)} {title if n_rows == 1 else many}"
