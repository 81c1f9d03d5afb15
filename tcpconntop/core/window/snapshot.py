"""One frozen picture of everything that is known: what the engine publishes and every output reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.state import WindowState

RECORDING = "recording"
"""The label of what is replayed."""


@dataclass(frozen=True)
class SourceInfo:
    """Where the records come from.

    Attributes:
        host: host name of the machine that was traced.
        kernel: its kernel release.
        probe: `fentry`, `kprobe` or `tracepoint`; empty where nothing is traced.
        transport: `ring` or `perf`; empty where nothing is traced.
        label: what the dashboard shows as the kind of data: `live`, or a word that says it is not.
        notes: what the source could not do, one line each.
    """

    host: str
    kernel: str
    probe: str
    transport: str
    label: str
    notes: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether the records are of connects that happen now on this machine."""
        return self.label == "live"

    @property
    def recorded(self) -> bool:
        """Whether the records are of connects that once happened."""
        return self.label == RECORDING


@dataclass(frozen=True)
class Cost:
    """What this program itself takes.

    Attributes:
        cpu: share of one core since the last snapshot (1.0 is a whole core).
        memory_bytes: resident memory.
    """

    cpu: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything at one moment. Immutable: its arrays are read-only.

    Attributes:
        info: the source.
        ledger: totals since the start.
        window: sums per key over the window.
        window_s: length of the window in seconds; None is everything since the start.
        span_s: seconds that the window covers so far (less than `window_s` just after the start).
        now_ns: the moment, on the clock of the records.
        wall_offset_ns: what to add to the clock of the records for Unix time; for display alone.
        units: names of control groups by `cgroup_id`; None or absent where there is none to tell.
        cost: what this program takes.
        host: what is known of the host beside its connects; None where nothing is traced live.
        began_ns: when counting began, on the clock of the records.
        playback: how it is played, where it is a recording in which one can go back and forth.
    """

    info: SourceInfo
    ledger: Ledger
    window: WindowState
    window_s: float | None
    span_s: float
    now_ns: int
    wall_offset_ns: int
    units: Mapping[int, str | None] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    host: HostFacts | None = None
    began_ns: int = 0
    playback: Playback | None = None

    def unit(self, cgroup_id: int) -> str | None:
        """Name the unit of a control group, if it is known."""
        return self.units.get(cgroup_id)

    @property
    def second(self) -> int:
        """The running second on the clock of the records."""
        return self.now_ns // SECOND_NS

    @property
    def wall_s(self) -> float:
        """The moment as Unix time."""
        return (self.now_ns + self.wall_offset_ns) / SECOND_NS
