"""The title of the terminal (OSC 2), and how the one before comes back."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tcpconntop.core.format import printable

MAX_TITLE = 100
"""A longer title is cut: window managers do so too."""

_SAVE, _RESTORE = "\x1b[22;2t", "\x1b]2;\x1b\\\x1b[23;2t"
"""Save and restore the title, as xterm does. A terminal that cannot gets an empty one, and shows its own."""


def has_title(environment: Mapping[str, str] = os.environ) -> bool:
    """Return True if the terminal has a title."""
    return environment.get("TERM", "dumb") not in ("linux", "dumb")


class TerminalTitle:
    """What to write to the terminal so that its title is ours, or the one before again."""

    def __init__(self) -> None:
        self.text = ""
        self._is_shown = False

    def show(self) -> str:
        """Return what shows our title, or the one before if ours is empty; nothing to write is empty."""
        if not self.text:
            return self.restore()
        saved = "" if self._is_shown else _SAVE
        self._is_shown = True
        return f"{saved}\x1b]2;{printable(self.text)[:MAX_TITLE]}\x1b\\"

    def restore(self) -> str:
        """Return what shows the title before."""
        was_shown, self._is_shown = self._is_shown, False
        return _RESTORE if was_shown else ""
