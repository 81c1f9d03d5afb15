"""The main screen: all connects, in any grouping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on

from tcpconntop.core.format import printable
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.view.groups import next_grouping, process_text
from tcpconntop.core.view.hosts_of_row import hosts_of_row
from tcpconntop.core.view.ordering import grouped_by
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.kernel.process import ProcessInfo, read_process
from tcpconntop.tui.actions import action_named
from tcpconntop.tui.messages import ProcessRequested, ProcessSummary
from tcpconntop.tui.panes.registry import make_panes
from tcpconntop.tui.screens.explain_screen import ExplainScreen
from tcpconntop.tui.state import DashboardState

if TYPE_CHECKING:
    from tcpconntop.core.view import row_metrics as metrics
    from tcpconntop.core.view.view import View
else:
    metrics = lazy("tcpconntop.core.view.row_metrics")


class MainScreen(ExplainScreen):
    """The first screen.

    Args:
        spec: the first grouping, order and filter.
        read_process_info: for the screens of processes; see `ProcessScreen`.
    """

    def __init__(
        self, spec: ViewSpec, read_process_info: Callable[[int], ProcessInfo | None] = read_process
    ) -> None:
        super().__init__(spec, make_panes())
        self._read_process_info = read_process_info

    def action_group(self, by: int) -> None:
        """Use the next grouping (1) or the previous one (-1)."""
        has_hosts = self.view is not None and bool(self.view.snapshot.places.hosts)
        self.set_spec(grouped_by(self.spec, next_grouping(self.spec.group_by, by, has_hosts)))

    def leave(self) -> None:
        """Stay, as there is no screen before; say how to leave the filter of the command line."""
        key = self.state.keys.label(action_named("scope")) if self.state is not None else ""
        if self.scope.text and key:
            self.notify(f"{key} leaves {printable(self.scope.text)} and shows everything", markup=False)

    def action_open(self) -> None:
        """Open the process of the selected row; of several hosts, show the hosts of its destination."""
        row = self.table.pointed
        if self.view is None or row is None:
            self.notify_no_row()
            return
        if self.view.snapshot.places.hosts:
            spec = hosts_of_row(self.view, row, self.spec)
            if spec is None:
                self.notify("of several hosts, enter shows the hosts of a destination, port or subnet")
            else:
                self.set_spec(spec)
            return
        processes = processes_of_row(self.view, row)
        if processes:
            self.post_message(ProcessRequested(processes))
        else:
            self.notify("no process of this row has connected in this window")

    @on(ProcessRequested)
    def _choose_process(self, message: ProcessRequested) -> None:
        message.stop()
        if not self.is_active:
            return  # a second enter that was typed before the other screen opened
        if len(message.processes) == 1:
            self.open_process(message.processes[0], self.state)
            return
        from tcpconntop.tui.screens.chooser import ProcessChooser

        self.app.push_screen(ProcessChooser(message.processes), self._open_chosen)

    def _open_chosen(self, process: ProcessSummary | None) -> None:
        if process is not None:
            self.open_process(process, self.state)

    def open_process(self, process: ProcessSummary, state: DashboardState | None) -> None:
        """Show the screen of a process, beginning with a state so that its first frame is not empty."""
        from tcpconntop.tui.screens.process import ProcessScreen

        screen = ProcessScreen(process, self.spec, self._read_process_info)
        screen.filter_bar.history = self.filter_bar.history
        screen.state = state
        self.app.push_screen(screen)


def processes_of_row(view: View, row: int) -> tuple[ProcessSummary, ...]:
    """Return the processes of a row by their pid, the one with the most ended attempts first."""
    window = view.snapshot.window
    members = view.keys_of_row(row)
    members = members[window.keys["special"][members] == 0]
    pids, process_of = np.unique(window.keys["tgid"][members], return_inverse=True)
    group_of = np.full(len(window.keys), -1)
    group_of[members] = process_of
    figures = metrics.GroupMetrics(window, group_of, len(pids), view.snapshot.span_s)
    ended, p99_us, fail, resent = (figures.column(name) for name in ("count", "p99", "fail", "rtx"))
    processes = []
    for n in np.argsort(-ended, kind="stable").tolist():
        own = members[process_of == n]
        busiest = own[np.argmax(window.stats["outcomes"][own].sum(axis=1))]
        processes.append(
            ProcessSummary(
                int(pids[n]),
                process_text(window.keys[busiest]),
                int(ended[n]),
                float(p99_us[n]),
                float(fail[n]),
                int(resent[n]),
            )
        )
    return tuple(processes)
