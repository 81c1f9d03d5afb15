"""The alerts of a command: from its options to what is said on stderr and kept of its recording."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.streams import report
from tcpconntop.commands.view import filter_from_args
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.alerts import AlertLog, AlertWatch, Firing
    from tcpconntop.core.window.snapshot import Snapshot
    from tcpconntop.recording.alert_ring import AlertRing
    from tcpconntop.sources.base import Source


class Alerting:
    """Judges the alerts, and keeps the recordings around one.

    Args:
        watch: has the alerts.

    Attributes:
        rings: the recordings that are kept around an alert.
    """

    def __init__(self, watch: AlertWatch) -> None:
        self._watch = watch
        self.rings: list[AlertRing] = []

    @property
    def log(self) -> AlertLog:
        """What fired so far."""
        return self._watch.log

    def judge(self, snapshot: Snapshot) -> tuple[Firing, ...]:
        """Judge a snapshot; return what has fired or cleared."""
        news = self._watch.judge(snapshot)
        for firing in news:
            if firing.cleared_s is None:
                for ring in self.rings:
                    ring.keep_around(firing.since_s)
        return news

    def say(self, snapshot: Snapshot) -> None:
        """Judge a snapshot; print on stderr what has fired or cleared, a line each."""
        for firing in self.judge(snapshot):
            report(firing.line())


def alerting_from_args(args: Namespace) -> Alerting | None:
    """Return the alerts of the command line, the same ones each time; None if there are none.

    Raises:
        UsageError: an alert is not valid.
    """
    texts: tuple[str, ...] = getattr(args, "alert", ())
    if not texts:
        return None
    if not hasattr(args, "alerting"):
        from tcpconntop.core.view.alerts import AlertWatch, parse_alert
        from tcpconntop.core.view.filter import FilterError
        from tcpconntop.sources.port_names import port_numbers

        also = filter_from_args(args)
        key = args.from_settings.get("alert")
        location = args.config.location(key) if key else "--alert "
        try:
            alerts = [parse_alert(text, port_numbers(), also) for text in dict.fromkeys(texts)]
        except FilterError as error:
            raise UsageError(f"{location}{error}") from None
        args.alerting = Alerting(AlertWatch(alerts))
    alerting: Alerting = args.alerting
    return alerting


def watched(source: Source, alerting: Alerting | None) -> Source:
    """Return a source that has the alerts judged as it is read; the same source if there are none."""
    if alerting is None:
        return source
    from tcpconntop.sources.watched import WatchedSource

    return WatchedSource(source, alerting.say)
