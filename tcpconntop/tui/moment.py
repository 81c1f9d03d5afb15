"""How things stand: what the app hands to the screen that is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tcpconntop.core.snapshot import Snapshot, SourceInfo
from tcpconntop.core.window import WINDOWS

STARTING = "starting: compiling the probe…"


@dataclass(frozen=True, eq=False)
class Moment:
    """How things stand.

    Attributes:
        window: name of the window that is asked for (`WINDOWS`).
        interval_s: seconds between refreshes.
        info: the source, once it is open.
        latest: the newest snapshot.
        frozen: the snapshot that a pause holds on to.
        namer: gives the names of addresses, where they are wanted.
        ended: whether the source has no more records.
    """

    window: str
    interval_s: float
    info: SourceInfo | None = None
    latest: Snapshot | None = field(default=None, repr=False)
    frozen: Snapshot | None = field(default=None, repr=False)
    namer: Callable[[str], str] | None = field(default=None, repr=False)
    ended: bool = False

    @property
    def snapshot(self) -> Snapshot | None:
        """What is shown."""
        return self.frozen or self.latest

    @property
    def paused_s(self) -> float | None:
        """For how many seconds the view has been frozen; None when it is not."""
        if self.frozen is None or self.latest is None:
            return None
        return (self.latest.now_ns - self.frozen.now_ns) / 1e9

    @property
    def window_shown(self) -> str:
        """Name of the window of what is shown: a frozen snapshot keeps its own."""
        if self.frozen is None:
            return self.window
        return next(name for name, length_s in WINDOWS.items() if length_s == self.frozen.window_s)
