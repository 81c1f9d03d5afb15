"""The screen of one process: where it connects to, how long that takes, and its last connects.

tcpconntop  checkout · pid 2310     by destination · 1m · p99▼                                     ● live
uid 1000 · /usr/bin/checkout --port 8080
85/s   ok 100%                                            p50 390µs  p90 6.1ms  p99 11.9ms
DESTINATION …
──[ Histogram ]── Timeline ───────────────────────────────────── everything · 5.1k connects ──
TIME          DESTINATION      PORT  LATENCY   LOCAL  RTO WAIT    WIRE  RTX  RESULT
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.text import Text
from textual.message import Message
from textual.widget import Widget

from tcpconntop.core.filter import Filter
from tcpconntop.core.groups import process_text
from tcpconntop.core.units import printable
from tcpconntop.core.view import ViewSpec
from tcpconntop.sources.ports import read_filter
from tcpconntop.tui.connects import Connects
from tcpconntop.tui.failures import Failures
from tcpconntop.tui.heatmap import Heatmap
from tcpconntop.tui.histogram import Histogram
from tcpconntop.tui.lines import Line, Part, spread
from tcpconntop.tui.messages import Process
from tcpconntop.tui.panes import Panes
from tcpconntop.tui.screens.board import Board
from tcpconntop.tui.timeline import Timeline

CONNECTS_FROM = 30
"""Terminal height from which the last connects have a place of their own."""


def describe(pid: int, proc: Path = Path("/proc")) -> str:
    """Say who runs a process and what it was started with, as far as /proc tells."""
    try:
        uid = (proc / str(pid)).stat().st_uid
        words = (proc / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    command = printable(" ".join(words.rstrip("\0").split("\0")))
    return f"uid {uid} · {command}" if command else f"uid {uid}"


class Identity(Line):
    """The line that says what is known of the process beyond its connects."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def draw(self, width: int) -> Text:
        """Draw the line."""
        return spread([Part(Text(self._text, self.paint("dim")))], [], width)


class ProcessScreen(Board):
    """A board about one process.

    Args:
        process: the process.
        spec: the order of the table.
        about: what is known of it beyond its connects, in one line.
    """

    WHOLE = False
    ABSENT = frozenset({"group", "detail"})

    class Left(Message):
        """The user goes back."""

    def __init__(self, process: Process, spec: ViewSpec, about: str) -> None:
        own = replace(spec, group_by="dest", where=Filter())
        panes = {
            "Connects": Connects(process.pid),
            "Histogram": Histogram(),
            "Timeline": Timeline(),
            "Heatmap": Heatmap(),
            "Failures": Failures(),
        }
        super().__init__(own, panes)
        self._charts = [name for name in panes if name != "Connects"]
        self.process = process
        self._about = about
        self.connects = Panes({"Last connects": Connects(process.pid)})

    def above(self) -> list[Widget]:
        """Say who it is."""
        return [Identity(self._about)] if self._about else []

    def below(self) -> list[Widget]:
        """List its last connects."""
        return [self.connects]

    def fit(self, height: int) -> None:
        """Give the parts their heights: few destinations leave more to the charts and the connects."""
        super().fit(height)
        apart = height >= CONNECTS_FROM
        self.connects.display = apart and self.panes.display
        rows = len(self.view) if self.view else 0
        table = min(max(rows + 2, 5), height // 3 if apart else (height - 3) // 2)
        spare = height - 3 - (1 if self._about else 0) - table
        self.panes.styles.height = spare // 2 if apart else max(spare, 5)
        self.connects.styles.height = spare - spare // 2
        self.panes.offer(self._charts if apart else ["Connects", *self._charts])

    def effective_spec(self) -> ViewSpec:
        """Look at this process only, whatever else is asked for."""
        return replace(self.spec, where=read_filter(f"pid={self.process.pid} {self.spec.where.text}"))

    @property
    def comm(self) -> str:
        """The name of the process: the one that its connects have, where there are any."""
        if self.view is not None and len(self.view):
            return process_text(self.view.lead_key(0))
        return self.process.comm

    def subject_title(self) -> str:
        """Name the process."""
        return f"{self.comm} · pid {self.process.pid}"

    def everything(self) -> str:
        """Say what the panes show when no row is selected."""
        return f"all of {self.comm}" if not self.spec.where.text else super().everything()

    def update_parts(self) -> None:
        """Bring the last connects up to date as well."""
        rows = self.table.virtual_size.height
        super().update_parts()
        if self.table.virtual_size.height != rows:
            self.fit(self.size.height)
        if self.connects.display:
            self.connects.show(self.panes.subject, self.comm)

    def action_open(self) -> None:
        """Say that this is as deep as it goes."""
        self.notify("these are the process's own connects: esc goes back")

    def leave(self) -> None:
        """Go back."""
        self.post_message(self.Left())
