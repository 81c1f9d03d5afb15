"""The lines that say who a process is.

user www-data · unit nginx.service · started 14:03:12, 2h05m ago
/usr/sbin/nginx -g daemon off;
"""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.text import Text

from tcpconntop.core.format import elapsed, printable
from tcpconntop.kernel.process import ProcessInfo
from tcpconntop.tui.text.lines import Line, Part, fit, justify

DAY_S = 86_400

UNIT = 16
"""Cells that the unit keeps at least."""


class Identity(Line):
    """What is known of a process beyond its connects. Text from outside comes in made safe."""

    def __init__(self) -> None:
        super().__init__()
        self._life: ProcessInfo | None = None
        self._unit: str | None = None
        self._ended = ""
        self._now_s = 0.0

    def show(self, life: ProcessInfo | None, unit: str | None, ended: str, now_s: float) -> None:
        """Show a life as far as it is known; `ended` says that it is over, or is empty."""
        self._life, self._unit, self._ended, self._now_s = life, unit, ended, now_s
        self.changed()

    @property
    def line_count(self) -> int:
        """How many lines there are to show."""
        command = self._life is not None and bool(self._life.command)
        return bool(self._ended or self._life or self._unit) + command

    def draw(self, width: int) -> Text:
        """Draw the lines."""
        dim, life = self.paint("dim"), self._life
        words = []
        if life is not None:
            words += [f"user {life.user}", f"started {_moment(life.started_s, self._now_s)}"]
        if self._unit:
            # The one that may be long: it is cut so that the others stay.
            room = width - 2 - sum(cell_len(word) + 3 for word in (*words, self._ended) if word)
            unit = f"unit {printable(self._unit)}"
            words.insert(1, fit(unit, min(cell_len(unit), max(room, UNIT))))
        facts = [Part(Text(f"■ {self._ended}", self.paint("warn") + self.paint("strong")))]
        line = justify([*(facts if self._ended else []), Part(Text(" · ".join(words), dim))], [], width)
        if life is None or not life.command:
            return line
        line.append("\n")
        return line.append_text(justify([Part(Text(life.command))], [], width))


def _moment(then_s: float, now_s: float) -> str:
    """Spell a moment and how long ago it was."""
    ago_s = max(now_s - then_s, 0.0)
    clock = "%H:%M:%S" if ago_s < DAY_S else "%Y-%m-%d %H:%M"
    span = elapsed(ago_s) if ago_s < DAY_S else f"{ago_s / DAY_S:.0f}d"
    return f"{time.strftime(clock, time.localtime(then_s))}, {span} ago"
