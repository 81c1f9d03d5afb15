"""A spike in words: from when to when, how far it stands out, and where most of it went. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tcpconntop.core.clock import clock
from tcpconntop.core.format import duration, percent
from tcpconntop.core.lazy import lazy
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import Filter
from tcpconntop.tui.overviews import kept_by, spikes_in
from tcpconntop.tui.state import DashboardState

if TYPE_CHECKING:
    from tcpconntop.core.analysis import past
    from tcpconntop.core.analysis.overview import Overview
    from tcpconntop.core.analysis.spikes import Spike
else:
    past = lazy("tcpconntop.core.analysis.past")


def spike_texts(state: DashboardState, where: Filter, overview: Overview, spike: Spike) -> list[str]:
    """Return a spike in words, the longest text first; no text names a cause.

    Args:
        state: the state that it is shown in.
        where: which connects the overview is of.
        overview: what the spike was found in.
        spike: the spike.
    """
    found = spikes_in(overview)
    number = f"spike {found.index(spike) + 1} of {len(found)}{'' if overview.complete else ' so far'}"
    times = _times(state, overview, spike)
    figure, before = _figures(spike)
    kind = "slow" if spike.slow else "failed"
    snapshot = kept_by(state) if state.seeking is None else None
    place = None if snapshot is None else past.main_destination(snapshot, overview, spike, where.of_keys)
    if place is None:
        return [
            f"{number}, {times}: {figure} (before {before})",
            f"spike {times}: {figure} (before {before})",
            f"{times}: {figure} (before {before})",
            f"spike {times}",
        ]
    share = f"{math.floor(place.share * 100)}%" if place.share < 1 else "all"
    return [
        f"{number}, {times}: {figure} (before {before}), {share} of the {kind} ones to {place.name}",
        f"spike {times}: {figure} (before {before}), {share} of the {kind} ones to {place.name}",
        f"spike {times}: {figure} (before {before}), most to {place.name}",
        f"{times}: {figure}, most to {place.name}",
        f"{times}: {figure} (before {before})",
        f"spike {times}",
    ]


def _times(state: DashboardState, overview: Overview, spike: Spike) -> str:
    """Return from when to when a spike was, as times of day."""
    offset_ns = 0 if state.latest is None else state.latest.wall_offset_ns
    since, until = (
        clock((overview.end_ns(step) + offset_ns) / SECOND_NS) for step in (spike.first - 1, spike.last)
    )
    is_exact = overview.is_exact(spike.first) and overview.is_exact(spike.last)
    return f"{'' if is_exact else 'about '}{since}–{until}"


def _figures(spike: Spike) -> tuple[str, str]:
    """Return how high a spike is, and what it was before."""
    if spike.slow:
        return f"p99 {duration(spike.p99_us)}", duration(spike.usual_us)
    before = 0.0 if math.isnan(spike.usual_share) else spike.usual_share
    return f"{percent(spike.share)}% failed", f"{percent(before)}%"
