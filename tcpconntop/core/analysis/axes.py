"""Axes of time and of latency (logarithmic): their ends, their labels, and counts in bins of equal width."""

from __future__ import annotations

import math

import numpy as np

from tcpconntop.core.clock import clock
from tcpconntop.core.counts import EDGES_US
from tcpconntop.core.format import duration, round_elapsed
from tcpconntop.core.types import Floats, Ints

_ROUND_S = tuple(
    number * unit_s
    for unit_s, numbers in (
        (1, (1, 2, 3, 5, 10, 20, 30)),
        (60, (1, 2, 3, 5, 10, 20, 30)),
        (3600, (1, 2, 3, 6, 12)),
    )
    for number in numbers
)
"""Steps between labels of a time axis. Each is at most twice the one before: one label always fits."""


STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""Lengths of steps of time that seldom change while a time gets longer; beyond them, whole hours."""


def round_step(seconds: int, at_most: int) -> int:
    """Return the length of a step with which so many seconds have at most so many steps."""
    shortest = -(-max(seconds, 1) // at_most)
    return next((step for step in STEPS_S if step >= shortest), -(-shortest // 3600) * 3600)


def time_labels(span_s: float, at_most: int) -> list[tuple[int, str]]:
    """Return age in seconds and label of the round times on an axis that ends now, the oldest first.

    Args:
        span_s: the length of the axis.
        at_most: the number of labels for which there is room, without that of now.
    """
    days = math.floor(span_s / 86_400 / (at_most + 1)) + 1
    step_s = next((s for s in _ROUND_S if int(span_s / s) <= at_most), 86_400 * days)
    ages = range(int(span_s / step_s) * step_s, 0, -step_s)
    return [(age_s, f"-{round_elapsed(age_s)}") for age_s in ages]


def axis_labels(
    span_s: float, at_most: int, end_s: float | None = None, has_room: bool = False
) -> list[tuple[float, str]]:
    """Return age in seconds and label of the times on an axis, the oldest first, its end included.

    Args:
        span_s: the length of the axis.
        at_most: the number of labels between its ends for which there is room.
        end_s: when it ends, as Unix time; None for now.
        has_room: True if there is room for the time of its beginning, too.
    """
    between: list[tuple[float, str]] = [*time_labels(span_s, at_most)]
    if end_s is None:
        return [*between, (0, "now")]
    if has_room:
        between = [
            (span_s, clock(end_s - span_s)),
            *((age, text) for age, text in between if 0.15 < age / span_s < 0.85),
        ]
    return [*between, (0, clock(end_s))]


def steps_of_cells(first: int, steps: int, cells: int) -> Ints:
    """Return the step (0 … steps - 1) of each of `cells` terminal cells, shape (cells,). Each has one.

    Where cells are no multiple of the steps, some steps are one cell wider. Which ones depends on their
    number on the clock (that of the first one is `first`), so that a step keeps its width while it moves to
    the left.
    """
    right = (first + steps) * cells // steps
    cell = np.arange(right - cells, right)
    return ((cell + 1) * steps - 1) // cells - first


def decade_range(low_us: float, high_us: float, min_decades: int = 2) -> tuple[float, float]:
    """Return a range of whole powers of ten, at least `min_decades`, so that an axis seldom changes."""
    first = math.floor(math.log10(max(low_us, 1.0)))
    last = max(math.ceil(math.log10(max(high_us, 1.0))), first + 1)
    while last - first < min_decades:
        first, last = (first - 1, last) if first > 0 else (first, last + 1)
    return 10.0**first, 10.0**last


def round_duration(us: float) -> str:
    """Format a round number on an axis: `10µs`, where a measured one reads `10.0µs`; `100s`, not `1m40s`."""
    return f"{us / 1e6:.0f}s" if us >= 60e6 else duration(us).replace(".00", "").replace(".0", "")


def rebin(buckets: Ints, low_us: float, high_us: float, bins: int) -> Floats:
    """Divide bucket counts into `bins` bins of equal width on a log axis from `low_us` to `high_us`.

    A bucket that spans two bins is divided in proportion: else the picture would look like a comb, because
    the widths of buckets and bins are no multiples of each other. The first and the last bin count also what
    lies outside.

    Returns:
        Counts, shape (bins,); their sum is the sum of `buckets`.
    """
    running = np.concatenate(([0], np.cumsum(buckets)))
    edges = np.log(np.maximum(EDGES_US, EDGES_US[1] / 2))
    bin_edges = np.linspace(math.log(low_us), math.log(high_us), bins + 1)
    cumulated = np.interp(bin_edges, edges, running)
    cumulated[0], cumulated[-1] = 0, running[-1]
    return np.diff(cumulated)
