"""When something happened, as exactly as the kept slices tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.counts import find
from tcpconntop.core.format import round_elapsed
from tcpconntop.core.types import SECOND_NS, Ints, Rows
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.wire import N_OUTCOMES


class Happened(NamedTuple):
    """What some rows did, by slice: arrays of one length, an element for each row that a slice has.

    Attributes:
        begin_ns, end_ns: the time of the slice; the end is not in it.
        row: row of the window.
        counts: ended attempts by `Outcome`, shape (n, N_OUTCOMES).
    """

    begin_ns: Ints
    end_ns: Ints
    row: Rows
    counts: Ints


def happened(slices: Sequence[Slice], rows: Rows, now_ns: int) -> Happened:
    """Return what rows (ascending) did in those slices that begin before `now_ns`."""
    begin, end, row, counts = [], [], [], []
    for part in slices:
        if part.second * SECOND_NS >= now_ns:
            break
        index, found = find(part.packed_rows, rows)
        if not len(index):
            continue
        begin.append(np.full(len(index), part.second * SECOND_NS))
        end.append(np.full(len(index), (part.second + part.seconds) * SECOND_NS))
        row.append(rows[found])
        counts.append(part.outcomes(index))
    if not row:
        none = np.empty(0, np.int64)
        return Happened(none, none, none, np.empty((0, N_OUTCOMES), np.int64))
    return Happened(*map(np.concatenate, (begin, end, row, counts)))


def between_text(evidence: Evidence, begin_ns: int, end_ns: int) -> str:
    """Format a time that is known to lie between two: `12:03:11`, or `between 12:03:10 and 12:03:20`.

    The end is the last nanosecond that it can be.
    """
    begin, last = evidence.time_of_day(begin_ns), evidence.time_of_day(end_ns)
    return begin if begin == last else f"between {begin} and {evidence.time_of_day(end_ns + 1)}"


def within_text(evidence: Evidence, since_ns: int) -> str:
    """Return in what time the counts are, as ` in 1m`, if they leave out a part of what is since then."""
    return f" in {round_elapsed(evidence.snapshot.span_s)}" if since_ns < evidence.began_ns else ""
