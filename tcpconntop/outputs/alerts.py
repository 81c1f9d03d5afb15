"""The alerts in the JSON documents of `-b`."""

from __future__ import annotations

from typing import Any

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.alerts import Alert, AlertLog, Firing
from tcpconntop.outputs.document import timestamp


def alerts_document(log: AlertLog) -> list[dict[str, Any]]:
    """Return each alert, whether it is firing, and each time that it fired, the oldest first."""
    return [_alert(alert, log) for alert in log.alerts]


def _alert(alert: Alert, log: AlertLog) -> dict[str, Any]:
    return {
        "expr": alert.text,
        "firing": any(firing.alert is alert for firing in log.ringing),
        "judged": alert not in log.lacking,
        "needs_connects": alert.needs_connects,
        "fired": [_firing(firing) for firing in log.firings if firing.alert is alert],
    }


def _firing(firing: Firing) -> dict[str, Any]:
    return {
        "since": _time(firing.since_s),
        "or_before": firing.or_before,
        "cleared": None if firing.cleared_s is None else _time(firing.cleared_s),
        "metric": firing.alert.term.metric,
        "value": firing.reading.value,
        "connects": firing.reading.connects,
    }


def _time(unix_s: float) -> str:
    return timestamp(round(unix_s * SECOND_NS))
