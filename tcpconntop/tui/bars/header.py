"""The first line: what is traced, what is shown of it, and whether it is live.

tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼                      ● live
tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼      10:03:12  recording  ▶ 1:12/5:00
"""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tcpconntop.core.format import elapsed, printable
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.playback import format_position, format_speed
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.state import STARTING, DashboardState
from tcpconntop.tui.text.lines import Line, Part, fit, justify

LEAST = 8
"""Cells that a part of what is shown is worth."""


class Header(Line):
    """The header line."""

    def __init__(self) -> None:
        super().__init__()
        self._moment: DashboardState | None = None
        self._spec = ViewSpec()
        self._subject = ""

    def show(self, state: DashboardState, spec: ViewSpec, subject: str = "") -> None:
        """Show how things stand; `subject` says what the screen is about when it is not everything."""
        self._moment, self._spec, self._subject = state, spec, subject
        self.changed()

    def draw(self, width: int) -> Text:
        """Draw the line."""
        if self._moment is None:
            return Text()
        state, right = self._moment, self._right(self._moment)
        line = self._line(state, right, width)
        if state.baseline is not None and _since(state.baseline) not in line.plain:  # its sign stays
            line = self._line(state, [Part(Text("Δ", self.paint("accent"))), *right], width)
        return line

    def _line(self, state: DashboardState, right: list[Part], width: int) -> Text:
        """Put what is shown beside what is at the right."""
        line = justify(self._left(state, width, "  "), right, width)
        if line.plain.startswith("   "):  # what the wide gap keeps apart has gone
            line = justify(self._left(state, width, ""), right, width)
        room = len(line.plain) - len(line.plain.lstrip()) - 3
        if room >= LEAST:  # nothing of it fits as a whole
            line = justify([Part(Text(fit(" · ".join(self._shown(state)), room)))], right, width)
        return line

    def _shown(self, state: DashboardState) -> list[str]:
        """Say what is shown: grouping, window, order, and an interval that is not the usual one."""
        order = COLUMNS[self._spec.sort].header.lower().replace("δ", "Δ") + (
            "▼" if self._spec.descending else "▲"
        )
        words = [f"by {GROUPINGS[self._spec.group_by].title}", state.window_label, order]
        return words if state.interval_s == 1 else [*words, f"every {state.interval_s:g}s"]

    def _left(self, state: DashboardState, width: int, gap: str) -> list[Part]:
        """Say what is shown; `gap` stands before the order. A filter may be cut, but not left out."""
        dim, accent = self.paint("dim"), self.paint("accent")
        left = [Part(Text("tcpconntop", accent + self.paint("strong")), 5)]
        left += [Part(Text(word, dim), priority) for word, priority in self._origin(state)]
        shown = [Text(word) for word in self._shown(state)]
        left.append(Part(Text(gap) + Text(" · ", dim).join(shown), 2))
        if state.baseline is not None:
            left.append(Part(Text(_since(state.baseline), accent), 4))
        if self._spec.where.text:
            text = f"/{printable(self._spec.where.text)}"
            left.append(Part(Text(fit(text, min(cell_len(text), max(12, width // 4))), accent), 1))
        return left

    def _right(self, state: DashboardState) -> list[Part]:
        """Say how things are, and what to beware of."""
        right = self._played(state) or [Part(self._state(state))]
        if state.info and state.info.recorded and state.snapshot:
            then, dim = time.localtime(state.snapshot.wall_s), self.paint("dim")
            day, clock = (Text(time.strftime(form, then), dim) for form in ("%Y-%m-%d", "%H:%M:%S"))
            right[:0] = [Part(day, 7), Part(clock, 1)]
        if state.info and state.info.notes:
            right.insert(0, Part(Text(f"⚠ {len(state.info.notes)}", self.paint("warn")), 3))
        return right

    def _origin(self, state: DashboardState) -> list[tuple[str, int]]:
        if self._subject:
            return [(self._subject, 1)]
        if state.info is None:
            return []
        info = state.info
        probe = "/".join(word for word in (info.probe, info.transport) if word)
        return [(" · ".join(word for word in (info.host, info.kernel, probe) if word), 6)]

    def _played(self, state: DashboardState) -> list[Part]:
        """Say where in the recording one is: `recording  ▶ 1:12/5:00 ×10`."""
        play, snapshot = state.playback, state.snapshot
        if play is None or snapshot is None or state.info is None:
            return []
        label, seeking = state.info.label, state.seeking
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

    def _state(self, state: DashboardState) -> Text:
        if state.paused_s is not None:
            return Text(f"‖ paused {elapsed(state.paused_s)}{_looked_back(state)}", self._loud())
        if state.info is None:
            return Text(f"◌ {STARTING}", self.paint("warn"))
        if state.ended:
            return Text(f"■ {state.info.label}: ended", self.paint("dim"))
        if state.info.live:
            return Text("● live", self.paint("good"))
        return Text(f"◌ {state.info.label}: not live data", self.paint("warn"))


def _looked_back(state: DashboardState) -> str:
    """Say which moment is seen, where it is not the one of the pause."""
    if state.ago_s is None or state.snapshot is None:
        return ""
    return f" · {_clock(state.snapshot)}, {elapsed(state.ago_s)} ago"


def _since(mark: Snapshot) -> str:
    """Say what everything is compared with."""
    return f"Δ since {_clock(mark)}"


def _clock(snapshot: Snapshot) -> str:
    """Spell the time of day of a snapshot."""
    return time.strftime("%H:%M:%S", time.localtime(snapshot.wall_s))
