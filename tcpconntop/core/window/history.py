"""Snapshots of earlier moments, summed up from the slices that a snapshot shares with the window.

    ──30 s──┬──30 s──┬─10 s─┬─10 s─┬1┬1┬1┬1┬ now
                     ▲ snapshot_at(…): all slices that end here, back to the window's length

The past has the resolution of its slices (`slices.py`): seconds for a minute, then blocks of ten and of
thirty for fifteen minutes. A window that reaches back further than the slices is shorter: see `span_s`.

What it buys: the last 15 minutes can be looked at without storing any snapshot.
"""

from __future__ import annotations

from dataclasses import replace
from math import floor

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.recent import RecentConnects
from tcpconntop.core.window.slices import Slice, oldest_second, slice_span, whole_steps
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.window.state import WindowState
from tcpconntop.core.window.sums import RunningSums


def snapshot_at(
    base: Snapshot,
    second: int,
    window_s: float | None,
    ledger: Ledger | None = None,
    near: Snapshot | None = None,
) -> Snapshot:
    """Return the snapshot that would have been taken at the end of an earlier second.

    Counts, sums, extremes and quantiles are those of the window at that time. The latency of a row's last
    connect is known only if there was none since; otherwise it is -1, as for a row without any.

    Args:
        base: a snapshot taken at that second or later.
        second: on the clock of the records, the last one of a slice: see `second_before`.
        window_s: length of the window in seconds; None is everything since the start.
        ledger: the totals at that time; those of `base` unless given.
        near: another moment of `base`: its sums are changed instead of summing up anew, which is faster the
            nearer it is.
    """
    now_ns = min(base.now_ns, (second + 1) * SECOND_NS)
    first = first_second(base, second, window_s)
    inside = tuple(
        part for part in base.window.history if first <= part.second and _last_second(part) <= second
    )
    since_ns = base.began_ns if window_s is None else max(base.began_ns, first * SECOND_NS)
    span_s = (now_ns - since_ns) / SECOND_NS
    host = base.host
    if host is not None and now_ns < base.now_ns:
        host = {netns: facts.until(now_ns) for netns, facts in host.items()}
    return replace(
        base,
        host=host,
        ledger=ledger or base.ledger,
        window=_state(base.window, _sums(near or base, inside, window_s), inside, now_ns),
        window_s=window_s,
        span_s=max(span_s, 0.0),
        now_ns=now_ns,
    )


def second_before(base: Snapshot, second: int) -> int | None:
    """Return the last second of the slice before that of `second`; None if none is kept."""
    before = slice_span(second, base.second, base.step_s)[0] - 1
    return before if before >= max(oldest_second(base.second), base.began_ns // SECOND_NS) else None


def second_after(base: Snapshot, second: int) -> int | None:
    """Return the last second of the slice after that of `second`; None at the snapshot itself."""
    if second >= base.second:
        return None
    start, seconds = slice_span(second + 1, base.second, base.step_s)
    return min(start + seconds - 1, base.second)


def first_second(base: Snapshot, second: int, window_s: float | None) -> int:
    """Return the first second of a window that ends with `second`: where a slice begins."""
    if window_s is None:
        return 0
    first = whole_steps(floor(second - window_s) + 1, second, base.step_s)
    return max(slice_span(first, base.second, base.step_s)[0], oldest_second(base.second))


def _last_second(part: Slice) -> int:
    return part.second + part.seconds - 1


def _sums(near: Snapshot, inside: tuple[Slice, ...], window_s: float | None) -> RunningSums:
    """Return the sums of slices, made from those of `near` if that is less work."""
    window, wanted = near.window, set(map(id, inside))
    kept = [part for part in window.slices if id(part) in wanted]
    gone = [part for part in window.slices if id(part) not in wanted]
    if near.window_s == window_s and len(kept) > len(gone):
        summed = set(map(id, kept))
        sums = RunningSums(window.stats.copy(), window.latency_pages.copy(), window.error_pages.copy())
        sums.update([part for part in inside if id(part) not in summed], gone, kept)
    else:
        sums = RunningSums.from_slices(inside, len(window.keys))
        if window_s is None:
            sums.add(window.older)
    return sums


def _state(now: WindowState, sums: RunningSums, inside: tuple[Slice, ...], now_ns: int) -> WindowState:
    """Return a window with other sums, and the last attempts as far as they are known at `now_ns`."""
    stats = sums.stats[: len(now.keys)]
    for name in st.LAST_ATTEMPT_FIELDS:
        stats[name] = now.stats[name]
    # A last connect after that moment hides the one before it.
    stats["last_ns"][now.stats["last_end_ns"] > now_ns] = -1
    recent = now.recent.records[now.recent.records["end_ns"] <= now_ns]
    for array in (stats, recent):
        array.flags.writeable = False
    return replace(
        now,
        stats=stats,
        latency_pages=sums.latency.freeze(),
        error_pages=sums.errors.freeze(),
        slices=inside,
        recent=RecentConnects(recent, now.recent.complete_since_ns),
    )
