"""The overview of all that can be gone to from a state, and the spikes in it. Each is computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from tcpconntop.core.lazy import lazy
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.state import DashboardState

if TYPE_CHECKING:
    from tcpconntop.core.analysis import overview as overviews
    from tcpconntop.core.analysis import spikes
    from tcpconntop.core.analysis.overview import Overview
    from tcpconntop.core.analysis.spikes import Spike
else:
    overviews = lazy("tcpconntop.core.analysis.overview")
    spikes = lazy("tcpconntop.core.analysis.spikes")

Of = TypeVar("Of")
Found = TypeVar("Found")

_OF_SNAPSHOT: WeakKeyDictionary[Snapshot, Overview] = WeakKeyDictionary()
_IN_OVERVIEW: WeakKeyDictionary[Overview, list[Spike]] = WeakKeyDictionary()


def overview_of(state: DashboardState) -> Overview | None:
    """Return a whole recording, as far as it was read, or the past that is kept; None if there is nothing."""
    if state.latest is None or state.playback is not None:
        return state.overview
    base = state.pause.base if state.pause is not None else state.latest
    return _once(_OF_SNAPSHOT, base, lambda: overviews.past_overview(base))


def spikes_in(overview: Overview) -> list[Spike]:
    """Return the spikes in an overview."""
    return _once(_IN_OVERVIEW, overview, lambda: spikes.find_spikes(overview))


def _once(kept: WeakKeyDictionary[Of, Found], of: Of, find: Callable[[], Found]) -> Found:
    found = kept.get(of)
    if found is None:
        found = kept[of] = find()
    return found
