"""A screen with a table whose findings lead to their rows."""

from __future__ import annotations

from textual import on

from tcpconntop.core.view.columns import grouped_by
from tcpconntop.tui.messages import FindingRequested, FindingsClosed
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.panes.registry import EXPLAIN
from tcpconntop.tui.screens.table_screen import TableScreen


class ExplainScreen(TableScreen):
    """A table screen with a pane called `EXPLAIN`."""

    def action_explain(self) -> None:
        """Show the findings, and move the focus to them."""
        if self.ensure_panes_visible():
            self.panes.switch(EXPLAIN)
            self.query_one(Explain).focus()

    @on(FindingRequested)
    def _go_to(self, message: FindingRequested) -> None:
        """Select the row of a finding; on screens with several groupings, in the finding's grouping."""
        finding = message.finding
        if "group" not in self.HIDDEN_HINTS:
            self.set_spec(grouped_by(self.spec, finding.group_by))
        self.table.go_to(finding.identity(self.spec.group_by))
        self.table.focus()

    @on(FindingsClosed)
    def _leave_findings(self) -> None:
        if self.focused in (None, self.query_one(Explain)):
            self.table.focus()
