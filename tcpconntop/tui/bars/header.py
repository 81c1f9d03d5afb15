"""The first line: the source, the grouping, window and order of the table, and whether it is live.

tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼                      ● live
tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼      10:03:12  recording  ▶ 1:12/5:00
tcpconntop  db-07 · 6.12 · fentry/ring     by destination · 1m · p99▼          ◌ stream: 12s behind
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tcpconntop.core.clock import clock, clock_with_zone, local
from tcpconntop.core.format import elapsed, printable
from tcpconntop.core.hosts import BEHIND, LIVE
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.groups import GROUPINGS, next_grouping
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.playback import format_position, format_speed
from tcpconntop.tui.actions import action_named
from tcpconntop.tui.comparison import comparison_text
from tcpconntop.tui.state import STARTING, DashboardState
from tcpconntop.tui.text.lines import STYLE_CLASSES, Line, Part, fit, justify, on_click

_HELP, _GROUP = action_named("help"), action_named("group(1)")

ZONE_FROM = 100
"""Width from which a time has its zone, and limits the key that shows them."""

MIN_VIEW_CELLS = 8
"""Cells from which a cut description of the view is worth showing."""


class Header(Line):
    """The header line."""

    COMPONENT_CLASSES = STYLE_CLASSES

    def __init__(self) -> None:
        super().__init__()
        self._state: DashboardState | None = None
        self._spec = ViewSpec()
        self._title = ""

    def show(self, state: DashboardState, spec: ViewSpec, title: str = "") -> None:
        """Show a state; `title` names what the screen is about, empty if it is about everything."""
        self._state, self._spec, self._title = state, spec, title
        self.redraw()

    def draw(self, width: int) -> Text:
        """Return the line."""
        if self._state is None:
            return Text()
        state, right = self._state, self._right(self._state, width)
        line = self._line(state, right, width)
        said = comparison_text(state)
        if said and said not in line.plain:  # keep at least its sign
            line = self._line(state, [Part(Text("Δ", self.paint("accent"))), *right], width)
        return line

    def _line(self, state: DashboardState, right: list[Part], width: int) -> Text:
        """Return the line with its right side given; the left side gets the room that is left."""
        line = justify(self._left(state, width, "  "), right, width)
        if line.plain.startswith("   "):  # the origin was left out: no wide gap needed after it
            line = justify(self._left(state, width, ""), right, width)
        room = len(line.plain) - len(line.plain.lstrip()) - 3
        if room >= MIN_VIEW_CELLS:  # no part of the left side fits: show a cut one
            words = " · ".join(word for word, _ in self._view_words(state))
            line = justify([Part(Text(fit(words, room)))], right, width)
        return line

    def _view_words(self, state: DashboardState) -> list[tuple[str, str]]:
        """Return (text, action) of grouping, window and order, and the interval if it is not one second."""
        order = COLUMNS[self._spec.sort].header.lower().replace("δ", "Δ") + (
            "▼" if self._spec.descending else "▲"
        )
        words = [
            (f"by {GROUPINGS[self._spec.group_by].title}", "group(1)"),
            (state.window_label, "window(1)"),
            (order, "reverse"),
        ]
        return words if state.interval_s == 1 else [*words, (f"every {state.interval_s:g}s", "interval(1)")]

    def _left(self, state: DashboardState, width: int, gap: str) -> list[Part]:
        """Return the left side, with `gap` before the grouping. A filter may be cut, but not left out."""
        dim, accent = self.paint("dim"), self.paint("accent")
        left = [Part(Text("tcpconntop", accent + self.paint("strong")), 5, "help")]
        left += [Part(Text(word, dim), priority, "help") for word, priority in self._origin(state)]
        words = [on_click(Text(word), action) for word, action in self._view_words(state)]
        left.append(Part(Text(gap) + Text(" · ", dim).join(words), 2))
        if state.snapshot and state.snapshot.places.hosts and not self._title:
            then = GROUPINGS[next_grouping(self._spec.group_by, 1, has_hosts=True)]
            hint = f"{state.keys.label(_GROUP)}: by {then.title}"
            left.append(Part(Text(hint, dim), 9, "group(1)"))
        if said := comparison_text(state):
            left.append(Part(Text(said, accent), 4, "mark" if state.compare_s is None else "compare"))
        where = f"/{printable(self._spec.where.text)}" if self._spec.where.text else ""
        filters = (
            (printable(state.info.filters) if state.info else "", "filter"),
            (printable(state.scope_filter.text), "scope"),
            (where, "filter"),
        )
        for text, action in filters:
            if text:
                cut = fit(text, min(cell_len(text), max(12, width // 4)))
                left.append(Part(Text(cut, accent), 1, action))
        return left

    def _right(self, state: DashboardState, width: int) -> list[Part]:
        """Return the right side: notes of the source, time of a recording, and live, paused or played."""
        right = self._position(state) or [Part(self._status(state, width), 0, "pause")]
        if state.info and state.info.recorded and state.snapshot:
            then_s, dim = state.snapshot.wall_s, self.paint("dim")
            if state.seeking is not None and state.on_long_way:  # nothing of the moment before is shown
                then_s += (state.seeking.to_ns - state.snapshot.now_ns) / SECOND_NS
            right[:0] = [
                Part(Text(f"{local(then_s):%Y-%m-%d}", dim), 7, "goto"),
                Part(Text(_moment(then_s, width), dim), 1, "goto"),
            ]
        if state.info and state.info.notes:
            right.insert(0, Part(Text(self._limits(state, width), self.paint("warn")), 3, "help"))
        return right

    def _limits(self, state: DashboardState, width: int) -> str:
        """Return that the source has notes on what it could not do, and the key that shows them."""
        n, key = len(state.info.notes) if state.info else 0, state.keys.label(_HELP)
        if key and width < ZONE_FROM:
            return f"⚠ {n}: see {key}"
        see = f", see {key}" if key else ""
        return f"⚠ {n} limit{'s' * (n != 1)}{see}"

    def _origin(self, state: DashboardState) -> list[tuple[str, int]]:
        """Return (text, priority) of the screen's title, or of host, kernel and probe."""
        if self._title:
            return [(self._title, 1)]
        if state.info is None:
            return []
        info = state.info
        probe = "/".join(word for word in (info.probe, info.transport, info.loader) if word)
        origin = [(" · ".join(word for word in (info.host, info.kernel, probe) if word), 6)]
        return [*origin, (f"percentiles {info.precision}", 8)] if info.precision else origin

    def _position(self, state: DashboardState) -> list[Part]:
        """Return the position in a recording, such as `recording  ▶ 1:12/5:00 ×10`; nothing if it is live."""
        playback, snapshot = state.playback, state.snapshot
        if playback is None or snapshot is None or state.info is None:
            return []
        label, seeking = state.info.label, state.seeking
        now_ns = seeking.to_ns if seeking else snapshot.now_ns
        length_ns = playback.end_ns - playback.began_ns
        text = f"{format_position(now_ns - playback.began_ns, length_ns)}/{format_position(length_ns, 0)}"
        style = self._strong_warning()
        if seeking is not None:
            text = f"» seeking {text}" if seeking.share is None else f"» seeking {text} {seeking.share:.0%}"
        elif playback.ended:
            label, text = f"{label}: ended", f"■ {text}"
        else:
            text = f"{'‖' if playback.paused else '▶'} {text} {format_speed(playback.speed)}".rstrip()
            style = style if playback.paused else self.paint("warn")
        return [Part(Text(label, self.paint("dim")), 3, "pause"), Part(Text(text, style), 0, "pause")]

    def _strong_warning(self) -> Style:
        return self.paint("warn") + self.paint("strong")

    def _status(self, state: DashboardState, width: int) -> Text:
        """Return whether the view is live, a stream (and how far behind), paused, starting or ended."""
        if state.paused_s is not None:
            return Text(
                f"‖ paused {elapsed(state.paused_s)}{_shown_time(state, width)}", self._strong_warning()
            )
        if state.info is None:
            return Text(f"◌ {STARTING}", self.paint("warn"))
        if state.ended:
            return Text(f"■ {state.info.label}: ended", self.paint("dim"))
        if state.info.live:
            return Text("● live", self.paint("good"))
        if state.info.hosts and not state.info.recorded:
            n_live, n_hosts = sum(host.state == LIVE for host in state.info.hosts), len(state.info.hosts)
            if n_live == n_hosts:
                return Text(f"● {n_hosts} hosts live", self.paint("good"))
            if all(host.state == BEHIND for host in state.info.hosts):
                behind_s = min(host.behind_s for host in state.info.hosts)
                return Text(f"◌ {n_hosts} hosts {elapsed(behind_s)} behind", self._strong_warning())
            return Text(f"◌ {n_live} of {n_hosts} hosts live", self._strong_warning())
        if state.info.streamed and state.info.behind_s:
            return Text(
                f"◌ {state.info.label}: {elapsed(state.info.behind_s)} behind", self._strong_warning()
            )
        if state.info.streamed:
            return Text(f"● {state.info.label}", self.paint("good"))
        return Text(f"◌ {state.info.label}: not live data", self.paint("warn"))


def seeking_text(state: DashboardState) -> str:
    """Return which moment of a recording is looked for, and how much of the way to it is read."""
    if state.seeking is None or state.latest is None:
        return ""
    then = clock((state.seeking.to_ns + state.latest.wall_offset_ns) / SECOND_NS)
    share = f": {state.seeking.share:.0%} of the way is read" if state.seeking.share is not None else ""
    return f"seeking {then}{share}"


def _shown_time(state: DashboardState, width: int) -> str:
    """Return the time of the shown moment if it is older than the pause, or an empty string."""
    if state.ago_s is None or state.snapshot is None:
        return ""
    return f" · {_moment(state.snapshot.wall_s, width)}, {elapsed(state.ago_s)} ago"


def _moment(wall_s: float, width: int) -> str:
    """Return the time of day, with its zone where there is room."""
    return clock_with_zone(wall_s) if width >= ZONE_FROM else clock(wall_s)
