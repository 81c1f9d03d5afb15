"""A source around another one: what one of its kind does not do otherwise, the other one does."""

from __future__ import annotations

from collections.abc import Mapping

from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.sources.base import Source
from tcpconntop.sources.player import Player


class SourceWrapper:
    """A `Source` that hands on what another one gives."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def info(self) -> SourceInfo:
        """Where the records come from."""
        return self._source.info

    @property
    def ended(self) -> bool:
        """Whether no record will come any more."""
        return self._source.ended

    def read(self, timeout_s: float) -> Events:
        """Give the records that are ready."""
        return self._source.read(timeout_s)

    def ledger(self) -> Ledger:
        """Give the totals."""
        return self._source.ledger()

    def units(self) -> Mapping[int, str | None]:
        """Give the names of the control groups of the records so far, by `cgroup_id`."""
        return self._source.units()

    def host(self) -> HostFacts | None:
        """Give what is known of the host beside its connects."""
        return self._source.host()

    @property
    def player(self) -> Player | None:
        """What steers it where it is a recording in which one can go back and forth; else None."""
        return self._source.player

    def now_ns(self) -> int:
        """Give the time on the clock of the records."""
        return self._source.now_ns()

    def wall_offset_ns(self) -> int:
        """Give what to add to the clock of the records for Unix time."""
        return self._source.wall_offset_ns()

    def close(self) -> None:
        """Stop."""
        self._source.close()
