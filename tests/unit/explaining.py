"""Records, snapshots and shortcuts for the tests of the findings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from records import connect, join, snapshot_of

from tcpconntop.core.analysis.explain import Finding, explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events, Outcome

NOW_S = 43_391  # 12:03:11
MS = 1_000_000
NETNS = 0
"""The network namespace of the records of `connect`."""


def clock(unix_s: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(unix_s))


def ending_at(second: float, events: Events) -> Events:
    """Return the records, moved so that the first ends at `second` and each next one 1 ms later.

    Records that end one after another keep their distances; the last of them ends at `second`.
    """
    moved, end_ns = events.copy(), np.uint64(round(second * SECOND_NS))
    if np.all(np.diff(events["end_ns"])):
        ends = end_ns - (events["end_ns"][-1:] - events["end_ns"])
    else:
        ends = end_ns + np.arange(len(events), dtype=np.uint64) * np.uint64(MS)
    for name in ("begin_ns", "syn_ns", "last_rtx_ns"):
        moved[name] = np.where(events[name] > 0, ends - (events["end_ns"] - events[name]), 0)
    moved["end_ns"] = ends
    return moved


def given_up(*ages_ms: float, apart_ms: float = 150, **more) -> Events:
    """Return records of connects that were given up at some ages, one after another."""
    parts = [connect(outcome=Outcome.CANCELLED, latency_ns=round(age * MS), **more) for age in ages_ms]
    for number, part in enumerate(parts):
        for name in ("begin_ns", "end_ns"):
            part[name] += np.uint64(round(number * apart_ms * MS))
    return join(*parts)


def with_lost_syns(
    wire_ns: int = 31 * MS, rto_ns: int = 1_000 * MS, rtx: int = 1, local_ns: int = 0, **more
) -> Events:
    """Return records of connects that lost a SYN. With `local_ns` 0, the time of the first SYN is unknown."""
    events = connect(latency_ns=local_ns + rto_ns + wire_ns, rtx=rtx, **more)
    events["last_rtx_ns"] = events["end_ns"] - np.uint64(wire_ns)
    events["syn_ns"] = events["begin_ns"] + np.uint64(local_ns) if local_ns else 0
    return events


def with_local_work(local_ns: int, latency_ns: int, **more) -> Events:
    """Return records of connects whose first SYN left after `local_ns`."""
    events = connect(latency_ns=latency_ns, **more)
    events["syn_ns"] = events["begin_ns"] + np.uint64(local_ns)
    return events


def snapshot_by_second(
    *parts: Events,
    host: NetnsFacts | None = None,
    now_s: int = NOW_S,
    window: RollingWindow | None = None,
) -> Snapshot:
    """Return a snapshot of records that are ingested second by second."""
    window = window or RollingWindow(60)
    events = join(*parts)
    events = events[np.argsort(events["end_ns"], kind="stable")]
    for second in np.unique(events["end_ns"] // SECOND_NS):
        window.ingest(events[events["end_ns"] // SECOND_NS == second], int(second) * SECOND_NS)
    window.advance(now_s * SECOND_NS)
    return replace(snapshot_of(window, now_s * SECOND_NS, 60.0), host={NETNS: host} if host else None)


def ending_now(*parts: Events) -> Sequence[Events]:
    """Return the records, moved into the second before now; each part begins with that second."""
    return [ending_at(NOW_S - 1, part) for part in parts]


def findings_of(
    shown: Snapshot, group_by: str = "dest", where: str = "", row: int | None = None
) -> tuple[Finding, ...]:
    spec = ViewSpec(group_by, where=parse_filter(where))
    return explain(Selection(make_view(shown, spec), row), clock)


def findings(*parts: Events, host: NetnsFacts | None = None, **options) -> dict[str, list[Finding]]:
    """Return the findings about records that ended just now, by kind."""
    by_kind: dict[str, list[Finding]] = {}
    for finding in findings_of(snapshot_by_second(*ending_now(*parts), host=host), **options):
        by_kind.setdefault(finding.kind, []).append(finding)
    return by_kind
