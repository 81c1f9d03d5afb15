"""The second line: how many rows of the table are in trouble, of how many.

● in 1m: 2 of 97 destinations down · 1 failing · 3 resending SYNs · 1 slower than 100ms          x explain
◐ in 1m: 10.83.5.51:8443 is 19× slower than comparable addresses · 1 more                        x explain
○ in 1m: 1 of 13 destinations with 2 of 2 failed: too few to judge                               x explain
○ in 1m: all 97 destinations: under 1% failed, …         a spike at 12:36:10: B goes there       x explain

It never denies what the table or Explain shows: where no row is in trouble, it names the worst finding;
without one, failures that are too few to judge by; and only then the limits that all rows are below.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from tcpconntop.core.clock import local
from tcpconntop.core.format import count, duration, elapsed, printable
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.thresholds import NOTABLE_SHARE, SLOW_US
from tcpconntop.core.types import Mask
from tcpconntop.core.view.trouble import Trouble, ok_at_least
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.actions import KeyBindings, action_named
from tcpconntop.tui.explained import findings_in
from tcpconntop.tui.state import COARSE
from tcpconntop.tui.text.lines import Line, Part, fit, justify
from tcpconntop.tui.text.severity import FINDING_SIGNS, TROUBLE_PAINTS

if TYPE_CHECKING:
    from tcpconntop.core.analysis import explain as findings
    from tcpconntop.core.analysis.explain import Finding
    from tcpconntop.core.analysis.selection import Selection
    from tcpconntop.core.view.view import View
else:
    findings = lazy("tcpconntop.core.analysis.explain")

_SLOW = duration(SLOW_US)
_WORDS = {
    Trouble.DOWN: "down",
    Trouble.FAILING: "failing",
    Trouble.GIVEN_UP: "given up",
    Trouble.RESENDS: "resending SYNs",
    Trouble.SLOW: f"slower than {_SLOW}",
}
_EXPLAIN, _SPIKE = action_named("explain"), action_named("spike(-1)")

_Sentence = Callable[[str, str], Text]
"""Returns the line for a scope (window and filter) and the rows (`97 destinations`); both may be empty."""


class Health(Line):
    """What is wrong, from the figures of the rows. A click opens the findings, which say why."""

    def __init__(self) -> None:
        super().__init__()
        self._all: Selection | None = None
        self._keys, self._filtered = KeyBindings(), False
        self._spike_s: float | None = None
        self._covered = False

    def cover(self, covered: bool) -> None:
        """Show no key, while a dialog above the screen has the keys."""
        self._covered = covered
        self.redraw()

    def show(
        self, all_rows: Selection | None, keys: KeyBindings, filtered: bool, spike_s: float | None = None
    ) -> None:
        """Show the rows of a view.

        Args:
            all_rows: all rows of a view; None shows an empty line.
            keys: the keys of the actions.
            filtered: True if the user's filter leaves some rows out.
            spike_s: when a spike began that is over, and no longer in the window; Unix time.
        """
        self._all, self._keys, self._filtered, self._spike_s = all_rows, keys, filtered, spike_s
        self.redraw()

    def draw(self, width: int) -> Text:
        """Return the line."""
        if self._all is None:
            return Text()
        view = self._all.view
        key = Text.assemble(
            (self._keys.label(_EXPLAIN), self.paint("accent")), (" explain", self.paint("dim"))
        )
        n_rows, spikes = int(_judged(view).sum()), [Text()] if self._covered else self._spike_texts()
        rows, scope = view.grouping.counted(n_rows), self._scope(view)
        for said, of, spike in (
            *((scope, rows, spike) for spike in spikes),
            ("", rows, spikes[-1]),
            ("", "", spikes[-1]),
        ):
            room = width - 4 - key.cell_len - (spike.cell_len + 2 if spike else 0)
            nothing = Text("○ nothing to judge yet", self.paint("dim"))
            line = self._sentence(self._all, room)(said, of) if n_rows else nothing
            if line.cell_len <= room:
                break
        right = [] if self._covered else [Part(key, 1, _EXPLAIN.name)]
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

    def _sentence(self, all_rows: Selection, room: int) -> _Sentence:
        """Return what there is to say of a view: the first of these that there is."""
        view = all_rows.view
        if view.trouble[_judged(view)].any():
            return partial(self._in_trouble, view, room)
        if listed := findings_in(all_rows):
            return partial(self._finding, listed, room)
        if few := too_few(view):
            return partial(self._few, *few)
        return self._below_limits

    def _in_trouble(self, view: View, room: int, scope: str, rows: str) -> Text:
        """Return the counts by kind of trouble, the worst first; what is too few to judge, if it fits."""
        troubles, dim, strong = view.trouble[_judged(view)], self.paint("dim"), self.paint("strong")
        worst = self.paint(TROUBLE_PAINTS[int(troubles.max())])
        text = Text.assemble(("● ", worst + strong), (scope, dim), no_wrap=True)
        of = f" of {rows}" if rows else ""
        words = dict(_WORDS)
        if not (view.grouping.has("daddr") or view.grouping.has("dport")):
            words[Trouble.DOWN] = "always failing"  # a process is not down, whatever its connects do
        if set(troubles.tolist()) <= {Trouble.NONE, Trouble.GIVEN_UP}:
            words[Trouble.GIVEN_UP] = f"with {given_up(view)} given up before an answer"
        for kind, word in words.items():
            if n := int(np.count_nonzero(troubles == kind)):
                paint = self.paint(TROUBLE_PAINTS[kind])
                text.append(count(n), paint + strong).append(of, dim)
                text.append(f" {word}", paint).append(" · ", dim)
                of = ""
        text.right_crop(3)
        few = too_few(view)
        more = f" · {count(few[0])} with {few[1]}: too few to judge" if few else ""
        return text.append(more, dim) if text.cell_len + len(more) <= room else text

    def _finding(self, listed: tuple[Finding, ...], room: int, scope: str, rows: str) -> Text:
        """Return the worst finding, and how many more there are; without `rows`, cut to the room.

        It is not red, as rows in trouble are: few connects can make a finding, such as one lost SYN.
        """
        severity = min(listed[0].severity, findings.Severity.WARN)
        dim, (sign, paint) = self.paint("dim"), FINDING_SIGNS[severity.name]
        title, more = printable(listed[0].title), f" · {len(listed) - 1} more" if listed[1:] else ""
        if not rows:
            title = fit(title, min(cell_len(title), max(room - len(sign) - len(more), 1)))
        style = self.paint(paint)
        return Text.assemble((sign, style + self.paint("strong")), (scope, dim), (title, style), (more, dim))

    def _few(self, n: int, what: str, scope: str, rows: str) -> Text:
        """Return what is wrong with `n` rows that are too few connects to judge."""
        of = f" of {rows}" if rows else ""
        return Text.assemble(
            (f"○ {scope}", self.paint("dim")),
            count(n),
            (of, self.paint("dim")),
            f" with {what}: too few to judge",
        )

    def _below_limits(self, scope: str, rows: str) -> Text:
        """Return the limits that all rows are below."""
        each = "" if not rows else f"{rows}: " if rows.startswith("1 ") else f"all {rows}: "
        limits = f"under {NOTABLE_SHARE:.0%} failed, resent SYNs or took {_SLOW}"
        return Text(f"○ {scope}{each}{limits}", self.paint("dim"), no_wrap=True)

    def _scope(self, view: View) -> str:
        """Return what the counts are of: the window, and that there is a filter."""
        shown = view.snapshot
        window = next(name for name, length_s in WINDOWS.items() if length_s == shown.window_s)
        if shown.window_s is not None and shown.span_s > (1 + COARSE) * shown.window_s:
            window = elapsed(shown.span_s)  # its oldest slices are coarse
        return f"in {window}, filtered: " if self._filtered else f"in {window}: "


def given_up(view: View) -> str:
    """Return how many connects were given up, of how many, in the rows that are in trouble so: `39 of 39`."""
    outcomes = view.stats["outcomes"][_judged(view) & (view.trouble == Trouble.GIVEN_UP)]
    return f"{count(int(outcomes[:, Outcome.CANCELLED].sum()))} of {count(int(outcomes.sum()))}"


def too_few(view: View) -> tuple[int, str] | None:
    """Return how many rows are undecided, and which of their connects make them so: `2 of 2 failed`.

    None if there is none.
    """
    rows, outcomes, window = _judged(view) & view.undecided, view.stats["outcomes"], view.snapshot.window
    if not rows.any():
        return None
    is_key = np.append(rows, False)[view.row_of]  # index -1, a key without a row, reads the last
    ended, slow = int(outcomes[rows].sum()), int(ok_at_least(window, SLOW_US)[is_key].sum())
    failed = ended - int(outcomes[rows, Outcome.OK].sum())
    words = " or ".join([*["failed"] * bool(failed), *[f"over {_SLOW}"] * bool(slow)])
    return int(np.count_nonzero(rows)), f"{count(failed + slow)} of {count(ended)} {words}"


def _judged(view: View) -> Mask:
    """True for all rows but that of folded keys, and those that are gone since the mark, shape (n,)."""
    mask: Mask = (view.keys["special"] == 0) & (view.busiest_index >= 0)
    return mask
