"""The past that a snapshot keeps, of the connects that a filter leaves: its overview, and where a spike was.

Slices do not change, so what they have of some keys is kept with them (`selected.py`), and so is its p99: a
later overview reads the new slices alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.axes import round_step
from tcpconntop.core.analysis.overview import Overview, p99_with_low
from tcpconntop.core.analysis.spikes import FACTOR, Spike
from tcpconntop.core.counts import CELLS, bucket_of
from tcpconntop.core.types import SECOND_NS, Floats
from tcpconntop.core.view.filter import NO_FILTER, Filter
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.view.row_map import map_rows
from tcpconntop.core.window.selected import SelectedCounts, selected_counts
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

PAST_STEPS = 120
"""Steps of the kept past, at most: a quarter of an hour in steps of ten seconds."""

MOST = 0.5
"""From this share of a spike's connects on, a destination is named."""


class Destination(NamedTuple):
    """Where the connects of a spike went that were slow, or that failed.

    Attributes:
        name: address and port.
        share: its share of these connects, at least `MOST`.
    """

    name: str
    share: float


def past_overview(snapshot: Snapshot, where: Filter = NO_FILTER) -> Overview:
    """Return the past that a snapshot keeps, as long as one can look back.

    A slice that is longer than a step counts evenly in its steps, and each of these has its p99.

    Args:
        snapshot: the snapshot.
        where: which connects count; only its terms about keys are applied.
    """
    slices = snapshot.window.history
    first = slices[0].second if slices else snapshot.second
    seconds = snapshot.second + 1 - first
    step_s = round_step(seconds, PAST_STEPS)
    first = first // step_s * step_s
    n = -(-(snapshot.second + 1 - first) // step_s)
    attempts, failed = np.zeros(n), np.zeros(n)
    p99_us, p99_low_us, block_of = np.full(n, np.nan), np.full(n, np.nan), np.arange(n)

    def steps_of(counted: tuple[Slice, SelectedCounts]) -> tuple[int, int]:
        part = counted[0]
        return (part.second - first) // step_s, (part.second + part.seconds - 1 - first) // step_s

    selected = where.match_keys(snapshot.window.keys, snapshot.names)
    counted = zip(slices, selected_counts(slices, selected), strict=True)
    for (start, last), parts in groupby(counted, steps_of):
        sums = [part for _, part in parts]
        together = slice(max(start, 0), min(last, n - 1) + 1)
        share = 1 / max(together.stop - together.start, 1)
        attempts[together] += sum(part.attempts for part in sums) * share
        failed[together] += sum(part.failed for part in sums) * share
        p99, low = sums[0].once(_p99_of_one) if len(sums) == 1 else _p99(sums)
        block_of[together] = together.start
        p99_us[together] = np.fmax(p99_us[together], p99)
        p99_low_us[together] = np.fmax(p99_low_us[together], low)
    return Overview(first, step_s, attempts, failed, p99_us, p99_low_us, n, np.maximum.accumulate(block_of))


def _p99(sums: Sequence[SelectedCounts]) -> tuple[float, float]:
    """Return the p99 of slices together, and the lower end of its interval."""
    buckets = np.zeros(CELLS, np.int64)
    for part in sums:
        buckets[part.latency.codes] += part.latency.counts
    return p99_with_low(buckets)


def _p99_of_one(sums: SelectedCounts) -> tuple[float, float]:
    return _p99([sums])


def main_destination(
    snapshot: Snapshot, overview: Overview, spike: Spike, where: Filter = NO_FILTER
) -> Destination | None:
    """Return the destination that most of a spike's slow connects went to, or most of those that failed.

    Slow is what took three times the p99 before the spike. None if there is no such destination, or if the
    snapshot does not keep all of that time.

    Args:
        snapshot: keeps the time of the spike.
        overview: what the spike was found in.
        spike: the spike.
        where: which connects the overview is of.
    """
    began_ns, end_ns = overview.end_ns(spike.first - 1), overview.end_ns(spike.last)
    slices = snapshot.window.history
    if not slices or slices[0].second * SECOND_NS > began_ns or snapshot.now_ns < end_ns - overview.step_ns:
        return None
    inside = [
        part
        for part in slices
        if began_ns <= (part.second + part.seconds / 2) * SECOND_NS < end_ns  # most of it
    ]
    keys = snapshot.window.keys
    counts = _slow_of(inside, len(keys), spike.usual_us) if spike.slow else _failed_of(inside, len(keys))
    counts[~where.match_keys(keys, snapshot.names)] = 0
    rows = np.flatnonzero(counts)
    if not len(rows):
        return None
    row_map = map_rows(keys, rows, "dest")
    of_destination = np.bincount(row_map.group_of[rows], counts[rows])
    at = int(of_destination.argmax())
    share = float(of_destination[at] / of_destination.sum())
    if share < MOST or row_map.keys[at]["special"]:
        return None
    return Destination(address_port_text(row_map.keys[at], snapshot.places), share)


def _slow_of(slices: Sequence[Slice], n_keys: int, usual_us: float) -> Floats:
    """Return how many connects of each key took `FACTOR` times a usual latency, shape (n_keys,)."""
    counts = np.zeros(n_keys)
    least = bucket_of(np.array([math.ceil(FACTOR * usual_us * 1e3)], np.uint64))[0]
    for part in slices:
        latency = part.latency
        slow = latency.cells() >= least
        counts += np.bincount(latency.rows()[slow], latency.counts[slow], n_keys)
    return counts


def _failed_of(slices: Sequence[Slice], n_keys: int) -> Floats:
    """Return how many connects of each key failed, shape (n_keys,)."""
    counts = np.zeros(n_keys)
    for part in slices:
        counts[part.rows] += part.outcomes()[:, Outcome.OK + 1 :].sum(axis=1)
    return counts
