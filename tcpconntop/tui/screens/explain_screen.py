"""A screen with a table whose findings lead to their rows."""

from __future__ import annotations

from textual import on

from tcpconntop.core.format import printable
from tcpconntop.core.view.groups import subrow_grouping
from tcpconntop.core.view.ordering import grouped_by
from tcpconntop.tui.export import copied_note
from tcpconntop.tui.messages import CopyRequested, FindingRequested, FindingsClosed, TabRequested
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.panes.registry import EXPLAIN
from tcpconntop.tui.screens.heights import NO_PANES_BELOW
from tcpconntop.tui.screens.table_screen import TableScreen


class ExplainScreen(TableScreen):
    """A table screen with a pane called `EXPLAIN`, and the actions of all panes."""

    def on_screen_suspend(self) -> None:
        """Offer no key of this screen: a dialog has them."""
        self._set_covered(True)

    def on_screen_resume(self) -> None:
        """Offer the keys again."""
        self._set_covered(False)

    def _set_covered(self, covered: bool) -> None:
        self.footer.cover(covered)
        self.health.cover(covered)

    def action_expand(self) -> None:
        """Show the subrows of the row below it, or hide them."""
        row = self.table.pointed
        if self.view is None or row is None:
            self.notify_no_row()
        elif (
            subrow_grouping(self.view.grouping, bool(self.view.snapshot.places.hosts))
            and not (self.view.keys[row]["special"])
        ):
            self.table.toggle_expanded(row)
            self.set_heights(self.size.height)
        else:
            other = self.view.keys[row]["special"]
            self.notify(
                "what `other` holds was not counted apart"
                if other
                else "nothing is below this row: it is one process and one destination"
            )

    def action_pane(self, by: int) -> None:
        """Show the next pane (1) or the previous one (-1)."""
        if self.ensure_panes_visible():
            self.panes.step(by)

    def action_pane_at(self, index: int) -> None:
        """Show a pane by its index, if there is one."""
        if self.ensure_panes_visible() and not self.panes.choose_at(index):
            self.notify(f"there is no pane {index + 1} here")

    def action_panes(self) -> None:
        """Hide the panes or show them; on a low terminal there is no room to show them."""
        if self.size.height < NO_PANES_BELOW:
            self.notify("there is no room for the panes: make the terminal higher")
            return
        self.panes_enabled = not self.panes_enabled
        self.set_heights(self.size.height)
        self._show_panes()

    def ensure_panes_visible(self) -> bool:
        """Show the panes if they are hidden; return True if there is room for them."""
        if not self.panes.display:
            self.action_panes()
        return bool(self.panes.display)

    def action_explain(self) -> None:
        """Show the findings, and move the focus to them if there are any; a note would cover them."""
        self.app.clear_notifications()
        if self.ensure_panes_visible():
            self.panes.switch(EXPLAIN)
            explain = self.query_one(Explain)
            if explain.has_findings:
                explain.focus()

    @on(TabRequested)
    def _tab(self, message: TabRequested) -> None:
        self.panes.choose(message.name)

    @on(FindingRequested)
    def _go_to(self, message: FindingRequested) -> None:
        """Select the row of a finding; on screens with several groupings, in the finding's grouping."""
        finding = message.finding
        if "group" not in self.HIDDEN_HINTS:
            self.set_spec(grouped_by(self.spec, finding.group_by))
        self.table.go_to(finding.identity(self.spec.group_by))
        self.table.focus()

    @on(CopyRequested)
    def _copy(self, message: CopyRequested) -> None:
        self.app.copy_to_clipboard(message.text)
        self.notify(printable(copied_note(message.text)), markup=False)

    @on(FindingsClosed)
    def _leave_findings(self) -> None:
        if self.focused in (None, self.query_one(Explain)):
            self.table.focus()
