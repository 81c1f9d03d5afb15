"""Colours of values that deserve attention; the colours differ in weight too.

A value is judged by itself and against the value over all rows. A row that got worse than its own past has a
sign instead (`core/analysis/regression.py`).
"""

from __future__ import annotations

import math

from tcpconntop.core.lazy import np
from tcpconntop.core.thresholds import BAD_SHARE, FELT_US, SLOW_US, SYN_RTO_US
from tcpconntop.core.types import Floats, Ints
from tcpconntop.core.view.baseline import CHANGES, WORSE_FROM
from tcpconntop.core.view.metrics import METRICS, Quantity

TROUBLE_PAINTS = ("dim", "warn", "warn", "warn", "warn", "bad")
"""The colour of each kind of trouble, indexed by `Trouble`."""

FINDING_SIGNS = {"BAD": ("● ", "bad"), "WARN": ("◐ ", "warn"), "NOTE": ("○ ", "dim")}
"""Sign and colour of a finding by its severity: a fuller sign is worse, to be told without colours too."""

LATENCY_PAINTS = ("", "warn", "bad")
"""The colour of a latency that is compared with nothing, by `latency_levels`."""

OUTLIER_FACTOR = 3.0
"""A value is an outlier from this many times the overall one on."""

_CHANGE_LIMITS = {"dfail": (0.001, BAD_SHARE), "dp50": (1.25, 3.0), "dp90": (1.25, 3.0), "dp99": (1.25, 3.0)}
"""From which rise on a change is notable, and from which it is bad: a difference of shares, a factor."""


def latency_paint(us: float, overall_us: float = math.nan) -> str:
    """Return the colour of a latency; `overall_us` is the one over all rows, NaN to leave it out."""
    if math.isnan(us):
        return "dim"
    if us >= SYN_RTO_US:
        return "bad"
    outlier = us >= FELT_US and us >= OUTLIER_FACTOR * overall_us
    return "warn" if us >= SLOW_US or outlier else ""


def latency_levels(us: Floats) -> Ints:
    """Return for each latency which of `LATENCY_PAINTS` `latency_paint` gives it alone; 0 for NaN."""
    limits = np.array([SLOW_US, SYN_RTO_US], np.float64)
    levels: Ints = np.searchsorted(limits, np.nan_to_num(us, nan=0.0, posinf=np.inf), side="right")
    return levels


def share_paint(share: float, overall: float = math.nan) -> str:
    """Return the colour of a share of failures; one far below that over all rows (`overall`) has none."""
    if math.isnan(share) or share == 0:
        return "dim"
    if share >= BAD_SHARE:
        return "bad"
    return "" if share * OUTLIER_FACTOR < overall else "warn"


def change_paint(column: str, change: float) -> str:
    """Return the colour of a change since the baseline; a change for the better has none."""
    if column == "change":
        worse = "bad" if change >= 3 * WORSE_FROM else "warn"
        return "dim" if not change >= 1 else "" if change < WORSE_FROM else worse
    if math.isnan(change) or change == (0 if column == "dfail" else 1):
        return "dim"
    if math.isinf(change) or column == "dcount":
        return ""
    notable, bad = _CHANGE_LIMITS[column]
    return "bad" if change >= bad else "warn" if change >= notable else ""


def metric_paint(column: str, value: float, overall: float = math.nan) -> str:
    """Return the colour of a value of a column; `overall` is the one over all rows, NaN to leave it out."""
    if column in METRICS and METRICS[column].quantity is Quantity.LATENCY_US:
        return latency_paint(value, overall)
    if column == "fail":
        return share_paint(value, overall)
    if column in CHANGES:
        return change_paint(column, value)
    if column in ("rtx", "resent", "failed"):
        return "warn" if value > 0 else "dim"
    return "dim" if value == 0 or math.isnan(value) else ""
