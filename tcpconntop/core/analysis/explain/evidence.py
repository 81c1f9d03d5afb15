"""What the checks work on: the keys of a selection by destination, and their last records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.explain.destinations import merge_destinations, place_text
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.counts import (
    find,
    quantiles_us,
    run_starts,
)
from tcpconntop.core.partial_keys import is_partial
from tcpconntop.core.types import SECOND_NS, Floats, Mask, Rows
from tcpconntop.core.view.groups import (
    GROUPINGS,
    address_port_text,
    destination_text,
    located_key,
    process_text,
)
from tcpconntop.core.view.trouble import is_silent, ok_after_retransmit
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.window.keys import KEY, Keys, hash_keys, keys_from_events
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import N_OUTCOMES, Events, Outcome

T = TypeVar("T")

MAX_KEYS = 16
"""How many keys a finding names at most."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """A selection, ready to be explained. Keys are numbered 0 … n - 1, destinations 0 … d - 1.

    Attributes:
        selection: what is explained.
        clock: formats Unix time as the time of day.
    """

    selection: Selection
    clock: Callable[[float], str]
    _claimed: set[int] = field(default_factory=set, init=False)
    _shared: dict[object, object] = field(default_factory=dict, init=False)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the selection is of."""
        return self.selection.snapshot

    @property
    def facts(self) -> Mapping[int, NetnsFacts]:
        """Facts about network namespaces by inode number; empty where there are none, as in a recording."""
        return self.snapshot.host or {}

    @property
    def began_ns(self) -> int:
        """Begin of the window, on the clock of the records."""
        return self.snapshot.now_ns - round(self.snapshot.span_s * SECOND_NS)

    # Shared by the checks

    def claim(self, keys: Rows) -> None:
        """Mark keys as explained for good: checks that come later leave them out."""
        self._claimed.update(keys.tolist())

    @property
    def claimed(self) -> Mask:
        """True for the keys that have been claimed, shape (n,)."""
        mask = np.zeros(len(self.keys), np.bool_)
        mask[list(self._claimed)] = True
        return mask

    @cached_property
    def explained(self) -> Mask:
        """True for attempts of a key and an outcome that a finding is about, (n, 6); kinds add to it."""
        return np.zeros((len(self.keys), N_OUTCOMES), np.bool_)

    def once(self, compute: Callable[[Evidence], T]) -> T:
        """Return `compute(self)`, computed the first time only: for what several kinds need."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return cast("T", self._shared[compute])

    # Keys

    @cached_property
    def rows(self) -> Rows:
        """Rows of the window that are selected, without those of no single destination, shape (n,)."""
        keys = self.snapshot.window.keys
        single = (keys["special"] == 0) & ~is_partial(keys)
        return np.flatnonzero((self.selection.group_of == 0) & single)

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
        """SYN retransmissions of each key, shape (n,)."""
        retransmits: Rows = self.snapshot.window.stats["syn_retransmits"][self.rows]
        return retransmits

    @cached_property
    def ok_after_retransmit(self) -> Rows:
        """Connects of each key that succeeded after a SYN retransmission, shape (n,)."""
        return ok_after_retransmit(self.snapshot.window)[self.rows]

    def errors_of(self, keys: Rows) -> dict[int, int]:
        """Return how often each errno occurred at some keys, without 0, the most frequent first."""
        errors = self.snapshot.window.errors
        inside = np.isin(errors.rows(), self.rows[keys])
        counts = np.bincount(errors.cells()[inside], errors.counts[inside], 1)
        counts[0] = 0  # a socket without an error
        order = np.argsort(-counts, kind="stable")
        return {int(number): int(counts[number]) for number in order if counts[number]}

    # Destinations

    @cached_property
    def _by_destination(self) -> tuple[Keys, Rows]:
        return merge_destinations(self.keys, self.outcomes)

    @property
    def dests(self) -> Keys:
        """The destinations, shape (d,)."""
        return self._by_destination[0]

    @property
    def dest_of(self) -> Rows:
        """The destination of each key, shape (n,)."""
        return self._by_destination[1]

    def by_dest(self, values: npt.NDArray[np.integer]) -> Rows:
        """Return the sums of `values`, one for each key, by destination, shape (d,)."""
        return np.bincount(self.dest_of, values, len(self.dests)).astype(np.int64)

    @cached_property
    def dest_outcomes(self) -> Rows:
        """Ended attempts of each destination, indexed by `Outcome`, shape (d, 6)."""
        return np.stack([self.by_dest(self.outcomes[:, outcome]) for outcome in Outcome], axis=1)

    @cached_property
    def silent_dests(self) -> Mask:
        """True for destinations that answered nothing while SYNs were sent again, shape (d,)."""
        outcomes = self.dest_outcomes
        answered = outcomes[:, (Outcome.OK, Outcome.REFUSED)].sum(axis=1)
        return is_silent(answered, outcomes[:, Outcome.CANCELLED], self.by_dest(self.retransmits))

    def quantiles_us(self, dests: Rows) -> Floats:
        """Return p50 and p99 of destinations in µs, shape (len(dests), 2); NaN where nothing connected."""
        return self.group_quantiles_us(self.dest_of, dests)

    def group_quantiles_us(self, group_of: Rows, groups: Rows, qs: Sequence[float] = (0.5, 0.99)) -> Floats:
        """Return quantiles of groups of keys in µs, shape (len(groups), len(qs)); NaN where none connected.

        Args:
            group_of: the group of each key, shape (n,); -1 for none.
            groups: those that are wanted, each once.
            qs: the quantiles.
        """
        number = np.full(max(group_of.max(initial=-1), groups.max(initial=-1)) + 2, -1)
        number[groups] = np.arange(len(groups))
        group = np.full(len(self.snapshot.window.keys), -1)
        group[self.rows] = number[group_of]  # index -1 reads the last one, which is no group
        return quantiles_us(self.snapshot.window.latency_pages.regroup(group), len(groups), qs)

    def keys_to(self, dest: int) -> Rows:
        """Return the keys of a destination, the busiest first."""
        return self.busiest(np.flatnonzero(self.dest_of == dest))

    def keys_to_any(self, dests: Rows) -> Rows:
        """Return the keys of some destinations, the busiest first."""
        selected = np.zeros(len(self.dests), np.bool_)
        selected[dests] = True
        return self.busiest(np.flatnonzero(selected[self.dest_of]))

    # Single records

    @cached_property
    def recent(self) -> RecentRecords:
        """The last records of the window, of all keys."""
        events = self.snapshot.window.recent.records
        return RecentRecords(events[events["end_ns"] >= self.began_ns], np.empty(0, np.int64))

    def match_keys(self, recent: RecentRecords) -> RecentRecords:
        """Return the records of this selection's keys, with the number of each one's key."""
        key_index, found = self.find_keys(recent.events)
        return RecentRecords(recent.events[found], key_index)

    def find_keys(self, events: Events) -> tuple[Rows, Mask]:
        """Return the numbers of the keys of those records that are of this selection, and which these are."""
        order, hashes = self._hashes
        index, found = find(hashes, hash_keys(keys_from_events(events)))
        return order[index], found

    def indices_of(self, raw_keys: Sequence[bytes]) -> Rows:
        """Return the numbers of keys of this selection that are given as raw bytes."""
        order, hashes = self._hashes
        index, _ = find(hashes, hash_keys(np.frombuffer(b"".join(raw_keys), KEY)))
        return order[index]

    @cached_property
    def _hashes(self) -> tuple[Rows, npt.NDArray[np.uint64]]:
        hashes = hash_keys(self.keys)
        order = np.argsort(hashes)
        return order, hashes[order]

    # Texts

    def dest_text(self, dest: int) -> str:
        """Format address and port of a destination, with its namespace where that tells it from another."""
        key = self.dests[dest]
        where = f" ({place_text(int(key['netns']), self.snapshot.places)})" if key["netns"] else ""
        return self.key_text(located_key(key, self.keys[self.dest_of == dest])) + where

    def netns_text(self, netns: int) -> str:
        """Format a network namespace: its name where it has one, or its number."""
        return self.snapshot.places.namespace(netns)

    def key_text(self, key: np.void) -> str:
        """Format address and port of a key, without its namespace."""
        return address_port_text(key, self.snapshot.places)

    def subnet_text(self, keys: Rows) -> str:
        """Format the subnet that some keys share."""
        subnet = GROUPINGS["subnet"]
        group = subnet.merge(self.keys[keys[:1]])[0][0]
        return destination_text(located_key(group, self.keys[keys]), subnet, self.snapshot.places)

    def busiest(self, keys: Rows) -> Rows:
        """Return keys sorted by their attempts, most first."""
        return keys[np.argsort(-self.attempts[keys], kind="stable")]

    def raw_keys(self, keys: Rows) -> tuple[bytes, ...]:
        """Return the first `MAX_KEYS` of some keys as raw bytes, for `Finding.keys`."""
        return tuple(self.keys[n].tobytes() for n in keys[:MAX_KEYS])

    def process_names(self, keys: Rows) -> str:
        """Return the names of the processes of some keys: `curl`, `curl and nginx`, `curl and 3 more`."""
        names = list(dict.fromkeys(process_text(self.keys[n]) for n in keys[:MAX_KEYS]))
        if len(names) > 2:
            return f"{names[0]} and {len(names) - 1} more"
        return " and ".join(names)

    def time_of_day(self, at_ns: int) -> str:
        """Format a time on the clock of the records as the time of day."""
        return self.clock((at_ns + self.snapshot.wall_offset_ns) / SECOND_NS)


def largest_first(values: npt.NDArray[np.integer]) -> Rows:
    """Return the indices of the positive values, the largest first."""
    order = np.argsort(-values, kind="stable")
    return order[values[order] > 0]


def medians(groups: Rows, values: Floats, n_groups: int) -> Floats:
    """Return the (upper) median of the values of each group; NaN for a group without any."""
    order = np.lexsort((values, groups))
    starts = run_starts(groups[order])
    lengths = np.diff(starts, append=len(order))
    answer = np.full(n_groups, np.nan)
    answer[groups[order[starts]]] = values[order[starts + lengths // 2]]
    return answer


def join_and(words: Sequence[str]) -> str:
    """Join words: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
