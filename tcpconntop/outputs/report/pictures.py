"""Pictures of block characters: timeline, histogram and heatmap of a report. They have no names."""

from __future__ import annotations

import math

import numpy as np

from tcpconntop.core.analysis.axes import decade_range, rebin, round_duration
from tcpconntop.core.analysis.heatmap import band_edges, band_of, heatmap
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.counts import MIDDLES_US
from tcpconntop.core.format import count, duration, round_elapsed, sparkline

WIDTH = 60
"""The most steps of time."""

BAR_WIDTH = 40
LABEL_WIDTH = 9
ROWS_PER_DECADE = 3

SHADES = " ░▒▓█"


def timeline(selection: Selection) -> str:
    """Return attempts, failures and p99 over time, one sparkline each."""
    steps = selection.series(WIDTH, (0.99,))
    attempts, failed, p99 = steps.attempts[0], steps.failed[0], steps.quantiles_us[0, :, 0]
    rows = [
        ("attempts", attempts, f"most {count(attempts.max(initial=0))}"),
        ("failed", failed, f"most {count(failed.max(initial=0))}"),
        ("p99", p99, f"most {duration(float(np.nanmax(p99)) if (p99 > 0).any() else math.nan)}"),
    ]
    lines = [f"{name:>{LABEL_WIDTH}} {sparkline(values.tolist())} {most}" for name, values, most in rows]
    return "\n".join(
        [*lines, f"{'':{LABEL_WIDTH}} a sign is {round_elapsed(steps.step_s)}, the last one is now"]
    )


def histogram(selection: Selection) -> str:
    """Return how many connects took how long; empty where none succeeded."""
    filled = np.flatnonzero(selection.buckets)
    if not len(filled):
        return ""
    low_us, high_us, bins = _range(float(MIDDLES_US[filled[0]]), float(MIDDLES_US[filled[-1]]))
    counts = rebin(selection.buckets, low_us, high_us, bins)
    edges = np.geomspace(low_us, high_us, bins + 1)
    most = counts.max()
    shown = np.flatnonzero(counts >= 0.5)
    return "\n".join(
        f"{'≥' + duration(edges[n]):>{LABEL_WIDTH}} {_bar(float(counts[n] / most))}{count(counts[n])}"
        for n in range(shown[0], shown[-1] + 1)
    )


def latency_over_time(selection: Selection) -> str:
    """Return the heatmap, the slowest above; empty where no connect succeeded within its reach."""
    heat = heatmap(selection.snapshot, selection.group_of, WIDTH)
    if not len(heat.buckets):
        return ""
    low_us, high_us, rows = _range(*heat.range_us)
    counts = heat.matrix(low_us, high_us, rows)
    edges = band_edges(float(counts.max()), len(SHADES) - 1)
    bands = np.minimum(band_of(counts, edges), len(SHADES) - 1)
    lower = np.geomspace(low_us, high_us, rows + 1)
    known = slice(heat.first_known_step, None)
    lines = [
        f"{('≥' + round_duration(lower[row])) if row % ROWS_PER_DECADE == 0 else '':>{LABEL_WIDTH}} "
        + "".join(SHADES[band] for band in bands[row, known].tolist())
        for row in reversed(range(rows))
    ]
    lines.append(f"{'failed':>{LABEL_WIDTH}} {sparkline(heat.failed[known].tolist())}")
    shades = ", ".join(f"{shade} from {edge:,}" for shade, edge in zip(SHADES[1:], edges, strict=False))
    lines.append(f"{'':{LABEL_WIDTH}} a sign is {round_elapsed(heat.step_s)}; connects: {shades}")
    return "\n".join(map(str.rstrip, lines))


def _bar(share: float) -> str:
    return "█" * max(round(share * BAR_WIDTH), 1) + " " if share > 0.001 else ""


def _range(low_us: float, high_us: float) -> tuple[float, float, int]:
    """Return the ends of a log axis of latency, and its number of rows."""
    low_us, high_us = decade_range(low_us, high_us)
    return low_us, high_us, round(math.log10(high_us / low_us)) * ROWS_PER_DECADE
