"""What plays a recording, as far as somebody who looks at it may steer it."""

from __future__ import annotations

from typing import Protocol

from tcpconntop.core.window.playback import Playback


class Player(Protocol):
    """Steers a source that is a recording. `set_pace` may be called from any thread."""

    @property
    def seek_done(self) -> bool:
        """Whether the last seek is done."""
        ...

    def playback(self) -> Playback:
        """Say how it is played."""
        ...

    def seek(self, to_ns: int) -> None:
        """Go to a moment: reads give what lies before it without waiting, until `seek_done`.

        To an earlier one, the source begins anew: whoever sums up what it gives has to begin anew as well.
        """
        ...

    def set_pace(self, speed: float, *, halted: bool) -> None:
        """Play faster or slower, or stand still."""
        ...
