"""The lines that identify a process: user, unit, start and command line.

user www-data · unit nginx.service · started 14:03:12, 2h05m ago
/usr/sbin/nginx -g daemon off;
"""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.text import Text

from tcpconntop.core.clock import repeated_zone
from tcpconntop.core.format import elapsed, printable
from tcpconntop.kernel.process import ProcessInfo
from tcpconntop.tui.text.lines import Line, Part, fit, justify

DAY_S = 86_400

MIN_UNIT_CELLS = 16
"""The unit is cut to the room that is left, but not below this."""


class Identity(Line):
    """What /proc tells about a process. Its text is printable already: see `read_process`."""

    def __init__(self) -> None:
        super().__init__()
        self._process: ProcessInfo | None = None
        self._unit: str | None = None
        self._ended = ""
        self._now_s = 0.0

    def show(self, process: ProcessInfo | None, unit: str | None, ended: str, now_s: float) -> None:
        """Show what is known of a process.

        Args:
            process: its entry in /proc; None if there is none.
            unit: its systemd unit or container; None if that is not known.
            ended: why nothing more will be known about it; empty while it runs.
            now_s: Unix time of the shown moment.
        """
        self._process, self._unit, self._ended, self._now_s = process, unit, ended, now_s
        self.redraw()

    @property
    def line_count(self) -> int:
        """Number of lines that there are to show, 0 to 2."""
        command = self._process is not None and bool(self._process.command)
        return bool(self._ended or self._process or self._unit) + command

    def draw(self, width: int) -> Text:
        """Return the lines."""
        dim, process = self.paint("dim"), self._process
        words = []
        if process is not None:
            words += [f"user {process.user}", f"started {_time_and_age(process.started_s, self._now_s)}"]
        if self._unit:
            # Only the unit may be long: cut it, so that the other words stay.
            room = width - 2 - sum(cell_len(word) + 3 for word in (*words, self._ended) if word)
            unit = f"unit {printable(self._unit)}"
            words.insert(1, fit(unit, min(cell_len(unit), max(room, MIN_UNIT_CELLS))))
        facts = [Part(Text(f"■ {self._ended}", self.paint("warn") + self.paint("strong")))]
        line = justify([*(facts if self._ended else []), Part(Text(" · ".join(words), dim))], [], width)
        if process is None or not process.command:
            return line
        line.append("\n")
        return line.append_text(justify([Part(Text(process.command))], [], width))


def _time_and_age(then_s: float, now_s: float) -> str:
    """Return a time and its age, such as `14:03:12, 2h05m ago`."""
    ago_s = max(now_s - then_s, 0.0)
    clock = "%H:%M:%S" if ago_s < DAY_S else "%Y-%m-%d %H:%M"
    span = elapsed(ago_s) if ago_s < DAY_S else f"{ago_s / DAY_S:.0f}d"
    return f"{time.strftime(clock, time.localtime(then_s))}{repeated_zone(then_s)}, {span} ago"
