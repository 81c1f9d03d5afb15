"""The trends of the visible rows over the window, computed step by step.

The window is divided into steps. When a step ends, only the steps that were not complete are computed: a
refresh merges one or two steps of history instead of the whole window, which took 78 of 105 ms.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.axes import steps_of_cells
from tcpconntop.core.analysis.regression import find_regressions
from tcpconntop.core.analysis.series import Series, TimeAxis, series
from tcpconntop.core.types import Floats, Ints
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import KEY
from tcpconntop.tui.text.severity import LATENCY_PAINTS, latency_levels
from tcpconntop.tui.text.sparkline import DOT, sparklines

STEPS, MAX_STEPS = 20, 40
"""Number of steps if no sparkline is drawn, and the most that are: in a wide one a step has several cells."""

QUIET = "quiet"
"""The colour of what is not slow, so that what is slow stands out."""


class Trend(NamedTuple):
    """The trend of a row.

    Attributes:
        runs: p99 over time as a sparkline, cut where its colour changes: text and name of the colour.
        worse: keys of the columns whose metric got worse in the window.
    """

    runs: tuple[tuple[str, str], ...]
    worse: frozenset[str]

    @property
    def line(self) -> str:
        """The sparkline without colours."""
        return "".join(text for text, _ in self.runs)


class _Steps(NamedTuple):
    """Values of a row per step, oldest first: attempts, failures and p99 (µs), each of shape (steps,)."""

    attempts: Floats
    failed: Floats
    p99: Floats


class TrendCache:
    """Trends of rows by identity."""

    def __init__(self) -> None:
        self._steps: dict[bytes, _Steps] = {}
        self._trends: dict[bytes, Trend] = {}
        self._key: tuple[object, ...] = ()
        self._axis, self._keys = TimeAxis(1, 0, 0), np.empty(0, KEY)

    def get(self, view: View, rows: range, steps: int = STEPS, cells: int = 0) -> list[Trend]:
        """Return the trends of some rows.

        Args:
            view: the view.
            rows: the visible rows; unknown steps of all of them are computed together.
            steps: the most steps of a sparkline.
            cells: its width; 0 is a cell for each step.
        """
        snapshot, axis = view.snapshot, TimeAxis.covering(view.snapshot, steps)
        key = (axis.step_s, snapshot.window_s, view.spec.group_by, view.spec.where.text, steps, cells)
        is_earlier = axis.first < self._axis.first or axis.end < self._axis.end
        if key != self._key or is_earlier or (axis != self._axis and not self._same_keys(view)):
            self._key, self._steps = key, {}
        identities = [view.identity(row) for row in rows]
        if axis != self._axis or not self._steps:
            self._advance(view, rows, identities, axis)
        missing = [index for index, identity in enumerate(identities) if identity not in self._steps]
        computed = _compute_steps(view, [rows[index] for index in missing], axis)
        self._steps |= zip([identities[index] for index in missing], computed, strict=True)
        undrawn = [identity for identity in identities if identity not in self._trends]
        drawn = _draw_trends([self._steps[identity] for identity in undrawn], axis, max(cells, axis.steps))
        self._trends |= zip(undrawn, drawn, strict=True)
        return [self._trends[identity] for identity in identities]

    def _advance(self, view: View, rows: range, identities: list[bytes], axis: TimeAxis) -> None:
        """Move to a new axis: keep the complete steps of the visible rows and compute the others."""
        last = self._axis.end - 1  # this step was not complete
        kept = [index for index, identity in enumerate(identities) if identity in self._steps]
        newer = _compute_steps(view, [rows[index] for index in kept], axis.from_step(max(last, axis.first)))
        self._steps = {
            identities[index]: _join_steps(self._steps[identities[index]], steps, axis)
            for index, steps in zip(kept, newer, strict=True)
        }
        self._trends = {}
        self._axis, self._keys = axis, view.snapshot.window.keys

    def _same_keys(self, view: View) -> bool:
        """True if no key was folded since: a folded key moves its history to another row."""
        before, now = (keys.view(np.uint64) for keys in (self._keys, view.snapshot.window.keys))
        return np.array_equal(before, now[: len(before)])


def _compute_steps(view: View, rows: list[int], axis: TimeAxis) -> list[_Steps]:
    """Return the steps of some rows."""
    if not rows:
        return []
    result = series(view.snapshot, view.number_rows(np.array(rows)), len(rows), axis)
    values = zip(result.attempts, result.failed, result.quantiles_us[:, :, 0], strict=True)
    return [_Steps(*of_row) for of_row in values]


def _join_steps(older: _Steps, newer: _Steps, axis: TimeAxis) -> _Steps:
    """Return the steps of an axis: the last of them from `newer`, those before from `older`."""
    n_known = axis.steps - len(newer.p99)
    return _Steps(
        *(
            np.concatenate((before[len(before) - 1 - n_known : -1], after))
            for before, after in zip(older, newer, strict=True)
        )
    )


def _draw_trends(rows: list[_Steps], axis: TimeAxis, cells: int) -> list[Trend]:
    if not rows:
        return []
    attempts, failed, p99 = (np.stack(values) for values in zip(*rows, strict=True))
    regressions = find_regressions(Series(0.0, attempts, failed, p99[:, :, np.newaxis]))
    masks = {"p99": regressions.slower, "fail": regressions.failing}
    worse = [frozenset(key for key, mask in masks.items() if mask[row]) for row in range(len(rows))]
    step_of = steps_of_cells(axis.first, axis.steps, cells).tolist()
    levels: Ints = latency_levels(p99)
    slow = set(np.flatnonzero(levels.max(axis=1, initial=0)).tolist())
    lines = [_stretched(line, step_of) for line in sparklines(p99)]
    runs = [
        _runs(line, levels[row, step_of].tolist()) if row in slow else ((line, QUIET),)
        for row, line in enumerate(lines)
    ]
    return [Trend(*trend) for trend in zip(runs, worse, strict=True)]


def _stretched(line: str, step_of: list[int]) -> str:
    """Return a sparkline with the cells of each step; a dot stays a dot."""
    stretched = "".join(map(line.__getitem__, step_of))
    dot = stretched.rfind(DOT)
    return stretched if dot < 0 else f"{' ' * dot}{DOT}".ljust(len(stretched))


def _runs(line: str, levels: list[int]) -> tuple[tuple[str, str], ...]:
    """Cut a sparkline where its colour changes."""
    runs, start = [], 0
    for level, run in groupby(levels):
        end = start + sum(1 for _ in run)
        runs.append((line[start:end], LATENCY_PAINTS[level] or QUIET))
        start = end
    return tuple(runs)
