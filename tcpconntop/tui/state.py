"""How things stand: what the app hands to the screen that is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tcpconntop.core.format import elapsed
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.rolling import WINDOWS
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.tui.actions import Keys

STARTING = "starting: compiling the probe…"


@dataclass(frozen=True)
class PendingSeek:
    """A seek that is on its way.

    Attributes:
        to_ns: where to, on the clock of the records.
        share: how much of the way is done, as soon as that takes a while.
    """

    to_ns: int
    share: float | None = None


@dataclass(frozen=True, eq=False)
class DashboardState:
    """How things stand.

    Attributes:
        window: name of the window that is asked for (`WINDOWS`).
        interval_s: seconds between refreshes.
        info: the source, once it is open.
        latest: the newest snapshot.
        held: the snapshot that a pause holds on to.
        frozen: what is seen while paused: that one, or an older moment of it.
        mark: the snapshot that the rows are compared with.
        keys: which keys mean what.
        namer: gives the names of addresses, where they are wanted.
        ended: whether the source has no more records.
        playback: how the recording is played, as the user wants it; None where nothing can be steered.
        seeking: where it goes to, until it is there.
    """

    window: str
    interval_s: float
    info: SourceInfo | None = None
    latest: Snapshot | None = field(default=None, repr=False)
    held: Snapshot | None = field(default=None, repr=False)
    frozen: Snapshot | None = field(default=None, repr=False)
    mark: Snapshot | None = field(default=None, repr=False)
    keys: Keys = field(default_factory=Keys)
    namer: Callable[[str], str] | None = field(default=None, repr=False)
    ended: bool = False
    playback: Playback | None = None
    seeking: PendingSeek | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """What is shown."""
        return self.frozen or self.latest

    @property
    def paused_s(self) -> float | None:
        """For how many seconds the view has been frozen; None when it is not."""
        if self.held is None or self.latest is None:
            return None
        return (self.latest.now_ns - self.held.now_ns) / SECOND_NS

    @property
    def ago_s(self) -> float | None:
        """How many seconds ago was what is seen; None where nobody looks back."""
        if self.frozen is None or self.latest is None or self.held is None:
            return None
        if self.frozen.now_ns == self.held.now_ns:
            return None
        return (self.latest.now_ns - self.frozen.now_ns) / SECOND_NS

    @property
    def window_label(self) -> str:
        """Name of the window of what is seen, and what it covers where old slices are too coarse for it."""
        if self.frozen is None:
            return self.window
        name = next(name for name, length_s in WINDOWS.items() if length_s == self.frozen.window_s)
        length_s, span_s = self.frozen.window_s, self.frozen.span_s
        since_s = (self.frozen.now_ns - self.frozen.began_ns) / SECOND_NS
        coarse = length_s is not None and abs(span_s - min(length_s, since_s)) > 1 and self.ago_s is not None
        return f"{name} ({elapsed(span_s)})" if coarse else name
