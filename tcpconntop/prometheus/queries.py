"""The questions to a Prometheus server, in PromQL. Pure.

Counters are read as they are, at the ends of equal steps, and their differences are taken here: what
`increase()` returns is extrapolated, so its sum over time is not what was counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

HISTOGRAM = "tcpconntop_connect_duration_seconds"
CONNECTS, RETRANSMITS = "tcpconntop_connects_total", "tcpconntop_syn_retransmits_total"
OUTCOMES = "tcpconntop_outcomes_total"
TRACING, STARTED = "tcpconntop_tracing", "process_start_time_seconds"
EVICTIONS = "tcpconntop_series_evictions_total"
LEDGER = {
    "in_flight": "tcpconntop_in_flight",
    "syn_retransmits": "tcpconntop_all_syn_retransmits_total",
    "lost_records": "tcpconntop_lost_records_total",
    "lost_starts": "tcpconntop_lost_starts_total",
    "below_minimum": "tcpconntop_below_minimum_total",
    "skipped": "tcpconntop_skipped_programs_total",
    "unseen": "tcpconntop_unseen_connects",
    "namespaces": "tcpconntop_network_namespaces",
    "namespaces_compared": "tcpconntop_compared_network_namespaces",
    "completeness": "tcpconntop_completeness_ratio",
}
"""The metrics of a whole host, by the field of `Ledger`."""

LAST_SAMPLES = f"timestamp({TRACING})"
"""When each host was scraped last."""

SCRAPES = f"{TRACING}[5m]"
"""The last scrapes of each host."""

Target = tuple[tuple[str, str], ...]
"""The labels that tell a host from the others, sorted."""

OWN_LABELS = frozenset(("__name__", "destination", "port", "family", "subnet", "unit", "outcome", "le"))
"""The labels of the series of one host; all others are of the host."""

_NAMES = "|".join(
    [
        f"{HISTOGRAM}(_bucket|_sum)?",
        CONNECTS,
        RETRANSMITS,
        OUTCOMES,
        TRACING,
        STARTED,
        EVICTIONS,
        *LEDGER.values(),
    ]
)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def target_of(labels: Iterable[tuple[str, str]]) -> Target:
    """Return the labels of a series that are of its host."""
    return tuple(sorted((name, value) for name, value in labels if name not in OWN_LABELS))


def counters_of(target: Target) -> str:
    """Return the expression of everything that is read of a host."""
    matchers = [
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in target if _LABEL.fullmatch(name)
    ]
    return "{" + ",".join([f'__name__=~"{_NAMES}"', *matchers]) + "}"
