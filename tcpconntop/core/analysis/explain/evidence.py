"""What the findings look at: the keys of a selection by destination, and their last records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.explain.finding import MAX_KEYS
from tcpconntop.core.analysis.explain.recent import RecentRecords
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.counts import (
    CELL_BITS,
    CELLS,
    EDGES_US,
    SparseCounts,
    find,
    quantiles_us,
    ranges,
    run_starts,
)
from tcpconntop.core.types import SECOND_NS, Floats, Mask, Rows
from tcpconntop.core.view.groups import GROUPINGS, process_text
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.keys import KEY_FIELDS, Keys, hash_fields, keys_from_events
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

RESENT_US = 990_000
"""What took this long waited for a SYN that was sent again: the first is after 1 s (RFC 6298, section 2)."""

_RESENT_BUCKET = int(np.searchsorted(EDGES_US, RESENT_US))


@dataclass(frozen=True, eq=False)
class Evidence:
    """A selection, ready to be explained. Destinations and keys are numbered from 0.

    Attributes:
        selection: what is explained.
        clock: spells Unix time as the time of day.
        claimed: keys that a finding has explained for good: a more general one leaves them out.
    """

    selection: Selection
    clock: Callable[[float], str]
    claimed: set[int] = field(default_factory=set)

    @property
    def claimed_mask(self) -> Mask:
        """Whether a key has been claimed, shape (n,)."""
        mask = np.zeros(len(self.keys), np.bool_)
        mask[list(self.claimed)] = True
        return mask

    @property
    def snapshot(self) -> Snapshot:
        """What is looked at."""
        return self.selection.snapshot

    @property
    def host(self) -> HostFacts | None:
        """What is known of the host."""
        return self.snapshot.host

    @property
    def began_ns(self) -> int:
        """When the window began, on the clock of the records."""
        return self.snapshot.now_ns - round(self.snapshot.span_s * SECOND_NS)

    @cached_property
    def rows(self) -> Rows:
        """The rows of the window that it is about; those that are folded into one are left out."""
        window = self.snapshot.window
        return np.flatnonzero((self.selection.group_of == 0) & (window.keys["special"] == 0))

    @cached_property
    def keys(self) -> Keys:
        """The keys, shape (n,)."""
        keys: Keys = self.snapshot.window.keys[self.rows]
        return keys

    @cached_property
    def outcomes(self) -> Rows:
        """Ended attempts of each key, indexed by `Outcome`, shape (n, 6)."""
        outcomes: Rows = self.snapshot.window.stats["outcomes"][self.rows]
        return outcomes

    @cached_property
    def attempts(self) -> Rows:
        """Ended attempts of each key, shape (n,)."""
        attempts: Rows = self.outcomes.sum(axis=1)
        return attempts

    @cached_property
    def retransmits(self) -> Rows:
        """SYNs that had to be sent again, by key, shape (n,)."""
        retransmits: Rows = self.snapshot.window.stats["syn_retransmits"][self.rows]
        return retransmits

    @cached_property
    def _merged(self) -> tuple[Keys, Rows]:
        view = self.selection.view
        if view.spec.group_by == "dest" and self.selection.row is None and not view.keys["special"].any():
            return view.keys, view.row_of[self.rows]  # the view has done it
        return GROUPINGS["dest"].merge(self.keys)

    @property
    def dests(self) -> Keys:
        """The destinations, shape (d,)."""
        return self._merged[0]

    @property
    def dest_of(self) -> Rows:
        """For each key its destination, shape (n,)."""
        return self._merged[1]

    def by_dest(self, values: npt.NDArray[np.integer]) -> Rows:
        """Add up a figure of the keys by destination, shape (d,)."""
        return np.bincount(self.dest_of, values, len(self.dests)).astype(np.int64)

    @cached_property
    def dest_outcomes(self) -> Rows:
        """Ended attempts of each destination, indexed by `Outcome`, shape (d, 6)."""
        return np.stack([self.by_dest(self.outcomes[:, outcome]) for outcome in Outcome], axis=1)

    @cached_property
    def ok_after_retransmit(self) -> Rows:
        """Connects of each key that succeeded after a SYN was sent again, shape (n,)."""
        slowest_ns = self.snapshot.window.stats["max_ns"][self.rows]
        lossy = np.flatnonzero((self.retransmits > 0) & (slowest_ns >= RESENT_US * 1000))
        late = _of_rows(self.snapshot.window.latency, self.rows[lossy], _RESENT_BUCKET)
        found = np.bincount(late.rows(), late.counts, len(self.snapshot.window.keys))[self.rows]
        return np.minimum(found.astype(np.int64), self.retransmits)

    def quantiles_us(self, dests: Rows) -> Floats:
        """Give p50 and p99 of some destinations in µs, shape (n, 2); NaN where nothing connected."""
        number = np.full(len(self.dests), -1)
        number[dests] = np.arange(len(dests))
        group = np.full(len(self.snapshot.window.keys), -1)
        group[self.rows] = number[self.dest_of]
        return quantiles_us(self.snapshot.window.latency_pages.regroup(group), len(dests), (0.5, 0.99))

    @cached_property
    def recent(self) -> RecentRecords:
        """The last records of the window, whatever their keys."""
        events = self.snapshot.window.recent.records
        return RecentRecords(events[events["end_ns"] >= self.began_ns], np.empty(0, np.int64))

    def match_keys(self, recent: RecentRecords) -> RecentRecords:
        """Find the keys of records, and leave out records of others."""
        order, known = self._hashes
        wanted = hash_fields(keys_from_events(recent.events), KEY_FIELDS)
        place, found = find(known, wanted)
        return RecentRecords(recent.events[found], order[place])

    @cached_property
    def _hashes(self) -> tuple[Rows, npt.NDArray[np.uint64]]:
        hashes = hash_fields(self.keys, KEY_FIELDS)
        order = np.argsort(hashes)
        return order, hashes[order]

    def keys_to(self, dest: int) -> Rows:
        """Give the keys of a destination, the busiest first."""
        return self.busiest(np.flatnonzero(self.dest_of == dest))

    def keys_to_any(self, dests: Rows) -> Rows:
        """Give the keys of some destinations, the busiest first."""
        wanted = np.zeros(len(self.dests), np.bool_)
        wanted[dests] = True
        return self.busiest(np.flatnonzero(wanted[self.dest_of]))

    def busiest(self, keys: Rows) -> Rows:
        """Sort keys by their attempts."""
        return keys[np.argsort(-self.attempts[keys], kind="stable")]

    def raw_keys(self, keys: Rows) -> tuple[bytes, ...]:
        """Give what a finding names: the first of some keys as they are."""
        return tuple(self.keys[at].tobytes() for at in keys[:MAX_KEYS])

    def process_names(self, keys: Rows) -> str:
        """Name the processes of some keys: `curl`, `curl and nginx`, `curl and 3 more`."""
        names = list(dict.fromkeys(process_text(self.keys[at]) for at in keys[:MAX_KEYS]))
        if len(names) > 2:
            return f"{names[0]} and {len(names) - 1} more"
        return " and ".join(names)

    def time_of_day(self, at_ns: int) -> str:
        """Spell a moment on the clock of the records as the time of day."""
        return self.clock((at_ns + self.snapshot.wall_offset_ns) / SECOND_NS)


def _of_rows(counts: SparseCounts, rows: Rows, from_cell: int) -> SparseCounts:
    """Give the counts of some rows (ascending) from a cell on; what it costs depends on those alone."""
    codes = rows << CELL_BITS
    first, end = (
        np.searchsorted(counts.codes, codes | from_cell),
        np.searchsorted(counts.codes, codes + CELLS),
    )
    at, _ = ranges(first, end)
    return SparseCounts(counts.codes[at], counts.counts[at])


def largest_first(values: npt.NDArray[np.integer]) -> Rows:
    """Give the places of the positive values, the greatest first."""
    order = np.argsort(-values, kind="stable")
    return order[values[order] > 0]


def medians(groups: Rows, values: Floats, n_groups: int) -> Floats:
    """Give the (upper) median of the values of each group; NaN for a group without any."""
    order = np.lexsort((values, groups))
    starts = run_starts(groups[order])
    lengths = np.diff(starts, append=len(order))
    answer = np.full(n_groups, np.nan)
    answer[groups[order[starts]]] = values[order[starts + lengths // 2]]
    return answer


def join_and(words: Sequence[str]) -> str:
    """Join words: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
