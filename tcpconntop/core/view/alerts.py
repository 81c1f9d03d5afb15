"""Alerts such as `p99>50ms dest:10.0.0.0/8`: when they fire, and when they clear. Pure.

An alert is about the last minute (`WINDOW_S`), whatever window is shown. It fires as soon as its comparison
holds over enough connects (`MIN_CONNECTS`). It clears once the figure was better than the bound by a fifth
for ten seconds, so that a figure that wavers around its bound fires once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tcpconntop.core.clock import date_and_clock
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import Filter, FilterError, KeyTerm, MetricTerm, parse_filter
from tcpconntop.core.view.filter_lexer import split_words
from tcpconntop.core.view.metrics import METRICS, Needs, Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconntop.core.view import assertions, row_metrics
    from tcpconntop.core.window import history
    from tcpconntop.core.window.snapshot import Snapshot
else:
    assertions = lazy("tcpconntop.core.view.assertions")
    row_metrics = lazy("tcpconntop.core.view.row_metrics")
    history = lazy("tcpconntop.core.window.history")

WINDOW_S = 60
"""An alert is about the connects of so many seconds."""

MIN_CONNECTS = {"p99": 100, "p90": 30, "p50": 20, "mean": 20, "fail": 20}
"""With fewer connects than this in the minute, an alert on a metric never fires; others need one."""

CLEAR_S = 10
"""For so many seconds the figure has to be better than the bound before an alert clears."""

CLEAR_SHARE = 0.8
"""How much better: 0.8 of an upper bound, 1 / 0.8 of a lower one."""

MAX_FIRINGS = 100
"""How many firings are listed."""

_SAME_S = 60
"""In a recording that is played again, a firing this near to a listed one of the same alert is that one."""

_GAP_S = 5
"""After a jump of more seconds, an alert that fires may have begun before."""


@dataclass(frozen=True, eq=False)
class Alert:
    """What is watched for.

    Attributes:
        text: what the user wrote, and the filters of the command line.
        term: the figure and its bound.
        where: the connects that it is about.
    """

    text: str
    term: MetricTerm
    where: Filter

    @property
    def needs_connects(self) -> int:
        """How many connects it needs to fire; 0 if it may be about none."""
        if METRICS[self.term.metric].needs is Needs.NOTHING:
            return 0
        return MIN_CONNECTS.get(self.term.metric, 1)

    @property
    def needs_minute(self) -> bool:
        """True if it cannot be judged before a minute has passed: rates, and too few of something."""
        quantity = METRICS[self.term.metric].quantity
        is_amount = quantity in (Quantity.COUNT, Quantity.RATE_HZ)
        return is_amount and (quantity is Quantity.RATE_HZ or not self._is_upper)

    @property
    def _is_upper(self) -> bool:
        return self.holds(math.inf) and not self.holds(-math.inf)

    def holds(self, value: float) -> bool:
        """Return True if the comparison holds for a figure."""
        return bool(self.term.compare(np.array([value]), self.term.value)[0]) != self.term.negated

    def goes_on(self, value: float) -> bool:
        """Return True if the figure is not yet better than the bound by `CLEAR_SHARE`."""
        if self.holds(value):
            return True
        if self._is_upper:
            return value > self.term.value * CLEAR_SHARE
        return self.holds(-math.inf) and not self.holds(math.inf) and value < self.term.value / CLEAR_SHARE


def parse_alert(text: str, ports: Mapping[str, int] | None = None, also: Filter | None = None) -> Alert:
    """Parse an alert: one comparison of a metric, and terms that say which connects.

    Args:
        text: what the user wrote.
        ports: numbers of ports by name.
        also: a filter that the connects have to match too; its terms about rows are left out.

    Raises:
        FilterError: the text is no alert; the message is one line with the place.
    """
    try:
        terms = parse_filter(text, ports or {}).terms
    except FilterError as error:
        raise FilterError(f"'{text}', column {error.start + 1}: {error}") from None
    figures = [term for term in terms if isinstance(term, MetricTerm)]
    words = split_words(text)
    if len(figures) != 1:
        place = (
            words[[n for n, term in enumerate(terms) if isinstance(term, MetricTerm)][1]] if figures else None
        )
        where = f", column {place.start + 1}" if place else ""
        what = "only one metric can be compared" if figures else "no metric is compared"
        raise FilterError(f"'{text}'{where}: {what}: write 'p99>50ms dest:10.0.0.0/8', or 'fail>5%'")
    keys = [term for term in terms if isinstance(term, KeyTerm)]
    said = " ".join(text.split())
    for word, term in zip(split_words(also.text), also.terms, strict=True) if also else ():
        if isinstance(term, KeyTerm):
            keys.append(term)
            said += f" {also.text[word.start : word.end] if also else ''}"
    return Alert(said, figures[0], Filter(said, tuple(keys)))


@dataclass(frozen=True)
class Reading:
    """The figure of an alert over the last minute, and of how many connects it is."""

    value: float
    connects: int


def read_figure(alert: Alert, minute: Snapshot) -> Reading:
    """Return the figure of an alert in a snapshot of the last minute (`last_minute`)."""
    group_of = np.where(alert.where.match_keys(minute.window.keys, minute.names), 0, -1)
    groups = row_metrics.GroupMetrics(minute.window, group_of, 1, minute.span_s)
    needed = "ok" if METRICS[alert.term.metric].needs is Needs.SUCCESSFUL_CONNECT else "count"
    return Reading(float(groups.column(alert.term.metric)[0]), int(groups.column(needed)[0]))


def last_minute(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot of the last minute, whatever window a snapshot has."""
    if snapshot.window_s == WINDOW_S:
        return snapshot
    return history.snapshot_at(snapshot, snapshot.second, WINDOW_S)


