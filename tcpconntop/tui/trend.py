"""What the rows that can be seen did over the window: drawn anew when a step of time is over."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tcpconntop.core.series import series
from tcpconntop.core.view import View
from tcpconntop.core.worse import worse
from tcpconntop.tui.spark import calm_rows

STEPS = 20
"""How many steps there are where no sparkline is drawn."""


class Trend(NamedTuple):
    """What a row did.

    Attributes:
        line: its p99 per step, as a sparkline.
        worse: keys of the columns whose figures got worse.
    """

    line: str
    worse: frozenset[str]


class Trends:
    """The trends by the identity of the row, whatever place it has now."""

    def __init__(self) -> None:
        self._trends: dict[bytes, Trend] = {}
        self._of: tuple[object, ...] = ()

    def of(self, view: View, rows: range, steps: int = STEPS) -> list[Trend]:
        """Give the trends of some rows.

        Args:
            view: whose rows they are.
            rows: the rows that can be seen; what is not known of them is computed together.
            steps: how many bars there is room for.
        """
        of = (_step(view, steps), view.snapshot.window_s, view.spec.group_by, view.spec.where.text, steps)
        if of != self._of:
            self._of, self._trends = of, {}
        identities = [view.identity(row) for row in rows]
        missing = [at for at, identity in enumerate(identities) if identity not in self._trends]
        found = _trends(view, [rows[at] for at in missing], steps) if missing else []
        for at, trend in zip(missing, found, strict=True):
            self._trends[identities[at]] = trend
        return [self._trends[identity] for identity in identities]


def _step(view: View, steps: int) -> int:
    """Number the running step of time, on the clock of the records."""
    snapshot = view.snapshot
    span_s = snapshot.span_s if snapshot.window_s is None else snapshot.window_s
    return snapshot.second // max(1, math.ceil(span_s / steps))


def _trends(view: View, rows: list[int], steps: int) -> list[Trend]:
    found = series(view.snapshot, view.group_of(np.array(rows)), len(rows), steps)
    changed = worse(found)
    marks = [
        frozenset(key for key, mask in (("p99", changed.slower), ("fail", changed.failing)) if mask[at])
        for at in range(len(rows))
    ]
    return [Trend(*pair) for pair in zip(calm_rows(found.quantiles_us[:, :, 0]), marks, strict=True)]
