"""The protocol of the playback controls of a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tcpconntop.core.places import Names
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.wire import Events

if TYPE_CHECKING:
    from tcpconntop.core.analysis.overview import OverviewBuilder


Keep: TypeAlias = "Callable[[Events, Names], Events]"
"""Returns those of some records that count, by the names that are known so far."""


class Player(Protocol):
    """Controls the playback of a recording. `set_speed` may be called from any thread."""

    @property
    def seek_done(self) -> bool:
        """True if no seek is running."""
        ...

    @property
    def batch_span(self) -> tuple[int, int] | None:
        """First second and length of the slice that the records of the last read are to be counted in.

        None: the current second, but on the way of a long seek.
        """
        ...

    def restarts(self, to_ns: int) -> bool:
        """True if a seek to this moment begins again with the first record of the recording."""
        ...

    def playback(self) -> Playback:
        """Return the state of the playback."""
        ...

    def seek(self, to_ns: int) -> None:
        """Start to seek: until `seek_done`, reads return the records on the way without waiting.

        After a seek that `restarts`, reads begin again with the first record of the recording: every sum of
        earlier records has to start again too.
        """
        ...

    def count_all(self, keep: Keep | None = None) -> Iterator[OverviewBuilder]:
        """Return an iterator that reads the whole recording by itself, from beginning to end.

        It may be used in another thread, and gives the same object again and again, after each recorded read:
        what was counted so far. It gives nothing if that is impossible.

        Args:
            keep: returns those records of a read that count; all count without it.

        Raises:
            FatalError: while it is used: the files cannot be read.
        """
        ...

    def set_speed(self, speed: float, *, paused: bool) -> None:
        """Change the speed (1 is real time), pause or resume."""
        ...
