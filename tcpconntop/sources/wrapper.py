"""Base class for sources that wrap another source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tcpconntop.core.places import Places
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.sources.base import Source
from tcpconntop.sources.player import Player


class SourceWrapper:
    """A `Source` that forwards every call to another source. Subclasses override what they change."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def info(self) -> SourceInfo:
        """Where the records come from."""
        return self._source.info

    @property
    def ended(self) -> bool:
        """True if there will be no more records."""
        return self._source.ended

    def read(self, timeout_s: float) -> Events:
        """Return the records that are ready."""
        return self._source.read(timeout_s)

    def ledger(self) -> Ledger:
        """Return the totals."""
        return self._source.ledger()

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the control groups of the records so far, by `cgroup_id`."""
        return self._source.units()

    def places(self) -> Places:
        """Return the names of the interfaces and network namespaces of the records so far."""
        return self._source.places()

    def host(self) -> HostFacts | None:
        """Return facts of the traced host; None if there are none."""
        return self._source.host()

    @property
    def player(self) -> Player | None:
        """The playback controls of a recording that can be rewound; None for every other source."""
        return self._source.player

    @property
    def wake(self) -> Callable[[], None] | None:
        """Makes a waiting `read` return now; None where it cannot be woken."""
        return self._source.wake

    def now_ns(self) -> int:
        """Return the time on the clock of the records."""
        return self._source.now_ns()

    def wall_offset_ns(self) -> int:
        """Return Unix time minus the clock of the records, in nanoseconds."""
        return self._source.wall_offset_ns()

    def close(self) -> None:
        """Stop. Idempotent."""
        self._source.close()


class FilteredSource(SourceWrapper):
    """A `Source` that says which filters its records have passed.

    Args:
        source: the source, which applies the filters.
        filters: the filters, as command line options.
        notes: what a filter does differently from what was asked for, a line each.
    """

    def __init__(self, source: Source, filters: str, notes: tuple[str, ...] = ()) -> None:
        super().__init__(source)
        self._filters, self._notes = filters, notes

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, and the filters."""
        info = self._source.info
        filters = " ".join(part for part in (info.filters, self._filters) if part)
        return replace(info, filters=filters, notes=(*self._notes, *info.notes))


def with_filters(source: Source, filters: str, notes: tuple[str, ...]) -> Source:
    """Return a source that names these filters; the same source if there are none."""
    return FilteredSource(source, filters, notes) if filters or notes else source
