"""Exact per-row figures: outcomes, retransmits, and count, sum, minimum and maximum of the latency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import narrow
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import N_OUTCOMES, Events, Outcome

STATS = np.dtype(
    [
        ("outcomes", "i8", (N_OUTCOMES,)),
        ("syn_retransmits", "i8"),
        ("sum_ns", "i8"),  # of the connects that succeeded, as are the next four
        ("min_ns", "i8"),
        ("max_ns", "i8"),
        ("last_ns", "i8"),  # latency of the last one; -1 before there is one
        ("last_end_ns", "i8"),  # and when that one ended
        ("end_ns", "i8"),  # when the last attempt of any outcome ended
    ]
)
OK_COLUMN = Outcome.OK.label
LAST_ATTEMPT_FIELDS = ("last_ns", "last_end_ns", "end_ns")
"""The fields that speak of the last attempt: slices do without them, since no time span changes them."""
NO_MINIMUM = np.iinfo(np.int64).max

Stats = npt.NDArray[np.void]
AnyRows = npt.NDArray[np.integer]
PackedStats = Mapping[str, npt.NDArray[np.integer]]
"""Packed figures of rows (`pack`) by name, outcomes by label; one that is 0 throughout is left out."""


class Attempts(NamedTuple):
    """What the figures need of records, in the order in which they ended; arrays of one length."""

    rows: Rows
    outcome: npt.NDArray[np.uint8]
    error: npt.NDArray[np.uint16]
    syn_retransmits: npt.NDArray[np.uint16]
    latency_ns: npt.NDArray[np.uint64]
    end_ns: npt.NDArray[np.uint64]

    @classmethod
    def from_events(cls, events: Events, rows: Rows) -> Attempts:
        """Copy it out of records; `rows` gives the row of each."""
        end_ns = np.ascontiguousarray(events["end_ns"])
        outcome, error, again = (events[name].copy() for name in ("outcome", "error", "syn_retransmits"))
        return cls(rows, outcome, error, again, latency_ns(events), end_ns)

    @classmethod
    def concatenate(cls, parts: list[Attempts]) -> Attempts:
        """Join several, oldest first."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def empty(n: int) -> Stats:
    """Figures of n rows that have seen nothing, shape (n,)."""
    stats = np.zeros(n, STATS)
    stats["min_ns"] = NO_MINIMUM
    stats["last_ns"] = -1
    return stats


def extended(stats: Stats, n_rows: int) -> Stats:
    """Give figures that have room for rows 0 … n_rows - 1: the same ones where they have."""
    if n_rows <= len(stats):
        return stats
    return np.concatenate((stats, empty(n_rows)))


def from_attempts(attempts: Attempts, n_rows: int) -> Stats:
    """Sum up attempts by row, shape (n_rows,)."""
    stats = empty(n_rows)
    places = attempts.rows * N_OUTCOMES + attempts.outcome
    stats["outcomes"] = np.bincount(places, minlength=n_rows * N_OUTCOMES).reshape(n_rows, N_OUTCOMES)
    again = np.flatnonzero(attempts.syn_retransmits)
    np.add.at(
        stats["syn_retransmits"], attempts.rows[again], attempts.syn_retransmits[again].astype(np.int64)
    )
    stats["end_ns"][attempts.rows] = attempts.end_ns  # of equal rows, the last one stays

    ok = np.flatnonzero(attempts.outcome == Outcome.OK)
    rows, latency = attempts.rows[ok], attempts.latency_ns[ok].astype(np.int64)
    np.add.at(stats["sum_ns"], rows, latency)
    np.minimum.at(stats["min_ns"], rows, latency)
    np.maximum.at(stats["max_ns"], rows, latency)
    stats["last_ns"][rows] = latency
    stats["last_end_ns"][rows] = attempts.end_ns[ok]
    return stats


def latency_ns(events: Events) -> npt.NDArray[np.uint64]:
    """Give the time from begin to end of each record; 0 where the clock readings are out of order."""
    begin, end = np.ascontiguousarray(events["begin_ns"]), np.ascontiguousarray(events["end_ns"])
    latency: npt.NDArray[np.uint64] = np.where(end > begin, end - begin, np.uint64(0))
    return latency


def add(stats: Stats, rows: AnyRows, more: PackedStats) -> None:
    """Add the figures `more` of distinct rows to `stats`, in place."""
    for name, sums in _sums(stats, more):
        np.add.at(sums, rows, more[name].astype(np.int64))
    update_extremes(stats, rows, more)


def update_last_attempts(stats: Stats, rows: Rows, more: Stats) -> None:
    """Let the last attempts of `stats` be those of distinct rows where they are later, in place."""
    for name, when in (("last_ns", "last_end_ns"), ("last_end_ns", "last_end_ns"), ("end_ns", "end_ns")):
        later = more[when] >= stats[when][rows]
        stats[name][rows[later]] = more[name][later]


