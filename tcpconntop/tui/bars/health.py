"""The second line: how many rows of the table are in trouble, of how many.

● in 1m: 2 of 97 destinations down · 1 failing · 3 resending SYNs · 1 slower than 100ms          x explain
○ in 1m: none of 97 destinations is down, failing, resending SYNs or slow                     x explain
○ in 1m: 1 of 97 destinations not judged yet: few connects · no other in trouble               x explain
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
_PLURALS = {"process": "processes"}
_EXPLAIN = action_named("explain")


class _Kind(NamedTuple):
    """How many rows are of a kind, its word, and the name of its colour."""

    n: int
    word: str
    paint: str


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
        troubles, others, n_rows = self._kinds(view)
        all_rows = _rows_text(view, n_rows)
        key = Text.assemble(
            (self._keys.label(_EXPLAIN), self.paint("accent")), (" explain", self.paint("dim"))
        )
        right = [Part(key, 1, _EXPLAIN.name)]
        scope = self._scope(view)
        for said, rows, kinds in (
            (scope, all_rows, troubles + others),
            ("", all_rows, troubles + others),
            ("", all_rows, troubles or others),
            ("", "", troubles or others),
        ):
            line = self._sentence(kinds, said, rows, n_rows) if n_rows else self._nothing_yet()
            if line.cell_len + 4 + key.cell_len <= width:
                break
        return justify([Part(line, 0, _EXPLAIN.name)], right, width)

    def _kinds(self, view: View) -> tuple[list[_Kind], list[_Kind], int]:
        """Return the rows by kind of trouble, the worst first; those that may be in some; and all rows."""
        judged = _judged(view)
        counts = np.bincount(view.trouble[judged], minlength=len(Trouble)).tolist()
        troubles = []
        for kind, word in _WORDS.items():
            is_down = kind is Trouble.DOWN and not self._of_destinations
            paint = TROUBLE_PAINTS[kind]
            troubles.append(_Kind(counts[kind], "always failing" if is_down else word, paint))
        others = [
            _Kind(int(view.only_cancelled[judged].sum()), "always cancelled", "dim"),
            _Kind(int(view.undecided[judged].sum()), "not judged yet: few connects", "dim"),
        ]
        return [kind for kind in troubles if kind.n], [kind for kind in others if kind.n], sum(counts)

    def _nothing_yet(self) -> Text:
        return Text("○ nothing to judge yet", self.paint("dim"), no_wrap=True)

    def _sentence(self, kinds: list[_Kind], scope: str, rows: str, n_rows: int) -> Text:
        """Return the rows by kind, or that none is in trouble.

        Args:
            kinds: kinds of trouble, the worst first, or what may be trouble; may be empty.
            scope: the window and the filter; may be empty.
            rows: how many rows there are, such as `97 destinations`; may be empty.
            n_rows: how many rows there are.
        """
        dim, text = self.paint("dim"), Text(no_wrap=True)
        if not kinds:
            of = (f"{rows}, not" if n_rows == 1 else f"none of {rows} is") if rows else "nothing"
            return Text(f"○ {scope}{of} down, failing, resending SYNs or slow", dim)
        worst = kinds[0].paint
        is_trouble = worst != "dim"
        sign = ("● ", self.paint(worst) + self.paint("strong")) if is_trouble else ("○ ", dim)
        text.append(*sign).append(scope, dim)
        of = f" of {rows}" if rows else ""
        for kind in kinds:
            paint = self.paint(kind.paint)
            number = paint + self.paint("strong") if is_trouble else dim
            text.append(count(kind.n), number).append(of, dim)
            text.append(f" {kind.word}", paint).append(" · ", dim)
            of = ""
        if not is_trouble and sum(kind.n for kind in kinds) < n_rows:
            return text.append("no other in trouble", dim)
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
    many = f"pairs of {title}" if " and " in title else _PLURALS.get(title, f"{title}s")
    return f"{count(n_rows)} {title if n_rows == 1 else many}"
