"""The sparklines of the rows that can be seen: a row's is drawn anew when a step of time is over."""

from __future__ import annotations

import math

import numpy as np

from tcpconntop.core.series import series
from tcpconntop.core.view import View
from tcpconntop.tui.spark import calm_rows


class Trends:
    """Sparklines of p99 per step, by the identity of the row, whatever place it has now."""

    def __init__(self) -> None:
        self._lines: dict[bytes, str] = {}
        self._of: tuple[object, ...] = ()

    def line(self, view: View, row: int, rows: tuple[int, int], steps: int) -> str:
        """Give the sparkline of a row.

        Args:
            view: whose row it is.
            row: the row.
            rows: first and one past the last row that can be seen; what is missing of them is computed
                together.
            steps: how many bars there is room for.
        """
        of = (_step(view, steps), view.snapshot.window_s, view.spec.group_by, view.spec.where.text, steps)
        if of != self._of:
            self._of, self._lines = of, {}
        identity = view.identity(row)
        if identity not in self._lines:
            missing = [at for at in range(*rows) if view.identity(at) not in self._lines]
            for at, line in zip(missing, _sparklines(view, missing, steps), strict=True):
                self._lines[view.identity(at)] = line
        return self._lines[identity]


def _step(view: View, steps: int) -> int:
    """Number the running step of time, on the clock of the records."""
    snapshot = view.snapshot
    span_s = snapshot.span_s if snapshot.window_s is None else snapshot.window_s
    return snapshot.second // max(1, math.ceil(span_s / steps))


def _sparklines(view: View, rows: list[int], steps: int) -> list[str]:
    found = series(view.snapshot, view.group_of(np.array(rows)), len(rows), steps)
    return calm_rows(found.quantiles_us[:, :, 0])
