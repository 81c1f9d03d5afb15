"""The snapshot: everything that is known at one moment. The engine publishes it, every output reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tcpconntop.core.hosts import HostState
from tcpconntop.core.places import NO_PLACES, Names, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.playback import Playback

if TYPE_CHECKING:
    from tcpconntop.core.window.slices import Slice
    from tcpconntop.core.window.state import WindowState

RECORDING = "recording"
"""The label of a replayed recording."""

PROMETHEUS = "prometheus"
"""The label of counts that a Prometheus server has scraped."""

STREAM = "stream"
"""The label of a recording that comes through a pipe, perhaps while another machine writes it."""


@dataclass(frozen=True)
class SourceInfo:
    """Where the records come from.

    Attributes:
        host: host name of the traced machine.
        kernel: its kernel release.
        probe: `fentry`, `kprobe` or `tracepoint`; empty if nothing is traced.
        transport: `ring` or `perf`; empty if nothing is traced.
        label: the kind of data, which the dashboard shows: `live`, or a word for what it is instead.
        notes: what the source could not do, one line each.
        loader: `image` if the kernel's programs were compiled ahead, `bcc` if BCC compiled them; empty if
            nothing is traced, or in an old recording.
        filters: the filters that decide which connects it has, as command line options; empty for all.
        behind_s: whole seconds since the last news, of a stream whose news are late; else 0.
        hosts: what is known of each host, if there are several; else empty.
        precision: how exact percentiles are, of a source that has counts of connects and no records: it knows
            no process and no single latency. Empty for every other source.
        bucket_edges_us: the edges of its buckets, ascending: between two of them a latency may be anywhere.
    """

    host: str
    kernel: str
    probe: str
    transport: str
    label: str
    notes: tuple[str, ...] = ()
    loader: str = ""
    filters: str = ""
    behind_s: int = 0
    hosts: tuple[HostState, ...] = ()
    precision: str = ""
    bucket_edges_us: tuple[float, ...] = ()

    @property
    def has_records(self) -> bool:
        """True if single connects are known, and not only counts of them."""
        return not self.precision

    @property
    def live(self) -> bool:
        """True if the records are connects that happen now on this machine."""
        return self.label == "live"

    @property
    def recorded(self) -> bool:
        """True if the records are connects that happened earlier."""
        return self.label == RECORDING

    @property
    def streamed(self) -> bool:
        """True if the records come through a pipe, as they are written."""
        return self.label == STREAM


@dataclass(frozen=True)
class Cost:
    """The CPU time and memory of this program itself.

    Attributes:
        cpu: share of one core since the last snapshot (1.0 is one core).
        memory_bytes: resident memory.
    """

    cpu: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that is known at one moment. Immutable: its arrays are read-only.

    Attributes:
        info: the source.
        ledger: totals since the start.
        window: sums per key over the window.
        window_s: length of the window in seconds; None is everything since the start.
        span_s: seconds that the window covers so far: less than `window_s` just after the start.
        now_ns: the moment, on the clock of the records.
        wall_offset_ns: Unix time minus the clock of the records; for display only.
        units: names of control groups by `cgroup_id`; None or absent if a group has no name.
        cost: CPU time and memory of this program.
        host: what is known of the host apart from its connects; None if nothing is traced live.
        began_ns: when counting began, on the clock of the records.
        playback: how the recording is played; None for anything else.
        places: names of interfaces and network namespaces.
        step_s: seconds of the shortest slices: of more than 1, counts within them are not told apart.
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
    places: Places = NO_PLACES
    step_s: int = 1

    def unit(self, cgroup_id: int) -> str | None:
        """Return the unit of a control group; None if it is not known."""
        return self.units.get(cgroup_id)

    @property
    def names(self) -> Names:
        """Every name that user space adds to the records."""
        return Names(self.units, self.places, self.info.host)

    @property
    def pictured(self) -> tuple[Slice, ...]:
        """The slices of the window, oldest first; without an end, long ones stand for what is older."""
        window = self.window
        return window.slices if self.window_s is not None else (*window.older_slices, *window.slices)

    @property
    def second(self) -> int:
        """The running second on the clock of the records."""
        return self.now_ns // SECOND_NS

    @property
    def wall_s(self) -> float:
        """The moment as Unix time."""
        return (self.now_ns + self.wall_offset_ns) / SECOND_NS
