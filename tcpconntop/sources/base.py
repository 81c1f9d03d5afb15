"""What every source of records can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.sources.player import Player


class Source(Protocol):
    """Batches of records, the ledger beside them, and the clock that both are on.

    A source belongs to one thread at a time; only `close` may be called from another one.
    """

    @property
    def info(self) -> SourceInfo:
        """Where the records come from."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no record will come any more (a recording that is over)."""
        ...

    def read(self, timeout_s: float) -> Events:
        """Give the records that are ready, in the order in which the attempts ended.

        Waits for at most `timeout_s`; the batch may be empty.
        """
        ...

    def ledger(self) -> Ledger:
        """Give the totals. Every attempt that they count as ended has its record in the next `read`."""
        ...

    def units(self) -> Mapping[int, str | None]:
        """Give the names of the control groups of the records so far, by `cgroup_id`."""
        ...

    def host(self) -> HostFacts | None:
        """Give what is known of the host beside its connects; None unless it is this one, now."""
        ...

    @property
    def player(self) -> Player | None:
        """What steers it where it is a recording in which one can go back and forth; else None."""
        ...

    def now_ns(self) -> int:
        """Give the time on the clock of the records."""
        ...

    def wall_offset_ns(self) -> int:
        """Give what to add to the clock of the records for Unix time."""
        ...

    def close(self) -> None:
        """Stop; may be called twice."""
        ...
