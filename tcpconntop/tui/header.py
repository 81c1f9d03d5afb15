"""The first line: what is traced, what is shown of it, and whether it is live.

tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼                      ● live
tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼      10:03:12  recording  ▶ 1:12/5:00
"""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tcpconntop.core.columns import COLUMNS
from tcpconntop.core.groups import GROUPINGS
from tcpconntop.core.playback import format_position, format_speed
from tcpconntop.core.snapshot import Snapshot
from tcpconntop.core.units import elapsed, printable
from tcpconntop.core.view import ViewSpec
from tcpconntop.tui.lines import Line, Part, fit, spread
from tcpconntop.tui.moment import STARTING, Moment

LEAST = 8
"""Cells that a part of what is shown is worth."""


class Header(Line):
    """The header line."""

    def __init__(self) -> None:
        super().__init__()
        self._moment: Moment | None = None
        self._spec = ViewSpec()
        self._subject = ""

    def show(self, moment: Moment, spec: ViewSpec, subject: str = "") -> None:
        """Show how things stand; `subject` says what the screen is about when it is not everything."""
        self._moment, self._spec, self._subject = moment, spec, subject
        self.changed()

    def draw(self, width: int) -> Text:
        """Draw the line."""
        if self._moment is None:
            return Text()
        moment, right = self._moment, self._right(self._moment)
        line = self._line(moment, right, width)
        if moment.mark is not None and _since(moment.mark) not in line.plain:  # its sign stays
            line = self._line(moment, [Part(Text("Δ", self.paint("accent"))), *right], width)
        return line

    def _line(self, moment: Moment, right: list[Part], width: int) -> Text:
        """Put what is shown beside what is at the right."""
        line = spread(self._left(moment, width, "  "), right, width)
        if line.plain.startswith("   "):  # what the wide gap keeps apart has gone
            line = spread(self._left(moment, width, ""), right, width)
        room = len(line.plain) - len(line.plain.lstrip()) - 3
        if room >= LEAST:  # nothing of it fits as a whole
            line = spread([Part(Text(fit(" · ".join(self._shown(moment)), room)))], right, width)
        return line

    def _shown(self, moment: Moment) -> list[str]:
        """Say what is shown: grouping, window, order, and an interval that is not the usual one."""
        order = COLUMNS[self._spec.sort].header.lower().replace("δ", "Δ") + (
            "▼" if self._spec.descending else "▲"
        )
        words = [f"by {GROUPINGS[self._spec.group_by].title}", moment.window_shown, order]
        return words if moment.interval_s == 1 else [*words, f"every {moment.interval_s:g}s"]

    def _left(self, moment: Moment, width: int, gap: str) -> list[Part]:
        """Say what is shown; `gap` stands before the order. A filter may be cut, but not left out."""
        dim, accent = self.paint("dim"), self.paint("accent")
        left = [Part(Text("tcpconntop", accent + self.paint("strong")), 5)]
        left += [Part(Text(word, dim), priority) for word, priority in self._origin(moment)]
        shown = [Text(word) for word in self._shown(moment)]
        left.append(Part(Text(gap) + Text(" · ", dim).join(shown), 2))
        if moment.mark is not None:
            left.append(Part(Text(_since(moment.mark), accent), 4))
        if self._spec.where.text:
            text = f"/{printable(self._spec.where.text)}"
            left.append(Part(Text(fit(text, min(cell_len(text), max(12, width // 4))), accent), 1))
        return left

    def _right(self, moment: Moment) -> list[Part]:
        """Say how things are, and what to beware of."""
        right = self._played(moment) or [Part(self._state(moment))]
        if moment.info and moment.info.recorded and moment.snapshot:
            then, dim = time.localtime(moment.snapshot.wall_s), self.paint("dim")
            day, clock = (Text(time.strftime(form, then), dim) for form in ("%Y-%m-%d", "%H:%M:%S"))
            right[:0] = [Part(day, 7), Part(clock, 1)]
        if moment.info and moment.info.notes:
            right.insert(0, Part(Text(f"⚠ {len(moment.info.notes)}", self.paint("warn")), 3))
        return right

    def _origin(self, moment: Moment) -> list[tuple[str, int]]:
        if self._subject:
            return [(self._subject, 1)]
        if moment.info is None:
            return []
        info = moment.info
        probe = "/".join(word for word in (info.probe, info.transport) if word)
        return [(" · ".join(word for word in (info.host, info.kernel, probe) if word), 6)]

    def _played(self, moment: Moment) -> list[Part]:
        """Say where in the recording one is: `recording  ▶ 1:12/5:00 ×10`."""
        play, snapshot = moment.playback, moment.snapshot
        if play is None or snapshot is None or moment.info is None:
            return []
        label, seeking = moment.info.label, moment.seeking
        now_ns = seeking.to_ns if seeking else snapshot.now_ns
        place = format_position(now_ns - play.began_ns, play.end_ns - play.began_ns)
        text = f"{place}/{format_position(play.end_ns - play.began_ns, 0)}"
        style = self._loud()
        if seeking is not None:
            text = f"» {text}" if seeking.share is None else f"» {text} {seeking.share:.0%}"
        elif play.ended:
            label, text = f"{label}: ended", f"■ {text}"
        else:
            text = f"{'‖' if play.paused else '▶'} {text} {format_speed(play.speed)}".rstrip()
            style = style if play.paused else self.paint("warn")
        return [Part(Text(label, self.paint("dim")), 3), Part(Text(text, style))]

    def _loud(self) -> Style:
        return self.paint("warn") + self.paint("strong")

    def _state(self, moment: Moment) -> Text:
        if moment.paused_s is not None:
            return Text(f"‖ paused {elapsed(moment.paused_s)}{_looked_back(moment)}", self._loud())
        if moment.info is None:
            return Text(f"◌ {STARTING}", self.paint("warn"))
        if moment.ended:
            return Text(f"■ {moment.info.label}: ended", self.paint("dim"))
        if moment.info.live:
            return Text("● live", self.paint("good"))
        return Text(f"◌ {moment.info.label}: not live data", self.paint("warn"))


def _looked_back(moment: Moment) -> str:
    """Say which moment is seen, where it is not the one of the pause."""
    if moment.ago_s is None or moment.snapshot is None:
        return ""
    return f" · {_clock(moment.snapshot)}, {elapsed(moment.ago_s)} ago"


def _since(mark: Snapshot) -> str:
    """Say what everything is compared with."""
    return f"Δ since {_clock(mark)}"


def _clock(snapshot: Snapshot) -> str:
    """Spell the time of day of a snapshot."""
    return time.strftime("%H:%M:%S", time.localtime(snapshot.wall_s))
