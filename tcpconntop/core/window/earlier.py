"""The window before: of the same length as the shown one, and ended some time before it. Pure.

    now       ├──── 60 s ────┤ the shown moment
    before    ├──── 60 s ────┤◄──── 5 min ────►

It ends where a block of slices ends (`history.py`), at the wanted moment or up to a block before it: 10 s, or
30 s. So it stays the same until the next block is the nearest: it is summed up once. It never shares a
connect with the shown window. Where the past is too short, it is the oldest one that is kept.
"""

from __future__ import annotations

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.history import first_second, snapshot_at
from tcpconntop.core.window.lengths import SLICE_LENGTHS_S
from tcpconntop.core.window.slices import oldest_second, slice_span
from tcpconntop.core.window.snapshot import Snapshot

BLOCK_S = next(length for length in SLICE_LENGTHS_S.values() if length > 1)
"""Length of the shortest blocks of slices."""


def earlier_window(
    base: Snapshot, second: int, window_s: float | None, lag_s: int, previous: Snapshot | None = None
) -> Snapshot | None:
    """Return the window that ended `lag_s` before a moment; None if nothing of it is kept.

    Args:
        base: a snapshot taken at that moment or later.
        second: the moment, as in `snapshot_at`.
        window_s: length of the window in seconds; nothing is before a window of everything (None).
        lag_s: seconds between the ends of both; a longer window ends when the shown one begins.
        previous: an earlier result, which is returned if it is of the same time.
    """
    end = _end(base, second, window_s, lag_s)
    if end is None or window_s is None:
        return None
    now_ns = (end + 1) * SECOND_NS
    since_ns = max(base.began_ns, first_second(base, end, window_s) * SECOND_NS)
    if now_ns <= since_ns:
        return None
    if (
        previous is not None
        and (previous.now_ns, previous.window_s, previous.began_ns) == (now_ns, window_s, base.began_ns)
        and previous.span_s == (now_ns - since_ns) / SECOND_NS
    ):
        return previous
    return snapshot_at(base, end, window_s)


def _end(base: Snapshot, second: int, window_s: float | None, lag_s: int) -> int | None:
    """Return the last second of the window before; None if there is none."""
    if window_s is None:
        return None
    newest = first_second(base, second, window_s) - 1
    oldest = max(oldest_second(base.second), base.began_ns // SECOND_NS)
    wanted = min(max(second - lag_s, oldest + int(window_s) - 1), newest)
    start, length = slice_span(wanted, base.second, base.step_s)
    if length < BLOCK_S and wanted - BLOCK_S - window_s >= oldest:  # a whole window is kept before the block
        start, length = wanted // BLOCK_S * BLOCK_S, BLOCK_S
    last = start + length - 1
    if last > wanted and start > oldest:
        last = start - 1
    return last if oldest <= last <= newest else None
