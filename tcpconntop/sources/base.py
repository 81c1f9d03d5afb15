"""The protocol of a source of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tcpconntop.core.places import Names, Places
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.sources.player import Player

if TYPE_CHECKING:
    from tcpconntop.core.window.counted import CountedConnects


class Source(Protocol):
    """Batches of records, the ledger that goes with them, and the clock of both.

    A source is used by one thread at a time; only `close` may be called from another thread.
    """

    @property
    def info(self) -> SourceInfo:
        """Where the records come from."""
        ...

    @property
    def ended(self) -> bool:
        """True if there will be no more records: the recording has ended, or the source is closed."""
        ...

    def read(self, timeout_s: float) -> Events:
        """Return the records that are ready, in the order in which the attempts ended.

        Waits at most `timeout_s`; the batch may be empty.
        """
        ...

    def ledger(self) -> Ledger:
        """Return the totals. The next `read` returns the record of every attempt that they count as ended."""
        ...

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the control groups of the records so far, by `cgroup_id`."""
        ...

    def places(self) -> Places:
        """Return the names of the interfaces and network namespaces of the records so far."""
        ...

    def host(self) -> HostFacts | None:
        """Return facts of the traced host; None unless the source traces this host now."""
        ...

    @property
    def player(self) -> Player | None:
        """The playback controls of a recording that can be rewound; None for every other source."""
        ...

    @property
    def wake(self) -> Callable[[], None] | None:
        """Makes a waiting `read` return now, from any thread; None where `read` cannot be woken.

        `read` of such a source is called with short timeouts.
        """
        ...

    def now_ns(self) -> int:
        """Return the time on the clock of the records."""
        ...

    def wall_offset_ns(self) -> int:
        """Return Unix time minus the clock of the records, in nanoseconds."""
        ...

    def close(self) -> None:
        """Stop. Idempotent."""
        ...


@runtime_checkable
class CountedSource(Source, Protocol):
    """A source that gets no records, but counts of connects: `read` only waits, and its batch is empty."""

    @property
    def step_s(self) -> int:
        """Seconds of each time span that is counted."""
        ...

    def take_counted(self) -> Sequence[CountedConnects]:
        """Return what has come since the last call, in order of time; `now_ns` is the end of the last one."""
        ...


def names_of(source: Source) -> Names:
    """Return every name that a source adds to its records so far."""
    places = source.places()
    return Names(source.units(), places, "" if places.hosts else source.info.host)
