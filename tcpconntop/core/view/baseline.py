"""What has changed since a moment that the user marked. Pure.

A change of rate or latency is a factor (1.12 reads `+12%`, 3.1 reads `×3.1`), one of the share of failures
a difference (0.032 reads `+3.2`, in points). Infinity stands for what was not there at the mark (`new`), the
factor 0 for what is no longer there (`gone`), NaN for what cannot be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tcpconntop.core.counts import find
from tcpconntop.core.format import count
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.window.keys import Keys, hash_fields
from tcpconntop.core.window.recent import RecentConnects
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.window.sums import RunningSums
from tcpconntop.core.wire import EVENT

Metrics = Mapping[str, Floats]

SAME_WITHIN = 0.01
"""Factors nearer to 1 than this read `=`: quantiles are no more exact than that."""


def without_history(snapshot: Snapshot) -> Snapshot:
    """Give a snapshot without its history, so that a mark that is kept for hours keeps little else."""
    window = replace(
        snapshot.window, slices=(), history=(), older=RunningSums(), recent=RecentConnects(np.empty(0, EVENT))
    )
    return replace(snapshot, window=window)


def match_rows(keys: Keys, baseline: Keys, fields: tuple[str, ...]) -> Rows:
    """Give for each key the place of the same one among the baseline, or -1, shape (n,).

    Args:
        keys: of the rows, distinct in `fields`.
        baseline: of the rows at the mark, distinct as well.
        fields: what tells rows apart.
    """
    names = (*fields, "special")
    wanted, known = hash_fields(keys, names), hash_fields(baseline, names)
    order, at = np.argsort(known), np.full(len(keys), -1)
    places, there = find(known[order], wanted)
    at[there] = order[places]
    return at


def unmatched_rows(at: Rows, n: int) -> Rows:
    """Give the places at the mark that no row of now has.

    Args:
        at: for each row of now its place at the mark, or -1.
        n: how many places there are.
    """
    left = np.ones(n, bool)
    left[at[at >= 0]] = False
    return np.flatnonzero(left)


class Change(NamedTuple):
    """What a column compares: a figure now and at the mark, and how."""

    metric: str
    operation: np.ufunc


CHANGES = {
    "dcount": Change("rate", np.divide),
    "dfail": Change("fail", np.subtract),
    "dp99": Change("p99", np.divide),
}
"""By column. Counts are compared as rates: a window that has just begun, or another one, is no change."""


def compare_with_baseline(key: str, now: Floats, baseline: Metrics, at: Rows) -> Floats:
    """Compare a figure of rows with that at the mark, shape (n,).

    Args:
        key: one of `CHANGES`.
        now: the figure that it is about.
        baseline: figures of the rows at the mark.
        at: for each row its place at the mark, or -1.
    """
    of, how = CHANGES[key]
    before = np.append(baseline[of], np.nan)[at]  # -1 is the one at the end
    with np.errstate(divide="ignore", invalid="ignore"):
        change: Floats = how(now, before)
    change[np.isnan(before) & ~np.isnan(now)] = np.inf
    return change


def factor_text(factor: float) -> str:
    """Spell a factor in at most six characters: `+12%`, `-40%`, `×3.1`, `=`, `new`, `gone`."""
    if not math.isfinite(factor):
        return "-" if math.isnan(factor) else "new"
    if factor == 0:
        return "gone"
    if abs(factor - 1) < SAME_WITHIN:
        return "="
    if factor < 2:
        return f"{(factor - 1) * 100:+.0f}%"
    return f"×{factor:.1f}" if factor < 9.95 else f"×{count(factor)}"


def points_text(difference: float) -> str:
    """Spell a difference of shares in percentage points: `+3.2`, `-0.1`, `=`, `new`."""
    if not math.isfinite(difference):
        return "-" if math.isnan(difference) else "new"
    return "=" if abs(difference) < 0.0005 else f"{difference * 100:+.1f}"
