"""The sparklines of the rows that can be seen, computed once for each view and scroll position."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.series import series
from tcpconntop.core.view import View
from tcpconntop.tui.spark import calm


class Trends:
    """Sparklines of p99 per step for a range of rows."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._asked = (0, 0, 0)
        self._lines: list[str] = []

    def line(self, view: View, row: int, rows: tuple[int, int], steps: int) -> str:
        """Give the sparkline of a row.

        Args:
            view: whose row it is.
            row: the row.
            rows: first and one past the last row that can be seen; all of them are computed together.
            steps: how many bars there is room for.
        """
        asked = (*rows, steps)
        if view is not self._view or asked != self._asked:
            self._view, self._asked = view, asked
            self._lines = _sparklines(view, rows, steps)
        return self._lines[row - rows[0]]


def _sparklines(view: View, rows: tuple[int, int], steps: int) -> list[str]:
    shown = np.arange(*rows)
    found = series(view.snapshot, view.group_of(shown), len(shown), steps)
    return [calm(values) for values in found.quantiles_us[:, :, 0].tolist()]
