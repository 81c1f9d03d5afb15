"""Sparklines with a scale on which a steady series is half high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tcpconntop.core.format import EIGHTHS
from tcpconntop.core.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt


BLOCKS = (" ", *EIGHTHS)
DOT = "·"
"""A value that is the only one: it has no height, because there is nothing to compare it with."""


def sparklines(values: npt.NDArray[np.float64]) -> list[str]:
    """Return a line of blocks for each row of values, shape (rows, steps); a space for NaN.

    The scale of a row begins at 0 and reaches at least twice its median. So a steady series is half high, and
    only a real rise fills a cell. A row with a single value has a dot there.
    """
    rows, steps = values.shape
    if not rows or not steps:
        return [""] * rows
    known = ~np.isnan(values)
    ordered = np.sort(values, axis=1)  # NaN last
    n, row = known.sum(axis=1), np.arange(rows)
    twice_median = ordered[row, np.maximum(n - 1, 0) // 2] + ordered[row, n // 2 % steps]
    top = np.fmax(np.where(n > 0, ordered[row, np.maximum(n - 1, 0)], 0), twice_median)[:, np.newaxis]
    shares = np.divide(values, top, out=np.zeros_like(values), where=known & (top > 0))
    heights = np.where(known, 1 + np.minimum((shares * 8).astype(np.int64), 7), 0)
    lines = ["".join(map(BLOCKS.__getitem__, line)) for line in heights.tolist()]
    for single in np.flatnonzero(n == 1).tolist():
        lines[single] = "".join(DOT if is_known else " " for is_known in known[single].tolist())
    return lines


def sparkline(values: Sequence[float]) -> str:
    """Return one line as `sparklines` does."""
    return sparklines(np.array([values], np.float64))[0]
