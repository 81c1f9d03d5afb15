"""What a slice has of some keys together.

The panes ask for the same keys at each refresh, and slices do not change: so each slice keeps its answers. A
refresh of 10,000 destinations reads one new slice instead of sixty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from tcpconntop.core.counts import SparseCounts
from tcpconntop.core.types import Ints, Mask
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.wire import Outcome

T = TypeVar("T")

MAX_KEPT = 3
"""Answers that a slice keeps."""


@dataclass(frozen=True, eq=False)
class SelectedCounts:
    """The sums of some keys in a slice.

    Attributes:
        outcomes: ended attempts by `Outcome`, shape (6,).
        latency: latency buckets of successful connects; the codes are the buckets.
        errors: errno counts of failed attempts; the codes are the errnos.
    """

    outcomes: Ints
    latency: SparseCounts
    errors: SparseCounts
    _shared: dict[object, object] = field(default_factory=dict, init=False)

    @cached_property
    def attempts(self) -> int:
        """Ended attempts of any outcome."""
        return int(self.outcomes.sum())

    @cached_property
    def failed(self) -> int:
        """Ended attempts that did not connect."""
        return int(self.outcomes[Outcome.OK + 1 :].sum())

    def once(self, compute: Callable[[SelectedCounts], T]) -> T:
        """Return `compute(self)`, computed the first time only."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return cast("T", self._shared[compute])


def selected_counts(slices: Sequence[Slice], selected: Mask) -> list[SelectedCounts]:
    """Return the sums of the selected keys in each slice.

    Args:
        slices: the slices.
        selected: for each key of the window whether it counts.
    """
    bits = np.packbits(selected).tobytes()
    return [_counts_in(part, selected, bits) for part in slices]


def _counts_in(part: Slice, selected: Mask, bits: bytes) -> SelectedCounts:
    n_rows = int(part.packed_rows[-1]) + 1 if len(part.packed_rows) else 0
    whole, more = divmod(n_rows, 8)
    name = bits[:whole] + (bytes((bits[whole] >> 8 - more,)) if more else b"")  # of keys that the slice knows
    kept: dict[bytes, SelectedCounts] = vars(part).setdefault("_selected", {})
    counts = kept.get(name)
    if counts is None:
        rows = np.flatnonzero(selected[:n_rows])
        counts = _all(part) if len(rows) == n_rows else _some(part, rows)
        while len(kept) >= MAX_KEPT:
            del kept[next(iter(kept))]
        kept[name] = counts
    return counts


def _all(part: Slice) -> SelectedCounts:
    cells = (part.buckets.astype(np.int64), part.packed_errors.cell_totals())
    filled = [np.flatnonzero(totals) for totals in cells]
    latency, errors = (
        SparseCounts(index, totals[index]) for index, totals in zip(filled, cells, strict=True)
    )
    return SelectedCounts(part.outcomes().sum(axis=0), latency, errors)


def _some(part: Slice, rows: Ints) -> SelectedCounts:
    one_row = np.zeros(len(rows), np.int64)
    latency, errors = (
        SparseCounts.from_codes([packed.select(rows, one_row)])
        for packed in (part.packed_latency, part.packed_errors)
    )
    return SelectedCounts(part.outcomes(part.indices(rows)).sum(axis=0), latency, errors)
