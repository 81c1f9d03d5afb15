"""The protocol of the playback controls of a recording."""

from __future__ import annotations

from typing import Protocol

from tcpconntop.core.window.playback import Playback


class Player(Protocol):
    """Controls the playback of a recording. `set_speed` may be called from any thread."""

    @property
    def seek_done(self) -> bool:
        """True if no seek is running."""
        ...

    def playback(self) -> Playback:
        """Return the state of the playback."""
        ...

    def seek(self, to_ns: int) -> None:
        """Start to seek: until `seek_done`, reads return the records on the way without waiting.

        After a seek to an earlier time, reads begin again with the first record of the recording: every sum
        of earlier records has to start again too.
        """
        ...

    def set_speed(self, speed: float, *, paused: bool) -> None:
        """Change the speed (1 is real time), pause or resume."""
        ...
