"""What a slice has of some keys together.

The panes ask for the same keys at each refresh, and slices do not change: so each slice keeps its last answers. A
refresh of 10,000 destinations reads one new slice instead of sixty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.counts import SparseCounts
from tcpconntop.core.types import Ints, Mask
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.wire import Outcome

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

    @property
    def attempts(self) -> int:
        """Ended attempts of any outcome."""
        return int(self.outcomes.sum())

    @property
    def failed(self) -> int:
        """Ended attempts that did not connect."""
        return int(self.outcomes[Outcome.OK + 1 :].sum())


def selected_counts(part: Slice, selected: Mask) -> SelectedCounts:
    """Return the sums of the selected keys in a slice.

    Args:
        part: the slice.
        selected: for each key of the window whether it counts; only those in the slice matter.
    """
    kept: dict[bytes, SelectedCounts] = vars(part).setdefault("_selected", {})
    n_rows = int(part.packed_rows[-1]) + 1 if len(part.packed_rows) else 0
    mask = selected[:n_rows]
    name = np.packbits(mask).tobytes()
    counts = kept.get(name)
    if counts is None:
        counts = _all(part) if mask.all() else _some(part, np.flatnonzero(mask))
        while len(kept) >= MAX_KEPT:
            del kept[next(iter(kept))]
        kept[name] = counts
    return counts


def _all(part: Slice) -> SelectedCounts:
    cells = (part.buckets, part.packed_errors.cell_totals())
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
