"""What deserves a second look, as colours that also differ in weight.

A figure is judged by itself and beside that of everything that is shown. How a row does beside its own past
is told by a mark (`core/analysis/regression.py`).
"""

from __future__ import annotations

import math

SLOW_US = 100e3
"""From here on a connect is felt by whoever waits for it."""

STALLED_US = 1e6
"""From here on a SYN was lost: the first one is sent again after one second (RFC 6298, section 2)."""

OUTLIER_FACTOR = 3.0
"""How many times the figure of everything is too much."""

FELT_US = 1_000.0
"""Below this no latency is an outlier: three times 20 µs is noise."""


def latency_paint(us: float, overall_us: float = math.nan) -> str:
    """Give the colour of a latency; `overall_us` is the same of everything, NaN where it does not matter."""
    if math.isnan(us):
        return "dim"
    if us >= STALLED_US:
        return "bad"
    outlier = us >= FELT_US and us >= OUTLIER_FACTOR * overall_us
    return "warn" if us >= SLOW_US or outlier else ""


def share_paint(share: float, whole: float = math.nan) -> str:
    """Give the colour of a share of failures; one far below that of everything (`whole`) has none."""
    if math.isnan(share) or share == 0:
        return "dim"
    if share >= 0.05:
        return "bad"
    return "" if share * OUTLIER_FACTOR < whole else "warn"


def change_paint(column: str, change: float) -> str:
    """Give the colour of a change since the mark: worse is marked, better is not."""
    if math.isnan(change) or change == (0 if column == "dfail" else 1):
        return "dim"
    if math.isinf(change) or column == "dcount":
        return ""
    notable, grave = (0.001, 0.05) if column == "dfail" else (1.25, 3.0)
    return "bad" if change >= grave else "warn" if change >= notable else ""


def metric_paint(column: str, value: float, whole: float = math.nan) -> str:
    """Give the colour of a figure of a column; `whole` is the same of everything, if it is known."""
    if column in ("min", "p50", "p90", "p99", "max", "mean", "last"):
        return latency_paint(value, whole)
    if column == "fail":
        return share_paint(value, whole)
    if column in ("dcount", "dfail", "dp99"):
        return change_paint(column, value)
    if column in ("rtx", "failed"):
        return "warn" if value > 0 else "dim"
    return "dim" if value == 0 or math.isnan(value) else ""
