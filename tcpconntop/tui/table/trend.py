"""What the rows that can be seen did over the window: drawn anew when a step of time is over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.regression import find_regressions
from tcpconntop.core.analysis.series import Series, TimeAxis, series
from tcpconntop.core.types import Floats
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import KEY
from tcpconntop.tui.text.sparkline import sparklines

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


class _Known(NamedTuple):
    """The steps of a row, oldest first: attempts, failures and p99 (µs), each of shape (steps,)."""

    attempts: Floats
    failed: Floats
    p99: Floats


class TrendCache:
    """The trends by the identity of the row, whatever place it has now.

    Steps that are over stay as they are: when another one begins, only those are computed that were still
    running or had not begun.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        self._trends: dict[bytes, Trend] = {}
        self._of: tuple[object, ...] = ()
        self._axis, self._keys = TimeAxis(1, 0, 0), np.empty(0, KEY)

    def get(self, view: View, rows: range, steps: int = STEPS) -> list[Trend]:
        """Give the trends of some rows.

        Args:
            view: whose rows they are.
            rows: the rows that can be seen; what is not known of them is computed together.
            steps: how many bars there is room for.
        """
        snapshot, axis = view.snapshot, TimeAxis.covering(view.snapshot, steps)
        of = (axis.step_s, snapshot.window_s, view.spec.group_by, view.spec.where.text, steps)
        earlier = axis.first < self._axis.first or axis.end < self._axis.end
        if of != self._of or earlier or (axis != self._axis and not self._same_keys(view)):
            self._of, self._known = of, {}
        identities = [view.identity(row) for row in rows]
        if axis != self._axis or not self._known:
            self._trends, running = {}, self._axis.end - 1
            going_on = [at for at, identity in enumerate(identities) if identity in self._known]
            newer = _steps(view, [rows[at] for at in going_on], axis.from_step(max(running, axis.first)))
            self._known = {
                identities[at]: _joined(self._known[identities[at]], new, axis)
                for at, new in zip(going_on, newer, strict=True)
            }
            self._axis, self._keys = axis, snapshot.window.keys
        missing = [at for at, identity in enumerate(identities) if identity not in self._known]
        for at, known in zip(missing, _steps(view, [rows[at] for at in missing], axis), strict=True):
            self._known[identities[at]] = known
        undrawn = [identity for identity in identities if identity not in self._trends]
        self._trends |= zip(undrawn, _drawn([self._known[identity] for identity in undrawn]), strict=True)
        return [self._trends[identity] for identity in identities]

    def _same_keys(self, view: View) -> bool:
        """Whether no key was folded since: then the past of a row would be that of other keys."""
        before, now = (keys.view(np.uint64) for keys in (self._keys, view.snapshot.window.keys))
        return np.array_equal(before, now[: len(before)])


def _steps(view: View, rows: list[int], axis: TimeAxis) -> list[_Known]:
    """Compute some steps of some rows."""
    if not rows:
        return []
    found = series(view.snapshot, view.number_rows(np.array(rows)), len(rows), axis)
    parts = zip(found.attempts, found.failed, found.quantiles_us[:, :, 0], strict=True)
    return [_Known(*of_row) for of_row in parts]


def _joined(known: _Known, newer: _Known, axis: TimeAxis) -> _Known:
    """Put newer steps in the place of the last ones; as many are kept as there are on the axis."""
    old = axis.steps - len(newer.p99)
    return _Known(
        *(
            np.concatenate((before[len(before) - 1 - old : -1], after))
            for before, after in zip(known, newer, strict=True)
        )
    )


def _drawn(rows: list[_Known]) -> list[Trend]:
    if not rows:
        return []
    attempts, failed, p99 = (np.stack(parts) for parts in zip(*rows, strict=True))
    changed = find_regressions(Series(0.0, attempts, failed, p99[:, :, np.newaxis]))
    marks = [
        frozenset(key for key, mask in (("p99", changed.slower), ("fail", changed.failing)) if mask[at])
        for at in range(len(rows))
    ]
    return [Trend(*pair) for pair in zip(sparklines(p99), marks, strict=True)]
