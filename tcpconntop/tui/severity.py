"""What deserves a second look, as colours that also differ in weight."""

from __future__ import annotations

import math

SLOW_US = 100e3
"""From here on a connect is felt by whoever waits for it."""

STALLED_US = 1e6
"""From here on a SYN was lost: the first one is sent again after one second (RFC 6298, section 2)."""


def latency_paint(us: float) -> str:
    """Give the colour of a latency."""
    if math.isnan(us):
        return "dim"
    if us >= STALLED_US:
        return "bad"
    return "warn" if us >= SLOW_US else ""


def share_paint(share: float) -> str:
    """Give the colour of a share of failures."""
    if math.isnan(share) or share == 0:
        return "dim"
    return "bad" if share >= 0.05 else "warn"


def change_paint(column: str, change: float) -> str:
    """Give the colour of a change since the mark: worse is marked, better is not."""
    if math.isnan(change) or change == (0 if column == "dfail" else 1):
        return "dim"
    if math.isinf(change) or column == "dcount":
        return ""
    notable, grave = (0.001, 0.05) if column == "dfail" else (1.25, 3.0)
    return "bad" if change >= grave else "warn" if change >= notable else ""


def figure_paint(column: str, value: float) -> str:
    """Give the colour of a figure of a column."""
    if column in ("min", "p50", "p90", "p99", "max", "mean", "last"):
        return latency_paint(value)
    if column == "fail":
        return share_paint(value)
    if column in ("dcount", "dfail", "dp99"):
        return change_paint(column, value)
    if column in ("rtx", "failed"):
        return "warn" if value > 0 else "dim"
    return "dim" if value == 0 or math.isnan(value) else ""
