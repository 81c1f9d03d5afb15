"""`M`: every row compared with the window some minutes before, at any moment that is shown.

The window before is found again whenever another moment is shown (`core/window/earlier.py`): live, in a
recording and in the past. Nothing here has side effects: the functions return the next state.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tcpconntop.core.clock import clock
from tcpconntop.core.format import round_elapsed
from tcpconntop.core.lazy import lazy
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.baseline import without_history
from tcpconntop.core.window.lengths import SLICE_LENGTHS_S, WINDOWS
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.state import NOTHING_YET, Change, DashboardState

if TYPE_CHECKING:
    from tcpconntop.core.window import earlier
else:
    earlier = lazy("tcpconntop.core.window.earlier")

LAGS_S = (60, 300, 900)
"""How long before the shown window the others ended that `M` compares with, in seconds."""


def compared(state: DashboardState) -> DashboardState:
    """Return the state compared with the window before its shown moment, if it is to be compared."""
    if state.compare_s is None:
        return state
    before = _window_before(state, state.compare_s)
    return state if before is state.baseline else replace(state, baseline=before)


def next_comparison(state: DashboardState) -> Change:
    """Compare with 1, 5 or 15 minutes before, or with nothing: the next of these.

    Left out are those of which a window as long as the shown one shares connects with it, and those for
    which the past is too short, once it is compared with the oldest that is kept.
    """
    shown = state.snapshot
    if shown is None:
        return Change(state, NOTHING_YET)
    baseline = state.baseline if state.compare_s is not None else None
    for lag_s in LAGS_S:
        if lag_s <= (state.compare_s or 0) or (shown.window_s is not None and lag_s < shown.window_s):
            continue
        before = _window_before(state, lag_s)
        if before is None:
            break
        if baseline is None or before.now_ns < baseline.now_ns:
            return Change(replace(state, compare_s=lag_s, baseline=before), _note(shown, before, lag_s))
    if state.compare_s is not None:
        return Change(replace(state, compare_s=None, baseline=None))
    return Change(state, _nothing_kept(shown))


def comparison_text(state: DashboardState) -> str:
    """Return what the rows are compared with, for the header; empty if they are not."""
    baseline, shown = state.baseline, state.snapshot
    if state.compare_s is None:
        return "" if baseline is None else f"Δ since {clock(baseline.wall_s)}"
    if baseline is None or shown is None:
        return "Δ nothing kept"
    return f"Δ {_last(shown)} vs {_before(shown, baseline, state.compare_s)}"


def _window_before(state: DashboardState, lag_s: int) -> Snapshot | None:
    shown = state.snapshot
    if shown is None:
        return None
    base = shown if state.pause is None else state.pause.base
    second = shown.second if state.pause is None else state.pause.second
    before = earlier.earlier_window(base, second, shown.window_s, lag_s, state.baseline)
    return before if before is None or before is state.baseline else without_history(before)


def _note(shown: Snapshot, before: Snapshot, lag_s: int) -> str:
    said = f"{_last(shown)} compared with {_before(shown, before, lag_s)}"
    if _is_about(shown, before, lag_s):
        said += f": it ended at {clock(before.wall_s)}"
    if _ago_s(shown, before) < lag_s - 1:
        said += f", the oldest that is kept: {round_elapsed(lag_s)} earlier is not"
    return said


def _nothing_kept(shown: Snapshot) -> str:
    if shown.window_s is None or shown.window_s >= max(LAGS_S):
        return "nothing that is kept is older than this window: w chooses a shorter one to compare"
    return "nothing is kept from before this window yet: there is nothing to compare with"


def _last(shown: Snapshot) -> str:
    return f"last {_window_name(shown)}"


def _before(shown: Snapshot, before: Snapshot, lag_s: int) -> str:
    """Return when the window before ended, such as `about 5m earlier`, and how long it is if it is shorter.

    It ends up to a block of slices before the wanted moment; to say when exactly would count seconds up.
    """
    ago = f"{round_elapsed(_ago_s(shown, before))} earlier"
    is_shorter = before.span_s < (shown.window_s or 0) - 1
    if not is_shorter and _is_about(shown, before, lag_s):
        ago = f"about {round_elapsed(lag_s)} earlier"
    return f"{round_elapsed(before.span_s)} that ended {ago}" if is_shorter else ago


def _is_about(shown: Snapshot, before: Snapshot, lag_s: int) -> bool:
    """True if a window before ended where it was wanted, or up to a block of slices before that."""
    return -1 <= _ago_s(shown, before) - lag_s < max(SLICE_LENGTHS_S.values())


def _ago_s(shown: Snapshot, before: Snapshot) -> float:
    return round((shown.now_ns - before.now_ns) / SECOND_NS)


def _window_name(shown: Snapshot) -> str:
    return next(name for name, length_s in WINDOWS.items() if length_s == shown.window_s)
