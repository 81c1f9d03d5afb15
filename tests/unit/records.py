"""Records, windows and snapshots for the unit tests.

`expected_of` is the reference: it counts records one at a time, in plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tcpconntop.core.places import NO_PLACES
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.core.wire import EVENT, Events, Outcome, address_bytes

SOURCE_INFO = SourceInfo("host", "6.12", "fentry", "ring", "live")


def connect(
    daddr: str = "10.0.0.1",
    dport: int = 443,
    pid: int = 100,
    comm: str = "curl",
    latency_ns: int = 250_000,
    outcome: Outcome = Outcome.OK,
    error: int = 0,
    end_ns: int = 1_000 * SECOND_NS,
    rtx: int = 0,
    unit: int = 7,
    times: int = 1,
    netns: int = 0,
    scope_id: int = 0,
) -> Events:
    """Return `times` equal records of one connect; `unit` is its control group ID."""
    events = np.zeros(times, EVENT)
    raw, family = address_bytes(daddr)
    events["daddr"], events["family"], events["dport"] = np.void(raw), family, dport
    events["tgid"], events["comm"], events["cgroup_id"] = pid, comm.encode(), unit
    events["begin_ns"], events["end_ns"] = end_ns - latency_ns, end_ns
    events["outcome"], events["error"], events["syn_retransmits"] = int(outcome), error, rtx
    events["netns"], events["scope_id"] = netns, scope_id
    return events


def join(*parts: Events) -> Events:
    """Return all records in one array."""
    return np.concatenate([np.empty(0, EVENT), *parts])


def random_records(n: int, n_keys: int, seed: int = 0, end_ns: int = 1_000 * SECOND_NS) -> Events:
    """Return `n` random records of `n_keys` keys with every outcome, sorted by end time."""
    random = np.random.default_rng(seed)
    key = random.integers(0, n_keys, n)
    events = np.repeat(connect(), n)
    octets = np.zeros((n, 16), np.uint8)
    octets[:, 0], octets[:, 2], octets[:, 3] = 10, key >> 8, key & 255
    events["daddr"] = octets.view("V16").ravel()
    events["tgid"] = 1 + key % 5
    events["dport"] = 1 + key % 3
    events["outcome"] = random.choice([0, 0, 0, 0, 1, 2, 3, 4, 5], n)
    events["error"] = np.where(events["outcome"] > 0, 100 + events["outcome"], 0)
    events["syn_retransmits"] = random.random(n) < 0.1
    events["end_ns"] = np.sort(end_ns + random.integers(0, SECOND_NS // 10, n))
    events["begin_ns"] = events["end_ns"] - random.lognormal(12, 1, n).astype(np.uint64)
    return events


@dataclass
class Expected:
    """The expected counts of one key."""

    outcomes: list[int] = field(default_factory=lambda: [0] * len(Outcome))
    rtx: int = 0
    latencies: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)

    @property
    def row(self) -> tuple[object, ...]:
        """Everything but the errors, as a tuple to compare; as from `rows_of`."""
        extremes = (min(self.latencies), max(self.latencies), self.latencies[-1]) if self.latencies else ()
        return (tuple(self.outcomes), self.rtx, sum(self.latencies), *extremes)


def key_of(record: np.void) -> bytes:
    """Return the key of a record, as bytes."""
    return b"|".join(record[name].tobytes() for name in ("daddr", "dport", "tgid", "comm", "cgroup_id"))


def expected_of(events: Events) -> dict[bytes, Expected]:
    """Return the expected counts of each key, by `key_of`."""
    expected: dict[bytes, Expected] = {}
    for record in events:
        entry = expected.setdefault(key_of(record), Expected())
        entry.outcomes[record["outcome"]] += 1
        entry.rtx += int(record["syn_retransmits"])
        if record["outcome"] == Outcome.OK:
            entry.latencies.append(int(record["end_ns"]) - int(record["begin_ns"]))
        else:
            entry.errors.append(int(record["error"]))
    return expected


def rows_of(window: RollingWindow) -> dict[bytes, tuple[object, ...]]:
    """Return the counts of each key in a window, in the same form as `Expected.row`."""
    state = window.state()
    rows = {}
    for key, stats in zip(state.keys, state.stats, strict=True):
        outcomes = tuple(int(n) for n in stats["outcomes"])
        if sum(outcomes):
            names = ("min_ns", "max_ns", "last_ns") if outcomes[Outcome.OK] else ()
            extremes = tuple(int(stats[name]) for name in names)
            rows[key_of(key)] = (outcomes, int(stats["syn_retransmits"]), int(stats["sum_ns"]), *extremes)
    return rows


def snapshot_of(window: RollingWindow, now_ns: int = 1_000 * SECOND_NS, span_s: float = 10.0) -> Snapshot:
    """Return a snapshot of a window."""
    return Snapshot(
        info=SOURCE_INFO,
        ledger=Ledger(),
        window=window.state(),
        window_s=window.window_s,
        span_s=span_s,
        now_ns=now_ns,
        wall_offset_ns=0,
    )


def snapshot(*parts: Events, window_s: float | None = 60) -> Snapshot:
    """Return a snapshot of records that are all ingested in the same second."""
    window = RollingWindow(window_s)
    window.ingest(join(*parts), 1_000 * SECOND_NS)
    return snapshot_of(window)


class PlainSource:
    """What a `Source` of known records says of everything else: one unit, and no names, host or player."""

    player = wake = None
    info = SOURCE_INFO

    def units(self):
        return {7: "a.service"}

    def places(self):
        return NO_PLACES

    def host(self):
        return None

    def now_ns(self):
        return 0

    def wall_offset_ns(self):
        return 0
