"""The line below the header, if there are alerts: what fires, since when, and the keys that lead there.

▲ p99>50ms dest:10.0.0.0/8  since 10:03:12  p99 72.1ms of 812 connects     A goes there  a lists 2 fired
○ cleared 10:05:02 · p99>50ms dest:10.0.0.0/8  fired 10:03:12              A goes there  a lists 2 fired
○ watching p99>50ms dest:10.0.0.0/8  too little to judge: it needs 100 connects a minute         a lists
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tcpconntop.core.clock import clock
from tcpconntop.core.format import printable
from tcpconntop.core.view.alerts import AlertLog
from tcpconntop.tui.actions import Action, KeyBindings, action_named
from tcpconntop.tui.text.lines import Line, Part, justify

if TYPE_CHECKING:
    from tcpconntop.tui.state import DashboardState

MIN_HEIGHT = 8
"""Height of the terminal below which the line makes room for the table."""

_LIST, _LAST = action_named("alerts"), action_named("last_alert")


class AlertLine(Line):
    """The line of the alerts; hidden without any."""

    def __init__(self) -> None:
        super().__init__()
        self._log, self._keys = AlertLog(), KeyBindings()
        self.display = False

    def show(self, state: DashboardState) -> None:
        """Show the alerts of a state."""
        if state.alerts != self._log or state.keys is not self._keys:
            self._log, self._keys = state.alerts, state.keys
            self.fit(self.app.size.height)
            self.redraw()

    def fit(self, height: int) -> None:
        """Show the line if there are alerts, and room for it in a terminal of `height` lines."""
        self.display = bool(self._log.alerts) and height >= MIN_HEIGHT

    def draw(self, width: int) -> Text:
        """Return the line."""
        log, n_fired = self._log, len(self._log.firings)
        if not log.alerts:
            return Text()
        right = [self._key(_LIST, f"lists {n_fired} fired" if n_fired else "lists", 2)]
        if n_fired:
            right.insert(0, self._key(_LAST, "goes there", 0))
        return justify(self._fired() if n_fired else self._quiet(), right, width)

    def _key(self, action: Action, word: str, priority: int) -> Part:
        key = self._keys.label(action)
        text = Text.assemble((key, self.paint("accent")), (f" {word}", self.paint("dim")))
        return Part(text, priority if key else 9, action.name)

    def _fired(self) -> list[Part]:
        log, dim = self._log, self.paint("dim")
        last = log.ringing[-1] if log.ringing else log.firings[-1]
        expr = printable(last.alert.text)
        if not log.ringing:
            words = "not firing now" if last.cleared_s is None else f"cleared {clock(last.cleared_s)}"
            return [
                Part(Text(f"○ {words} · {expr}", dim), 0, _LIST.name),
                Part(Text(f"fired {clock(last.since_s)}", dim), 1, _LIST.name),
            ]
        loud = self.paint("bad") + self.paint("strong")
        before = " or before" * last.or_before
        parts = [
            Part(Text(f"▲ {expr}", loud), 0, _LIST.name),
            Part(Text(f"since {clock(last.since_s)}{before}", self.paint("warn")), 1, _LIST.name),
            Part(Text(f"{last.figure}", dim), 5, _LIST.name),
        ]
        if len(log.ringing) > 1:
            parts.append(Part(Text(f"{len(log.ringing) - 1} more firing", loud), 3, _LIST.name))
        return parts

    def _quiet(self) -> list[Part]:
        log, dim = self._log, self.paint("dim")
        if len(log.alerts) > 1:
            few = f", {len(log.lacking)} with too few connects to judge" if log.lacking else ""
            return [
                Part(Text(f"○ watching {len(log.alerts)} alerts: none has fired{few}", dim), 0, _LIST.name)
            ]
        alert = log.alerts[0]
        parts = [Part(Text(f"○ watching {printable(alert.text)}", dim), 0, _LIST.name)]
        parts.append(Part(Text(f"{lack_text(log, 0) or 'has not fired'}", dim), 1, _LIST.name))
        return parts


def lack_text(log: AlertLog, n: int) -> str:
    """Return why an alert cannot be judged now; empty if it can."""
    alert = log.alerts[n]
    if alert not in log.lacking:
        return ""
    needs = [f"{alert.needs_connects} connects a minute"] if alert.needs_connects > 1 else []
    needs += ["a connect in the last minute"] if alert.needs_connects == 1 else []
    needs += ["a whole minute"] if alert.needs_minute else []
    return f"too little to judge: it needs {' and '.join(needs)}"
