"""Exact per-row figures: outcomes, retransmits, and count, sum, minimum and maximum of the latency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcpconntop.core.wire import N_OUTCOMES, Events, Outcome

STATS = np.dtype(
    [
        ("outcomes", "i8", (N_OUTCOMES,)),
        ("syn_retransmits", "i8"),
        ("sum_ns", "i8"),  # of the connects that succeeded, as are the next three
        ("min_ns", "i8"),
        ("max_ns", "i8"),
        ("last_ns", "i8"),  # latency of the last one; -1 before there is one
        ("end_ns", "i8"),  # when the last attempt of any outcome ended
    ]
)
_SUMS = ("outcomes", "syn_retransmits", "sum_ns")
NO_MINIMUM = np.iinfo(np.int64).max

Stats = npt.NDArray[np.void]
Rows = npt.NDArray[np.int64]


def empty(n: int) -> Stats:
    """Figures of n rows that have seen nothing, shape (n,)."""
    stats = np.zeros(n, STATS)
    stats["min_ns"] = NO_MINIMUM
    stats["last_ns"] = -1
    return stats


def of_events(events: Events, rows: Rows) -> tuple[Rows, Stats]:
    """Sum up records by row.

    Args:
        events: records in the order in which they ended.
        rows: the row of each record.

    Returns:
        The distinct rows, ascending, and their figures.
    """
    order = np.argsort(rows, kind="stable")
    events, rows = events[order], rows[order]
    group_starts = np.flatnonzero(np.concatenate((rows[:1] == rows[:1], rows[1:] != rows[:-1])))
    group_ends = np.append(group_starts[1:], len(rows))
    group = np.repeat(np.arange(len(group_starts)), group_ends - group_starts)
    stats = empty(len(group_starts))
    outcomes = np.bincount(group * N_OUTCOMES + events["outcome"], minlength=len(stats) * N_OUTCOMES)
    stats["outcomes"] = outcomes.reshape(len(stats), N_OUTCOMES)
    stats["syn_retransmits"] = np.add.reduceat(events["syn_retransmits"].astype(np.int64), group_starts)
    stats["end_ns"] = events["end_ns"][group_ends - 1]

    ok = events["outcome"] == Outcome.OK
    latency = latency_ns(events).astype(np.int64)
    stats["sum_ns"] = np.add.reduceat(np.where(ok, latency, 0), group_starts)
    stats["min_ns"] = np.minimum.reduceat(np.where(ok, latency, NO_MINIMUM), group_starts)
    stats["max_ns"] = np.maximum.reduceat(np.where(ok, latency, 0), group_starts)
    last_ok = np.maximum.reduceat(np.where(ok, np.arange(len(events)), -1), group_starts)
    stats["last_ns"] = np.where(last_ok >= 0, latency[last_ok], -1)
    return rows[group_starts], stats


def latency_ns(events: Events) -> npt.NDArray[np.uint64]:
    """Give the time from begin to end of each record; 0 where the clock readings are out of order."""
    later = events["end_ns"] > events["begin_ns"]
    latency: npt.NDArray[np.uint64] = np.where(later, events["end_ns"] - events["begin_ns"], np.uint64(0))
    return latency


def add(stats: Stats, rows: Rows, more: Stats) -> None:
    """Add the figures `more` of distinct rows to `stats`, in place."""
    for name in _SUMS:
        stats[name][rows] += more[name]
    stats["min_ns"][rows] = np.minimum(stats["min_ns"][rows], more["min_ns"])
    stats["max_ns"][rows] = np.maximum(stats["max_ns"][rows], more["max_ns"])
    later = more["end_ns"] >= stats["end_ns"][rows]
    stats["end_ns"][rows[later]] = more["end_ns"][later]
    later &= more["last_ns"] >= 0
    stats["last_ns"][rows[later]] = more["last_ns"][later]


def subtract_sums(stats: Stats, rows: Rows, less: Stats) -> None:
    """Take the sums `less` of distinct rows from `stats`, in place. Extremes are left for the caller."""
    for name in _SUMS:
        stats[name][rows] -= less[name]


def regroup(stats: Stats, groups: Rows, n_groups: int) -> Stats:
    """Merge rows: row i goes to group groups[i] (0 … n_groups - 1), and -1 drops it."""
    merged = empty(n_groups)
    kept = np.flatnonzero(groups >= 0)
    order = kept[np.lexsort((stats["end_ns"][kept], groups[kept]))]
    groups = groups[order]
    starts = np.flatnonzero(np.concatenate((groups[:1] == groups[:1], groups[1:] != groups[:-1])))
    if not len(starts):
        return merged
    at, rows = groups[starts], stats[order]
    for name in _SUMS:
        merged[name][at] = np.add.reduceat(rows[name], starts)
    merged["min_ns"][at] = np.minimum.reduceat(rows["min_ns"], starts)
    merged["max_ns"][at] = np.maximum.reduceat(rows["max_ns"], starts)
    merged["end_ns"][at] = np.maximum.reduceat(rows["end_ns"], starts)
    position = np.where(rows["last_ns"] >= 0, np.arange(len(rows)), -1)
    newest = np.maximum.reduceat(position, starts)
    merged["last_ns"][at] = np.where(newest >= 0, rows["last_ns"][newest], -1)
    return merged


def attempts(stats: Stats) -> npt.NDArray[np.int64]:
    """Count the ended attempts of each row, whatever their outcome."""
    total: npt.NDArray[np.int64] = stats["outcomes"].sum(axis=1)
    return total
