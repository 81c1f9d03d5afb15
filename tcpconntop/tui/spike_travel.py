"""Going from spike to spike. Nothing here has side effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.filter import NO_FILTER, Filter
from tcpconntop.tui.overviews import overview_of, spike_at, spikes_in
from tcpconntop.tui.spike_text import spike_texts
from tcpconntop.tui.state import NOTHING_YET, Change, DashboardState
from tcpconntop.tui.time_travel import time_travel

if TYPE_CHECKING:
    from tcpconntop.core.analysis import spikes
    from tcpconntop.core.analysis.overview import Overview
    from tcpconntop.core.analysis.spikes import Spike
else:
    spikes = lazy("tcpconntop.core.analysis.spikes")


@dataclass(frozen=True)
class Wish:
    """A spike that was asked for before the recording was read so far.

    Attributes:
        by: the next one (1) or the one before (-1).
        from_ns: the moment that was shown; None before there was one.
    """

    by: int
    from_ns: int | None


def shown_ns(state: DashboardState) -> int | None:
    """Return the moment that is shown, or looked for; None before the first snapshot."""
    if state.seeking is not None:
        return state.seeking.to_ns
    return state.snapshot.now_ns if state.snapshot is not None else None


def to_spike(state: DashboardState, by: int, where: Filter = NO_FILTER) -> Change | Wish:
    """Stop at the next spike (1) or at the one before (-1); a `Wish` if more has to be read for that.

    Args:
        state: the state.
        by: the direction.
        where: which connects count.
    """
    overview, travel, now_ns = overview_of(state, where), time_travel(state), shown_ns(state)
    if overview is None or travel is None or now_ns is None:
        # Before the source is open it is not known whether it is a recording.
        waits = state.info is None or state.info.recorded
        return Wish(by, now_ns) if waits else Change(state, NOTHING_YET)
    found = spikes_in(overview)
    spike = spikes.next_spike(overview, found, now_ns, by)
    read_to_here = overview.complete or overview.began_ns + overview.n_counted * overview.step_ns >= now_ns
    if not read_to_here or (by > 0 and spike is None and not overview.complete):
        return Wish(by, now_ns)
    if spike is None:
        return Change(state, _none(found, by, overview, now_ns))
    change = travel.look_at(overview.end_ns(spike.last))
    about = spike_texts(change.state, where, overview, spike)[0]
    return Change(change.state, change.note or about, change.moved)


def waiting(state: DashboardState, where: Filter = NO_FILTER) -> str:
    """Return what is said while a spike is looked for in what is not read yet."""
    if state.info is None:
        return NOTHING_YET
    overview = overview_of(state, where)
    share = 0.0 if overview is None else overview.n_counted / len(overview)
    return f"{share:.0%} of the recording is read: the spike will be shown when it is found"


def _none(all_spikes: list[Spike], by: int, overview: Overview, now_ns: int) -> str:
    if not all_spikes:
        return "no spike: p99 was nowhere 3 times what it was just before, and failures nowhere 1% more"
    inside = spike_at(overview, now_ns) is not None
    return f"no {'later' if by > 0 else 'earlier'} spike{': this moment is in one' if inside else ''}"
