"""Comparison with a baseline: the moment that the user marked, or the window some minutes before. Pure.

A change of a rate or latency is a factor (1.12 is shown as `+12%`, 3.1 as `×3.1`), a change of a share of
failures is a difference (0.032 is shown as `+3.2`, in points). What chance explains is no change, shown as
`~` (`changes.py`). Infinity means that there was nothing at the baseline (`new`), the factor 0 that there is
nothing now (`gone`), NaN that the two cannot be compared.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from tcpconntop.core import wire
from tcpconntop.core.format import count
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.types import Rows

if TYPE_CHECKING:
    from tcpconntop.core import counts
    from tcpconntop.core.window import keys as all_keys
    from tcpconntop.core.window import recent as recent_connects
    from tcpconntop.core.window import sums
    from tcpconntop.core.window.keys import Keys
    from tcpconntop.core.window.snapshot import Snapshot
else:
    counts = lazy("tcpconntop.core.counts")
    all_keys = lazy("tcpconntop.core.window.keys")
    recent_connects = lazy("tcpconntop.core.window.recent")
    sums = lazy("tcpconntop.core.window.sums")

SAME_WITHIN = 0.01
"""Factors closer to 1 than this are shown as `~`: the error of quantiles is as large."""

WORSE_FROM = 10.0
"""A verdict from which a row got worse: by the greatest factor of its quantiles, or, from 1,000, in failures.
Below it are the places in `VERDICTS`, and the fraction is how busy it is."""

VERDICTS = ("~", "better", "less", "more", "gone", "new")
"""What happened to a row that did not get worse, from what concerns least on. `~` is what chance explains;
`more` and `less` are of connects a second."""


def without_history(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without its history: a baseline that is kept for hours needs little memory."""
    window = replace(
        snapshot.window,
        slices=(),
        history=(),
        older=sums.RunningSums(),
        recent=recent_connects.RecentConnects(np.empty(0, wire.EVENT)),
    )
    return replace(snapshot, window=window)


def match_rows(keys: Keys, baseline: Keys, fields: tuple[str, ...]) -> Rows:
    """Return the index of each key among the keys of the baseline, or -1, shape (n,).

    Args:
        keys: keys of n rows, distinct in `fields`.
        baseline: keys of the baseline's rows, distinct in `fields`.
        fields: the fields in which rows differ.
    """
    names = (*fields, "special")
    wanted, known = all_keys.hash_fields(keys, names), all_keys.hash_fields(baseline, names)
    order, row_of = np.argsort(known), np.full(len(keys), -1)
    indices, is_known = counts.find(known[order], wanted)
    row_of[is_known] = order[indices]
    return row_of


def unmatched_rows(row_of: Rows, n_baseline: int) -> Rows:
    """Return the baseline rows that no longer exist.

    Args:
        row_of: baseline row of each current row, or -1.
        n_baseline: number of baseline rows.
    """
    is_unmatched = np.ones(n_baseline, bool)
    is_unmatched[row_of[row_of >= 0]] = False
    return np.flatnonzero(is_unmatched)


CHANGES = ("change", "dcount", "dfail", "dp50", "dp90", "dp99")
"""The columns that compare with the baseline (`changes.py`). Rates are compared, not counts: windows of
different lengths can be."""


def says_gone(verdict: float) -> bool:
    """True if a row had connects at the baseline, and that it has none now is more than chance."""
    return change_text(verdict) == "gone"


def change_text(verdict: float) -> str:
    """Return what happened to a row: `worse`, or one of `VERDICTS`; `-` if that is not known."""
    if math.isnan(verdict):
        return "-"
    if verdict >= WORSE_FROM:
        return "worse"
    return VERDICTS[int(verdict)]


def factor_text(factor: float) -> str:
    """Format a factor in at most six characters: `+12%`, `-40%`, `×3.1`, `~`, `new`, `gone`."""
    if not math.isfinite(factor):
        return "-" if math.isnan(factor) else "new"
    if factor == 0:
        return "gone"
    if abs(factor - 1) < SAME_WITHIN:
        return "~"
    if factor < 2:
        return f"{(factor - 1) * 100:+.0f}%"
    return f"×{factor:.1f}" if factor < 9.95 else f"×{count(factor)}"


def points_text(difference: float) -> str:
    """Format a difference of shares in percentage points: `+3.2`, `-0.1`, `~`, `new`."""
    if not math.isfinite(difference):
        return "-" if math.isnan(difference) else "new"
    return "~" if abs(difference) < 0.0005 else f"{difference * 100:+.1f}"