@dataclass(frozen=True, eq=False)
class Firing:
    """One time that an alert fired.

    Attributes:
        alert: the alert.
        since_ns: when it fired, on the clock of the records.
        since_s: the same as Unix time.
        reading: the figure at that moment.
        or_before: True if it may have begun before: what came before was not looked at.
        cleared_s: when it cleared, as Unix time; None if it has not, or that was not seen.
        cleared_ns: the same on the clock of the records.
    """

    alert: Alert
    since_ns: int
    since_s: float
    reading: Reading
    or_before: bool = False
    cleared_s: float | None = None
    cleared_ns: int | None = None

    @property
    def figure(self) -> str:
        """The figure when it fired, such as `p99 72.1ms of 812 connects`."""
        n, metric = self.reading.connects, self.alert.term.metric
        value = f"{metric} {assertions.metric_text(metric, self.reading.value)}"
        return value if metric == "count" else f"{value} of {n:,} connect{'s' * (n != 1)}"

    def line(self) -> str:
        """Return what is said on stderr of a firing, and of its end."""
        since = date_and_clock(self.since_s) + " or before" * self.or_before
        if self.cleared_s is not None:
            return f"alert cleared: {self.alert.text} at {date_and_clock(self.cleared_s)}, fired at {since}"
        return f"alert: {self.alert.text}: {self.figure} in the last minute, at {since}"


@dataclass(frozen=True)
class AlertLog:
    """The alerts, and what fired so far. Immutable.

    Attributes:
        alerts: what is watched for.
        firings: what fired, the oldest first.
        ringing: those of `firings` that have not cleared.
        lacking: the connects of the last minute of each alert that has too few to be judged, by alert.
    """

    alerts: tuple[Alert, ...] = ()
    firings: tuple[Firing, ...] = ()
    ringing: tuple[Firing, ...] = ()
    lacking: tuple[Alert, ...] = ()


class AlertWatch:
    """Judges snapshots, one after another.

    Attributes:
        log: what fired so far.
    """

    def __init__(self, alerts: Sequence[Alert]) -> None:
        self.log = AlertLog(tuple(alerts), lacking=tuple(alerts))
        self._ringing: dict[Alert, Firing] = {}
        self._better_since_ns: dict[Alert, int] = {}
        self._last_ns: int | None = None
        self._furthest_ns = 0

    def judge(self, snapshot: Snapshot) -> tuple[Firing, ...]:
        """Return what has fired or cleared since the last snapshot; nothing twice in a second."""
        now_ns, last_ns = snapshot.now_ns, self._last_ns
        if last_ns is not None and now_ns < last_ns:  # rewound: what rings there is found out again
            self._ringing.clear()
            self._better_since_ns.clear()
        elif last_ns is not None and now_ns // SECOND_NS == last_ns // SECOND_NS:
            return ()
        has_gap = last_ns is not None and not 0 <= now_ns - last_ns <= _GAP_S * SECOND_NS
        minute = last_minute(snapshot)
        is_whole = minute.span_s >= WINDOW_S - max(snapshot.step_s, 1)
        news, lacking = [], []
        for alert in self.log.alerts:
            reading = read_figure(alert, minute)
            enough = reading.connects >= alert.needs_connects and (is_whole or not alert.needs_minute)
            if not enough:
                lacking.append(alert)
            if alert in self._ringing:
                if self._has_cleared(alert, reading, enough, now_ns):
                    cleared = replace(self._ringing.pop(alert), cleared_s=snapshot.wall_s, cleared_ns=now_ns)
                    news.append(cleared)
            elif enough and alert.holds(reading.value):
                fired = Firing(alert, now_ns, snapshot.wall_s, reading, has_gap)
                known = self._listed(fired)
                self._ringing[alert] = known or fired
                news += [] if known else [fired]
        self._last_ns, self._furthest_ns = now_ns, max(self._furthest_ns, now_ns)
        self._update_log(news, lacking)
        return tuple(news)

    def _update_log(self, news: Sequence[Firing], lacking: Sequence[Alert]) -> None:
        by_start = {(one.alert, one.since_ns): one for one in (*self.log.firings, *news)}
        firings = sorted(by_start.values(), key=lambda one: one.since_ns)[-MAX_FIRINGS:]
        self.log = AlertLog(self.log.alerts, tuple(firings), tuple(self._ringing.values()), tuple(lacking))

    def _listed(self, fired: Firing) -> Firing | None:
        """Return the firing that this one is, of a recording that is played again; None if it is new."""
        if fired.since_ns > self._furthest_ns:
            return None
        return next((one for one in self.log.firings if _is_same(one, fired)), None)

    def _has_cleared(self, alert: Alert, reading: Reading, enough: bool, now_ns: int) -> bool:
        if enough and alert.goes_on(reading.value):
            self._better_since_ns.pop(alert, None)
            return False
        since_ns = self._better_since_ns.setdefault(alert, now_ns)
        if now_ns - since_ns < CLEAR_S * SECOND_NS:
            return False
        del self._better_since_ns[alert]
        return True


def _is_same(listed: Firing, fired: Firing) -> bool:
    """True if a firing is one that is listed already, of a recording that is played again."""
    if listed.alert is not fired.alert:
        return False
    if listed.since_ns <= fired.since_ns < (listed.cleared_ns or listed.since_ns):
        return True
    return abs(listed.since_ns - fired.since_ns) < _SAME_S * SECOND_NS
