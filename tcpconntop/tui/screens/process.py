"""The screen of one process: where it connects to, how long that takes, and its last connects.

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

from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.groups import process_text
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.kernel.process import ProcessInfo, read_process
from tcpconntop.sources.port_names import parse_filter_with_port_names
from tcpconntop.tui.bars.identity import Identity
from tcpconntop.tui.messages import ProcessSummary
from tcpconntop.tui.panes.connects import Connects
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.panes.failures import Failures
from tcpconntop.tui.panes.heatmap import Heatmap
from tcpconntop.tui.panes.histogram import Histogram
from tcpconntop.tui.panes.panes import Panes
from tcpconntop.tui.panes.timeline import Timeline
from tcpconntop.tui.screens.explain_screen import EXPLAIN, ExplainScreen
from tcpconntop.tui.screens.table_screen import NO_PANES_BELOW

CONNECTS_FROM = 30
"""Terminal height from which the last connects have a place of their own."""


class ProcessScreen(ExplainScreen):
    """A board about one process.

    Args:
        process: the process.
        spec: the order of the table.
        look_at: tells what is known of it beyond its connects while it runs.
    """

    SHOWS_EVERYTHING = False
    HIDDEN_HINTS = frozenset({"group", "detail"})

    class Left(Message):
        """The user goes back."""

    def __init__(
        self,
        process: ProcessSummary,
        spec: ViewSpec,
        read_process_info: Callable[[int], ProcessInfo | None] = read_process,
    ) -> None:
        own = replace(spec, group_by="dest", where=Filter())
        panes = {
            "Histogram": Histogram(),
            "Timeline": Timeline(),
            "Heatmap": Heatmap(),
            "Failures": Failures(),
            EXPLAIN: Explain(),
            "Connects": Connects(process.pid),  # last, so that a key means the same pane on every screen
        }
        super().__init__(own, panes)
        self.panes.switch("Connects")
        self._charts = [name for name in panes if name != "Connects"]
        self.process = process
        self._look_at = read_process_info
        self._life: ProcessInfo | None = None
        self._ended = ""
        self._unit: str | None = None
        self.identity = Identity()
        self.connects = Panes({"Last connects": Connects(process.pid)})

    def widgets_above(self) -> list[Widget]:
        """Say who it is."""
        return [self.identity]

    def widgets_below(self) -> list[Widget]:
        """List its last connects."""
        return [self.connects]

    def set_heights(self, height: int) -> None:
        """Give the parts their heights: few destinations leave more to the charts and the connects."""
        super().set_heights(height)
        apart = height >= CONNECTS_FROM
        self.connects.display = apart and self.panes.display
        rows = len(self.view) if self.view else 0
        table = min(max(rows + 2, 5), height // 3 if apart else (height - 3) // 2)
        about = min(self.identity.line_count, 2 if height >= NO_PANES_BELOW else 0)
        self.identity.display = about > 0
        self.identity.styles.height = about
        spare = height - 3 - about - table
        self.panes.styles.height = spare // 2 if apart else max(spare, 5)
        self.connects.styles.height = spare - spare // 2
        self.panes.set_tabs(self._charts if apart else [*self._charts, "Connects"])

    def effective_spec(self) -> ViewSpec:
        """Look at this process only, whatever else is asked for."""
        return replace(
            self.spec, where=parse_filter_with_port_names(f"pid={self.process.pid} {self.spec.where.text}")
        )

    @property
    def comm(self) -> str:
        """The name of the process: the one that its connects have, where there are any."""
        if self.view is not None and len(self.view):
            return process_text(self.view.busiest_key(0))
        return self._life.comm if self._life is not None else self.process.comm

    def scope_title(self) -> str:
        """Name the process."""
        return f"{self.comm} · pid {self.process.pid}"

    def scope_text(self) -> str:
        """Say what the panes show when no row is selected."""
        return f"all of {self.comm}" if not self.spec.where.text else super().scope_text()

    def _empty(self) -> str:
        if self.spec.where.text or self._ended:
            return super()._empty() if self.spec.where.text else "no connect of it in this window"
        return f"{self.comm} has made no connect in this window: the next one will be listed here"

    def update_widgets(self) -> None:
        """Bring what is known of the process and its last connects up to date as well."""
        before = self.table.virtual_size.height, self.identity.line_count
        self._identify()
        super().update_widgets()
        if (self.table.virtual_size.height, self.identity.line_count) != before:
            self.set_heights(self.size.height)
        if self.connects.display:
            self.connects.show(self.panes.selection, self.comm)

    def _identify(self) -> None:
        """Ask /proc, as long as it speaks of the machine and the time that the records are of."""
        state = self.state
        if state is None or state.info is None:
            return
        if state.info.live and not self._ended:
            life = self._look_at(self.process.pid)
            if self._life is None and life is None:
                self._ended = f"no process has the pid {self.process.pid} now"
            elif self._life is not None and (life is None or life.start_ticks != self._life.start_ticks):
                self._ended = "this process has ended"
            else:
                self._life = life
        snapshot = state.snapshot
        if snapshot is not None:
            keys = snapshot.window.keys
            own = np.flatnonzero(keys["tgid"] == self.process.pid)[-1:]
            self._unit = snapshot.unit(int(keys["cgroup_id"][own[0]])) if len(own) else self._unit
            self.identity.show(self._life, self._unit, self._ended, snapshot.wall_s)

    def action_open(self) -> None:
        """Say that this is as deep as it goes."""
        self.notify("these are the process's own connects: esc goes back")

    def action_group(self, _by: int) -> None:
        """Say that there is nothing to group."""
        self.notify("a process's own connects are always by destination: esc goes back")

    def leave(self) -> None:
        """Go back."""
        self.post_message(self.Left())

    @on(Left)
    def _close(self) -> None:
        if self.is_active:  # a second esc may have been typed
            self.app.pop_screen()
