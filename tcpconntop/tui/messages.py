"""Everything that travels: snapshots inwards, intents outwards."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from tcpconntop.core.explain import Finding
from tcpconntop.core.snapshot import Snapshot, SourceInfo


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
class NameFound(Message):
    """The name of an address is known that was not."""

    def can_replace(self, message: Message) -> bool:
        """Whether this message may take the place of one that waits."""
        return isinstance(message, NameFound)


@dataclass
class SortWanted(Message):
    """Sort by a column; again means the other way round."""

    column: str


@dataclass
class RowSelected(Message):
    """Another row is selected; None: no row is."""

    identity: bytes | None


@dataclass
class RowMissing(Message):
    """A row was asked for where there is none."""


@dataclass
class RowOpened(Message):
    """Show the details of the selected row."""


@dataclass
class TabWanted(Message):
    """Show a pane."""

    name: str


@dataclass
class FindingWanted(Message):
    """Go to the row that a finding names."""

    finding: Finding


@dataclass
class FindingsLeft(Message):
    """The user goes back from the findings to the table."""


@dataclass
class FilterWanted(Message):
    """Show only what this filter lets pass."""

    text: str


@dataclass
class FilterLeft(Message):
    """The filter input was left without a change."""


@dataclass(frozen=True)
class Process:
    """A process as the window knows it, with the ended attempts it has there."""

    pid: int
    comm: str
    attempts: int = 0


@dataclass
class ProcessesWanted(Message):
    """Open the screen of a process; of several the user chooses one."""

    processes: tuple[Process, ...]


@dataclass
class BoardShown(Message):
    """A board came into sight: it wants to know how things stand."""
