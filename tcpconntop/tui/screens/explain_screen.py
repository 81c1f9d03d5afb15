"""A board that explains: it shows the findings, and goes to the rows that they name."""

from __future__ import annotations

from textual import on

from tcpconntop.core.view.columns import grouped_by
from tcpconntop.tui.messages import FindingRequested, FindingsClosed
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.screens.table_screen import TableScreen

EXPLAIN = "Explain"
"""The name of the pane."""


class ExplainScreen(TableScreen):
    """A board among whose panes is one called `EXPLAIN`."""

    def action_explain(self) -> None:
        """Show what stands out, and let the user choose a finding."""
        if self.ensure_panes_visible():
            self.panes.switch(EXPLAIN)
            self.query_one(Explain).focus()

    @on(FindingRequested)
    def _go_to(self, message: FindingRequested) -> None:
        """Select the row of a finding, in the grouping that has it where there is a choice."""
        finding = message.finding
        if "group" not in self.HIDDEN_HINTS:
            self.set_spec(grouped_by(self.spec, finding.group_by))
        self.table.go_to(finding.identity(self.spec.group_by))
        self.table.focus()

    @on(FindingsClosed)
    def _leave_findings(self) -> None:
        if self.focused in (None, self.query_one(Explain)):
            self.table.focus()
