"""What an app does when an alert fires: the bell, the title of the terminal, and the way to that moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from textual import on
from textual.message import Message

from tcpconntop.core.clock import clock
from tcpconntop.core.format import elapsed
from tcpconntop.core.types import SECOND_NS
from tcpconntop.tui.driver import TerminalDriver
from tcpconntop.tui.state import NOTHING_YET, Change, DashboardState
from tcpconntop.tui.terminal_app import TerminalApp
from tcpconntop.tui.time_travel import time_travel

if TYPE_CHECKING:
    from tcpconntop.core.view.alerts import AlertLog, Firing
    from tcpconntop.core.window.snapshot import Snapshot
    from tcpconntop.tui.state_store import StateStore
    from tcpconntop.tui.worker import EngineThread

NO_ALERT = "no alert is set: start with --alert 'p99>50ms dest:10.0.0.0/8'"
NONE_FIRED = "no alert has fired yet"


class Watch(Protocol):
    """What judges the alerts: `AlertWatch`, perhaps with more to do when one fires."""

    @property
    def log(self) -> AlertLog:
        """What fired so far."""
        ...

    def judge(self, snapshot: Snapshot) -> tuple[Firing, ...]:
        """Return what has fired or cleared since the last snapshot."""
        ...


@dataclass
class AlertsChanged(Message):
    """An alert has fired or cleared, or may be judged now; `fired` says whether one has fired."""

    log: AlertLog
    fired: bool


class AlertingApp(TerminalApp):
    """Base class for an app with alerts: `watch_alerts` sets them, before the app runs."""

    _store: StateStore
    _engine: EngineThread

    def watch_alerts(self, alerts: Watch) -> None:
        """Have these judged in the engine's thread, and show what they say."""
        self._store.state = replace(self._store.state, alerts=alerts.log)

        def observe(snapshot: Snapshot) -> None:
            before, news = alerts.log, alerts.judge(snapshot)
            if alerts.log is not before and alerts.log != before:
                fired = any(firing.cleared_s is None for firing in news)
                self.post_message(AlertsChanged(alerts.log, fired))

        self._engine.observe = observe

    @on(AlertsChanged)
    def _alerts_changed(self, message: AlertsChanged) -> None:
        self._store.set(replace(self._store.state, alerts=message.log))
        if message.fired:
            self.bell()
        if isinstance(self._driver, TerminalDriver):
            self._driver.set_title(title_text(message.log))

    def action_alerts(self) -> None:
        """List the alerts."""
        log = self._store.state.alerts
        if not log.alerts:
            self._store.apply(Change(self._store.state, NO_ALERT))
            return
        from tcpconntop.tui.screens.alerts import AlertsScreen

        self.push_screen(AlertsScreen(log), self._go_to_firing)

    def action_last_alert(self) -> None:
        """Go to the moment when an alert fired last."""
        log = self._store.state.alerts
        if log.firings:
            self._go_to_firing(log.firings[-1])
        else:
            self._store.apply(Change(self._store.state, NONE_FIRED if log.alerts else NO_ALERT))

    def _go_to_firing(self, firing: Firing | None) -> None:
        if firing is not None:
            self._store.apply(moved_to(self._store.state, firing))


def title_text(log: AlertLog) -> str:
    """Return the title of the terminal while an alert is firing; empty while none is."""
    if not log.ringing:
        return ""
    more = f" and {len(log.ringing) - 1} more" if len(log.ringing) > 1 else ""
    return f"▲ {log.ringing[-1].alert.text}{more} - tcpconntop"


def moved_to(state: DashboardState, firing: Firing) -> Change:
    """Stand still on the moment when an alert fired, or on the nearest one that is kept."""
    if state.playback is not None:
        state = replace(state, playback=replace(state.playback, paused=True))
    state = replace(state, pause=None)  # what is paused may be older than the alert
    travel = time_travel(state)
    if travel is None:
        return Change(state, NOTHING_YET)
    change = travel.seek_to(firing.since_s)
    if state.playback is not None:
        return change
    if change.state.pause is None:  # it has fired in this second
        return replace(travel.toggle_pause(), moved=True)
    late_s = (change.state.pause.shown.now_ns - firing.since_ns) / SECOND_NS
    if late_s > 1:
        note = f"{clock(firing.since_s)} is no longer kept: this is {elapsed(late_s)} later"
        return replace(change, note=note)
    return change
