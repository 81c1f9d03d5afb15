"""States of the dashboard for tests that need no running app."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from support import BEGAN_NS, flow, snapshot

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.playback import Playback
from tcpconntop.tui.state import DashboardState

END_NS = BEGAN_NS + 300 * SECOND_NS


@cache
def snapshot_after(seconds):
    """Return the snapshot after some seconds; the same one each time, because it is frozen."""
    return snapshot(seconds, [flow("curl", 7)])


def live(seconds=30, window="1m"):
    """Return the state after some seconds of a live source."""
    return DashboardState(window, 1.0).with_snapshot(snapshot_after(seconds))


def recorded(seconds=60, **playback):
    """Return the state some seconds into a recording of five minutes."""
    now_ns = BEGAN_NS + seconds * SECOND_NS
    shown = replace(snapshot_after(30), now_ns=now_ns, playback=Playback(BEGAN_NS, END_NS, **playback))
    return DashboardState("1m", 1.0).with_snapshot(shown)


def seconds_shown(state):
    return (state.snapshot.now_ns - BEGAN_NS) / SECOND_NS
