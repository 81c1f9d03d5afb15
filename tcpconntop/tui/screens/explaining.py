"""A board that explains: it shows the findings, and goes to the rows that they name."""

from __future__ import annotations

from textual import on

from tcpconntop.tui.explain import Explain
from tcpconntop.tui.messages import FindingsLeft, FindingWanted
from tcpconntop.tui.screens.board import Board

EXPLAIN = "Explain"
"""The name of the pane."""


class ExplainingBoard(Board):
    """A board among whose panes is one called `EXPLAIN`."""

    def action_explain(self) -> None:
        """Show what stands out, and let the user choose a finding."""
        if self.bring_panes():
            self.panes.switch(EXPLAIN)
            self.query_one(Explain).focus()

    @on(FindingWanted)
    def _go_to(self, message: FindingWanted) -> None:
        """Select the row of a finding, in the grouping that has it where there is a choice."""
        finding = message.finding
        if "group" not in self.ABSENT:
            self.respec(self.spec.grouped_by(finding.group_by))
        self.table.go_to(finding.identity(self.spec.group_by))
        self.table.focus()

    @on(FindingsLeft)
    def _leave_findings(self) -> None:
        if self.focused in (None, self.query_one(Explain)):
            self.table.focus()
