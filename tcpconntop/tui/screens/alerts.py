"""The list of the alerts and of what fired; the user goes to such a moment.

╭─ 2 alerts, 1 fired ─────────────────────────────────────────────────────────╮
│ watching  p99>50ms dest:10.0.0.0/8                                          │
│ FIRED (UTC+1)        CLEARED   ALERT                                        │
│ 2026-11-29 10:03:12  10:05:02  p99>50ms dest:10.0.0.0/8: p99 72.1ms of 812 …│
╰─────────────────────────────────────── enter goes there · esc goes back ────╯
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tcpconntop.core.clock import clock, local, repeated_zone, zone
from tcpconntop.core.format import printable
from tcpconntop.core.view.alerts import Firing
from tcpconntop.tui.bars.alert_line import lack_text

if TYPE_CHECKING:
    from tcpconntop.core.view.alerts import AlertLog


class AlertsScreen(ModalScreen[Firing | None]):
    """Returns the firing to go to, or None.

    Args:
        log: the alerts and what fired so far.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,a", "leave", "Back", show=False),
        Binding("question_mark,f1", "app.help", "Help", show=False),
    ]

    def __init__(self, log: AlertLog) -> None:
        super().__init__()
        self._log, self._newest_first = log, log.firings[::-1]

    def compose(self) -> ComposeResult:
        """List the alerts, and below what fired, the newest first."""
        lines = alert_lines(self._log)
        fired = [firing_line(firing, ringing=firing in self._log.ringing) for firing in self._newest_first]
        head = f"{_fired_title(self._newest_first):<27}  {'CLEARED':<15}  ALERT"
        heads = [*lines, *([head] if fired else [])]
        options = OptionList(
            *(Option(Text(line, "bold"), disabled=True) for line in heads),
            *(Option(Text(line)) for line in fired),
        )
        self._n_heads = len(heads)
        options.highlighted = len(heads) if fired else None
        n_alerts = len(self._log.alerts)
        options.border_title = f"{n_alerts} alert{'s' * (n_alerts != 1)}, {len(fired) or 'none'} fired"
        goes = "enter goes there · " if fired else ""
        options.border_subtitle = f"{goes}esc goes back"
        yield options

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._newest_first[event.option_index - self._n_heads])

    def action_leave(self) -> None:
        """Close the list without a choice."""
        self.dismiss(None)


def alert_lines(log: AlertLog) -> list[str]:
    """Return a line for each alert: whether it fires, or cannot be judged, and why."""
    firing = {one.alert for one in log.ringing}
    lines = []
    for n, alert in enumerate(log.alerts):
        lack = lack_text(log, n)
        state = "▲ firing  " if alert in firing else "○ watching"
        lines.append(f"{state}  {printable(alert.text)}{f' · {lack}' if lack else ''}")
    return lines


def firing_line(firing: Firing, *, ringing: bool) -> str:
    """Return when an alert fired and cleared, and what it said."""
    since = f"{local(firing.since_s):%Y-%m-%d %H:%M:%S}{repeated_zone(firing.since_s)}"
    since += " or before" * firing.or_before
    cleared = "firing" if ringing else "-" if firing.cleared_s is None else clock(firing.cleared_s)
    return f"{since:<27}  {cleared:<15}  {printable(firing.alert.text)}: {firing.figure}"


def _fired_title(firings: tuple[Firing, ...]) -> str:
    return f"FIRED ({zone(firings[0].since_s)})" if firings else "FIRED"
