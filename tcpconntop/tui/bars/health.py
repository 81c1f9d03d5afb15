"""The second line: how many rows of the table are in trouble, of how many.

● in 1m: 2 of 97 destinations down · 1 failing · 3 resending SYNs · 1 slower than 100ms          x explain
○ in 1m: none of 97 destinations is down, failing, resending SYNs or slow                     x explain
○ in 1m: 1 of 97 destinations not judged yet: few connects · no other in trouble               x explain
○ in 1m: none of 97 destinations is down, …            a spike at 12:36:10: B goes there       x explain
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from tcpconntop.core.clock import local
from tcpconntop.core.format import count, duration, elapsed
from tcpconntop.core.lazy import np
from tcpconntop.core.thresholds import SLOW_US
from tcpconntop.core.types import Mask
from tcpconntop.core.view.trouble import Trouble
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.tui.actions import KeyBindings, action_named
from tcpconntop.tui.state import COARSE
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
_EXPLAIN, _SPIKE = action_named("explain"), action_named("spike(-1)")


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
        self._spike_s: float | None = None

    def show(
        self, view: View | None, keys: KeyBindings, filtered: bool, spike_s: float | None = None
    ) -> None:
        """Show the rows of a view.

        Args:
            view: the view; None shows an empty line.
            keys: the keys of the actions.
            filtered: True if the user's filter leaves some rows out.
            spike_s: when a spike began that is over, and no longer in the window; Unix time.
        """
        self._view, self._keys, self._filtered, self._spike_s = view, keys, filtered, spike_s
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
        spikes, scope = self._spike_texts(), self._scope(view)
        for said, rows, kinds, spike in (
            *((scope, all_rows, troubles + others, spike) for spike in spikes),
            ("", all_rows, troubles + others, spikes[-1]),
            ("", all_rows, troubles or others, spikes[-1]),
            ("", "", troubles or others, spikes[-1]),
        ):
            line = self._sentence(kinds, said, rows, n_rows) if n_rows else self._nothing_yet()
            if line.cell_len + 4 + key.cell_len + (spike.cell_len + 2 if spike else 0) <= width:
                break
        if spike:
            right.insert(0, Part(spike, 2, _SPIKE.name))
        return justify([Part(line, 0, _EXPLAIN.name)], right, width)

    def _spike_texts(self) -> list[Text]:
        """Return that there was a spike before the window, the longest text first; one empty one for none."""
        if self._spike_s is None:
            return [Text()]
        key, warn, dim = self._keys.label(_SPIKE), self.paint("warn"), self.paint("dim")
        then = f"{local(self._spike_s):%H:%M:%S}"
        return [
            Text.assemble(
                (f"a spike at {then}", warn), (": ", dim), (key, self.paint("accent")), (" goes there", dim)
            ),
            Text.assemble((key, self.paint("accent")), (f" spike {then}", warn)),
        ]

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
        shown = view.snapshot
        window = next(name for name, length_s in WINDOWS.items() if length_s == shown.window_s)
        if shown.window_s is not None and shown.span_s > (1 + COARSE) * shown.window_s:
            window = elapsed(shown.span_s)  # its oldest slices are coarse
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
