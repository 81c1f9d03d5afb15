"""Everything that travels: snapshots inwards, intents outwards."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from tcpconntop.core.analysis.explain import Finding
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo


@dataclass
class SourceOpened(Message):
    """The tracer runs: its records will follow."""

    info: SourceInfo


@dataclass
class SnapshotReady(Message):
    """The engine has published. A snapshot that waits is replaced by a newer one."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Whether this message may take the place of one that waits."""
        return isinstance(message, SnapshotReady)


@dataclass
class NameResolved(Message):
    """The name of an address is known that was not."""

    def can_replace(self, message: Message) -> bool:
        """Whether this message may take the place of one that waits."""
        return isinstance(message, NameResolved)


@dataclass
class SortRequested(Message):
    """Sort by a column; again means the other way round."""

    column: str


@dataclass
class RowSelected(Message):
    """Another row is selected; None: no row is."""

    identity: bytes | None


@dataclass
class NoRowSelected(Message):
    """A row was asked for where there is none."""


@dataclass
class RowOpened(Message):
    """Show the details of the selected row."""


@dataclass
class TabRequested(Message):
    """Show a pane."""

    name: str


@dataclass
class FindingRequested(Message):
    """Go to the row that a finding names."""

    finding: Finding


@dataclass
class FindingsClosed(Message):
    """The user goes back from the findings to the table."""


@dataclass
class FilterSubmitted(Message):
    """Show only what this filter lets pass."""

    text: str


@dataclass
class FilterCancelled(Message):
    """The filter input was left without a change."""


@dataclass(frozen=True)
class ProcessSummary:
    """A process as the window knows it, with the ended attempts it has there."""

    pid: int
    comm: str
    attempts: int = 0


@dataclass
class ProcessRequested(Message):
    """Open the screen of a process; of several the user chooses one."""

    processes: tuple[ProcessSummary, ...]


@dataclass
class ScreenShown(Message):
    """A board came into sight: it wants to know how things stand."""
