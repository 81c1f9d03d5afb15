"""All messages: snapshots on their way to the app, and requests of the user on their way from the widgets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from tcpconntop.core.view.filter import Filter
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo

if TYPE_CHECKING:
    from tcpconntop.core.analysis.explain import Finding
    from tcpconntop.core.analysis.overview import Overview


@dataclass
class SourceOpened(Message):
    """The source is open; snapshots of its records follow."""

    info: SourceInfo


@dataclass
class SnapshotReady(Message):
    """The engine has published a snapshot. A newer one replaces one that still waits in the queue."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Return True if this message may replace a waiting one."""
        return isinstance(message, SnapshotReady)


@dataclass
class OverviewReady(Message):
    """More of a recording was read in the background. A newer one replaces one that still waits.

    Attributes:
        overview: what is known so far.
        where: text of the filter that it was counted under; empty for all connects.
    """

    overview: Overview
    where: str = ""

    def can_replace(self, message: Message) -> bool:
        """Return True if this message may replace a waiting one."""
        return isinstance(message, OverviewReady) and message.where == self.where


@dataclass
class CountRequested(Message):
    """Count a whole recording under a filter: it is not known yet what the filter leaves of it."""

    where: Filter


@dataclass
class MomentRequested(Message):
    """Go to a moment, on the clock of the records: it was clicked."""

    moment_ns: int


@dataclass
class TerminalGone(Message):
    """The terminal has gone: nothing can be read from it or drawn on it any more."""


@dataclass
class NameResolved(Message):
    """The resolver has found the name of an address."""

    def can_replace(self, message: Message) -> bool:
        """Return True if this message may replace a waiting one."""
        return isinstance(message, NameResolved)


@dataclass
class SortRequested(Message):
    """Sort by a column; by the same column again, reverse the order."""

    column: str


@dataclass
class RowSelected(Message):
    """The selection has changed; `identity` is None if no row is selected any more."""

    identity: bytes | None


@dataclass
class ActionRequested(Message):
    """Run an action of the registry, by its name: its word was clicked."""

    action: str


@dataclass
class NoRowSelected(Message):
    """The user pressed a key that needs a row, and there is none."""


@dataclass
class RowOpened(Message):
    """Show the details of the selected row."""


@dataclass
class TabRequested(Message):
    """Show a pane."""

    name: str


@dataclass
class FindingRequested(Message):
    """Select the row of a finding."""

    finding: Finding


@dataclass
class CopyRequested(Message):
    """Copy a text to the clipboard of the terminal."""

    text: str


@dataclass
class FindingsClosed(Message):
    """Move the focus from the findings back to the table."""


@dataclass
class FilterSubmitted(Message):
    """Show only the rows that match a filter."""

    text: str


@dataclass
class FilterCancelled(Message):
    """Close the filter bar without a change."""


@dataclass(frozen=True)
class ProcessSummary:
    """A process in the window, with the figures of its attempts that have ended.

    Attributes:
        pid: its process id.
        comm: its name.
        attempts: how many ended.
        p99_us: their p99; NaN where none succeeded.
        fail: the share of them that failed; NaN where none ended.
        retransmits: SYNs that were sent again.
    """

    pid: int
    comm: str
    attempts: int = 0
    p99_us: float = math.nan
    fail: float = math.nan
    retransmits: int = 0


@dataclass
class ProcessRequested(Message):
    """Open the screen of a process; if there are several, let the user choose."""

    processes: tuple[ProcessSummary, ...]


@dataclass
class ScreenShown(Message):
    """A screen has become visible and needs the current state."""
