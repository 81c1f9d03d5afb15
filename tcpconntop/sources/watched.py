"""A source that has alerts judged while it is read, where nothing else keeps a window of its records."""

from __future__ import annotations

from collections.abc import Callable

from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.alerts import WINDOW_S
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events
from tcpconntop.sources.base import Source
from tcpconntop.sources.wrapper import SourceWrapper


class WatchedSource(SourceWrapper):
    """A `Source` that keeps a window of the last minute, and has it observed once a second.

    Args:
        source: the source.
        observe: called with a snapshot of each second that has ended.
    """

    def __init__(self, source: Source, observe: Callable[[Snapshot], object]) -> None:
        super().__init__(source)
        self._observe = observe
        self._window = RollingWindow(WINDOW_S, DEFAULT_MAX_KEYS)
        self._began_ns = source.now_ns()
        self._second = self._began_ns // SECOND_NS

    def read(self, timeout_s: float) -> Events:
        """Return the records that are ready; in a new second, have the minute before it observed."""
        events = self._source.read(timeout_s)
        now_ns = self._source.now_ns()
        self._window.ingest(events, now_ns)
        if now_ns // SECOND_NS > self._second:
            self._second = now_ns // SECOND_NS
            self._observe(self._snapshot(now_ns))
        return events

    def _snapshot(self, now_ns: int) -> Snapshot:
        source = self._source
        return Snapshot(
            info=source.info,
            ledger=Ledger(),  # nothing here is about it
            window=self._window.state(),
            window_s=WINDOW_S,
            span_s=self._window.span_s(self._began_ns, now_ns),
            now_ns=now_ns,
            wall_offset_ns=source.wall_offset_ns(),
            units=source.units(),
            places=source.places(),
            began_ns=self._began_ns,
        )