def update_extremes(stats: Stats, rows: AnyRows, more: PackedStats, at: Rows | slice = slice(None)) -> None:
    """Let the extremes of some distinct rows take in those that `more` has for them at `at`, in place."""
    if OK_COLUMN in more:
        some = more[OK_COLUMN][at] > 0
        least = np.where(some, more["min_ns"][at].astype(np.int64), NO_MINIMUM)
        np.minimum.at(stats["min_ns"], rows, least)
        np.maximum.at(stats["max_ns"], rows, more["max_ns"][at].astype(np.int64))


def subtract_sums(stats: Stats, rows: AnyRows, less: PackedStats) -> None:
    """Take the sums `less` of distinct rows from `stats`, in place. Extremes are left for the caller."""
    for name, sums in _sums(stats, less):
        np.subtract.at(sums, rows, less[name].astype(np.int64))


def _sums(stats: Stats, columns: PackedStats) -> Iterator[tuple[str, Rows]]:
    """Give those sums of `stats` that there are columns of, ready to be written to."""
    for outcome in Outcome:
        if outcome.label in columns:
            yield outcome.label, stats["outcomes"][:, outcome]
    for name in ("syn_retransmits", "sum_ns"):
        if name in columns:
            yield name, stats[name]


def regroup(stats: Stats, groups: Rows, n_groups: int) -> Stats:
    """Merge rows: row i goes to group groups[i] (0 … n_groups - 1), and -1 drops it."""
    kept = np.flatnonzero(groups >= 0)
    to = groups[kept]
    # One row of each group is taken as it is: in most groupings most groups have no other.
    one = np.full(n_groups, len(stats))
    one[to] = kept
    some = one < len(stats)
    merged: Stats = (stats if some.all() else np.append(stats, empty(1))).take(one)
    rest = np.flatnonzero(one[to] != kept)
    if len(rest):
        _merge(merged, to[rest], stats.take(kept[rest]))
    return merged


def _merge(stats: Stats, to: Rows, more: Stats) -> None:
    """Add the figures `more` to those of rows `to`, which may come more than once, in place."""
    for outcome in range(N_OUTCOMES):
        np.add.at(stats["outcomes"][:, outcome], to, more["outcomes"][:, outcome])
    before = stats["last_end_ns"][to]
    for name, merge in (
        ("syn_retransmits", np.add),
        ("sum_ns", np.add),
        ("min_ns", np.minimum),
        ("max_ns", np.maximum),
        ("last_end_ns", np.maximum),
        ("end_ns", np.maximum),
    ):
        merge.at(stats[name], to, more[name])
    newest = (more["last_end_ns"] == stats["last_end_ns"][to]) & (more["last_end_ns"] > before)
    stats["last_ns"][to[newest]] = more["last_ns"][newest]


def pack(stats: Stats) -> PackedStats:
    """Store figures of rows, but for the `LAST_ATTEMPT_FIELDS` ones, in as few bytes as they need: some 14 a row."""
    sums = {outcome.label: stats["outcomes"][:, outcome] for outcome in Outcome}
    sums |= {name: stats[name] for name in ("syn_retransmits", "sum_ns")}
    columns = {name: narrow(column) for name, column in sums.items() if column.any()}
    if OK_COLUMN not in columns:
        return columns
    some = columns[OK_COLUMN] > 0
    return columns | {"min_ns": narrow(np.where(some, stats["min_ns"], 0)), "max_ns": narrow(stats["max_ns"])}


def unpack(columns: PackedStats, n_rows: int) -> Stats:
    """Give figures from the columns of so many rows."""
    stats = empty(n_rows)
    add(stats, np.arange(n_rows), columns)
    return stats


def outcome_counts(
    columns: PackedStats, n_rows: int, at: Rows | slice = slice(None)
) -> npt.NDArray[np.int64]:
    """Give the ended attempts of some of so many rows, indexed by `Outcome`, shape (n, 6)."""
    places = np.arange(n_rows)[at]
    told = np.zeros((len(places), N_OUTCOMES), np.int64)
    for outcome in Outcome:
        if outcome.label in columns:
            told[:, outcome] = columns[outcome.label][places]
    return told


def fold(columns: PackedStats, stay: npt.NDArray[np.bool_]) -> PackedStats:
    """Give packed figures of the rows that stay, and before them the others' together, if there are any."""
    if stay.all():
        return columns
    gone = take(columns, np.flatnonzero(~stay))
    other = {name: int(column.sum(dtype=np.int64)) for name, column in gone.items()}
    if OK_COLUMN in columns:
        other["max_ns"] = int(gone["max_ns"].max())
        other["min_ns"] = int(gone["min_ns"][gone[OK_COLUMN] > 0].min()) if other[OK_COLUMN] else 0
    kept = take(columns, np.flatnonzero(stay))
    return {name: np.append(narrow(np.array([other[name]])), column) for name, column in kept.items()}


def take(columns: PackedStats, at: Rows) -> PackedStats:
    """Give some rows of packed figures."""
    return {name: column.take(at) for name, column in columns.items()}


def attempt_counts(stats: Stats) -> npt.NDArray[np.int64]:
    """Count the ended attempts of each row, whatever their outcome."""
    total: npt.NDArray[np.int64] = np.einsum("ij->i", stats["outcomes"])
    return total
