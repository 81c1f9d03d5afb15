"""The screen of one process: its destinations, how long its connects take, and its last connects.

tcpconntop  checkout · pid 2310     by destination · 1m · p99▼                                     ● live
user shop · unit checkout.service · started 10:03:12, 2h05m ago
/usr/bin/checkout --port 8080
85/s   ok 100%                                            p50 390µs  p90 6.1ms  p99 11.9ms
DESTINATION …
──[ Histogram ]── Timeline ───────────────────────────────────── everything · 5.1k connects ──
TIME          DESTINATION      PORT  LATENCY   LOCAL  RTO WAIT    WIRE  RTX  RESULT
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from textual import on
from textual.message import Message
from textual.widget import Widget

from tcpconntop.core.view.filter import Filter, parse_filter
from tcpconntop.core.view.groups import process_text
from tcpconntop.core.view.scope import next_one_text, scope_text
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View
from tcpconntop.kernel.process import ProcessInfo, UnknownProcessError, read_process
from tcpconntop.tui.actions import bindings
from tcpconntop.tui.bars.identity import Identity
from tcpconntop.tui.messages import ProcessSummary
from tcpconntop.tui.panes.connects import Connects
from tcpconntop.tui.panes.panes import Panes
from tcpconntop.tui.panes.registry import make_panes
from tcpconntop.tui.screens.explain_screen import ExplainScreen
from tcpconntop.tui.screens.heights import NO_PANES_BELOW

CONNECTS_FROM = 30
"""Terminal height from which the last connects stand below the panes instead of in one of them."""


class ProcessScreen(ExplainScreen):
    """A table screen about one process, by destination.

    Args:
        process: the process.
        spec: gives its first order and columns; its grouping and filter are not used.
        look_at: tells what is known of it beyond its connects while it runs.
    """

    SHOWS_EVERYTHING = False
    HIDDEN_HINTS = frozenset({"quit", "group", "open"})
    HIDDEN_COLUMNS = frozenset({"comm"})
    BINDINGS = bindings("process")

    class Left(Message):
        """Close the screen."""

    def __init__(
        self,
        process: ProcessSummary,
        spec: ViewSpec,
        read_process_info: Callable[[int], ProcessInfo | None] = read_process,
    ) -> None:
        own = replace(spec, group_by="dest", where=Filter())
        panes = make_panes()
        panes["Connects"] = Connects(process.pid)  # last, so that a key shows the same pane on every screen
        super().__init__(own, panes)
        self.panes.switch("Connects")
        self._charts = [name for name in panes if name != "Connects"]
        self.process = process
        self._of_process = parse_filter(f"pid={process.pid}")
        self._read_process_info = read_process_info
        self._info: ProcessInfo | None = None
        self._ended = ""
        self._unit: str | None = None
        self.identity = Identity()
        self.connects = Panes({"Last connects": Connects(process.pid)})

    def widgets_above(self) -> list[Widget]:
        """Return the lines that identify the process."""
        return [self.identity]

    def widgets_below(self) -> list[Widget]:
        """Return the list of its last connects."""
        return [self.connects]

    def set_heights(self, height: int) -> None:
        """Set the heights of the parts; with few destinations, charts and connects get more room."""
        super().set_heights(height)
        separate = height >= CONNECTS_FROM
        self.connects.display = separate and self.panes.display
        rows = len(self.view) if self.view else 0
        table = min(max(rows + 2, 5), height // 3 if separate else (height - 4) // 2)
        identity = min(self.identity.line_count, 2 if height >= NO_PANES_BELOW else 0)
        self.identity.display = identity > 0
        self.identity.styles.height = identity
        spare = height - 4 - identity - table
        self.panes.styles.height = spare // 2 if separate else max(spare, 5)
        self.connects.styles.height = spare - spare // 2
        self.panes.set_tabs(self._charts if separate else [*self._charts, "Connects"])

    def effective_spec(self) -> ViewSpec:
        """Return the spec with a condition on the pid added to its filters."""
        return replace(self.spec, where=self._of_process.narrowed(self.where))

    @property
    def comm(self) -> str:
        """The name of the process: the one in its connects, or else the one in /proc."""
        if self.view is not None and len(self.view):
            return process_text(self.view.busiest_key(0))
        return self._info.comm if self._info is not None else self.process.comm

    def scope_title(self) -> str:
        """Return the name and the pid of the process."""
        return f"{self.comm} · pid {self.process.pid}"

    def scope_text(self) -> str:
        """Return the name of what the panes show when no row is selected."""
        return f"all of {self.comm}" if not self.where.text else super().scope_text()

    def empty_text(self, view: View) -> str:
        """Return why a view of the process has no row."""
        if self.spec.where.text:
            return super().empty_text(view)
        filters = scope_text(view.snapshot.info.filters, self.scope.text)
        matching = f" that matches {filters}" if filters else ""
        if self._ended:
            return f"no connect of this process{matching} in this window"
        return f"{self.comm} has made no connect{matching} in this window{next_one_text(view.snapshot)}"

    def update_widgets(self) -> None:
        """Update all parts, the lines that identify the process, and its last connects."""
        before = self.table.virtual_size.height, self.identity.line_count
        self._update_identity()
        super().update_widgets()
        if (self.table.virtual_size.height, self.identity.line_count) != before:
            self.set_heights(self.size.height)
        if self.connects.display:
            self.connects.show(self.panes.selection, self.comm)

    def _update_identity(self) -> None:
        """Read /proc, but only for a live source: a recording is of another time or machine."""
        state = self.state
        if state is None or state.info is None:
            return
        if state.info.live and not self._ended:
            self._read_proc()
        snapshot = state.snapshot
        if snapshot is not None:
            keys = snapshot.window.keys
            own = np.flatnonzero(keys["tgid"] == self.process.pid)[-1:]
            self._unit = snapshot.unit(int(keys["cgroup_id"][own[0]])) if len(own) else self._unit
            self.identity.show(self._info, self._unit, self._ended, snapshot.wall_s)

    def _read_proc(self) -> None:
        try:
            info = self._read_process_info(self.process.pid)
        except UnknownProcessError as error:
            self._ended = str(error)
            return
        if self._info is None and info is None:
            self._ended = f"no process has the pid {self.process.pid} now"
        elif self._info is not None and (info is None or info.start_ticks != self._info.start_ticks):
            self._ended = "this process has ended"
        else:
            self._info = info

    def action_open(self) -> None:
        """Notify the user that there is no further screen."""
        self.notify("these are the process's own connects: esc goes back")

    def action_group(self, _by: int) -> None:
        """Notify the user that there is no other grouping."""
        self.notify("this screen always groups by destination: esc goes back")

    def action_leave(self) -> None:
        """Go back to all connects."""
        self.leave()

    def leave(self) -> None:
        """Go back to the main screen."""
        self.post_message(self.Left())

    @on(Left)
    def _close(self) -> None:
        if self.is_active:  # a second esc may have been typed
            self.app.pop_screen()
