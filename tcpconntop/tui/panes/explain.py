"""The explain pane: the findings with their evidence, and a command that shows more.

▌● 10.2.3.4:8080 refuses every connect since 12:03:11
▌    214 refused, last ok 12:03:10; by prometheus
▌    → on 10.2.3.4: ss -ltn sport = :8080
▌      no line: no listener in that network namespace
 ● 18 of 1,204 connects to 10.2.3.5:443 lost a SYN
     p99 1.03s = 1.00s waiting to resend + 31.0ms network; by curl
     → on 10.2.3.5: ss -ltn sport = :443; nstat -asz TcpExtListenOverflows TcpExtListenDrops
 ◐ curl gives up after 5.00s: its own timeout
 … 2 more                         ↑ ↓ choose · enter goes there · y copies command, Y all · esc back
The worst comes first. The bar on the left marks the chosen finding while the pane has the focus.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual import events

from tcpconntop.core.format import printable
from tcpconntop.core.lazy import lazy
from tcpconntop.tui.actions import bindings
from tcpconntop.tui.explained import findings_about
from tcpconntop.tui.messages import CopyRequested, FindingRequested, FindingsClosed
from tcpconntop.tui.panes.pane import Pane, no_connect_yet
from tcpconntop.tui.table.drawing import CURSOR_SIGN
from tcpconntop.tui.text.severity import FINDING_SIGNS
from tcpconntop.tui.text.wrap import wrap

if TYPE_CHECKING:
    from tcpconntop.core.analysis import explain as findings
    from tcpconntop.core.analysis.explain import Finding
    from tcpconntop.core.analysis.selection import Selection
else:
    findings = lazy("tcpconntop.core.analysis.explain")

HINTS = (
    "↑ ↓ choose · enter goes there · y copies command, Y all · esc back",
    "↑ ↓ choose · enter goes · y copies, Y all · esc back",
    "↑ ↓ · enter · y Y copy · esc",
)
"""What the keys do; the first that fits is shown."""

TITLE_INDENT, EVIDENCE_INDENT, STEP_INDENT = 3, 5, 7
MAX_TITLE_LINES, MAX_EVIDENCE_LINES, MAX_COMMAND_LINES, MAX_TELLS_LINES = 2, 3, 3, 2


class Explain(Pane, can_focus=True):
    """A list of findings. With the focus, one is chosen; it stays chosen when the order changes."""

    BINDINGS = bindings("findings")
    MIN_HEIGHT = 2
    IS_READ = True

    def __init__(self) -> None:
        super().__init__()
        self._findings: tuple[Finding, ...] = ()
        self._explained: Selection | None = None
        self._chosen = 0
        self._spans: list[tuple[int, int]] = []

    @property
    def chosen(self) -> Finding | None:
        """The chosen finding."""
        return self._findings[self._chosen] if self._findings else None

    @property
    def has_findings(self) -> bool:
        """True if there is a finding to choose."""
        selection = self._selection
        if selection is not None and not self.empty_text(selection):
            self._explain(selection)
        return bool(self._findings)

    def empty_text(self, selection: Selection | None) -> str:
        """Return why there is nothing to list."""
        if selection is None or not selection.attempts:
            self._explained, self._findings = None, ()
            return f"{no_connect_yet(selection)}: what stands out will be explained here"
        return ""

    def _explain(self, selection: Selection) -> None:
        if selection is self._explained:
            return
        name = self.chosen.name if self.chosen else None
        self._findings = findings_about(selection)
        self._explained = selection
        names = [finding.name for finding in self._findings]
        self._chosen = names.index(name) if name in names else min(self._chosen, max(len(names) - 1, 0))

    # Drawing

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """Draw the findings that fit, the chosen one among them."""
        self._explain(selection)
        if not self._findings:
            self._spans = []
            words = wrap(findings.nothing_found_text(selection), width - 4, height - 1)
            return Text("\n".join(["", *(f"  {line}" for line in words)]), self.paint("dim"), no_wrap=True)
        blocks = self._blocks(width, height - 1)
        first, last = self._visible([len(block) for block in blocks], height)
        lines: list[Text] = []
        self._spans = [(0, 0)] * len(blocks)
        for n in range(first, last):
            self._spans[n] = (len(lines), len(lines) + len(blocks[n]))
            lines += blocks[n]
        if len(lines) != height or len(blocks) > last - first:
            room = height - 1
            if len(lines) > room:  # the last one does not fit with all its lines
                lines[room - 1].truncate(width - 2)
                lines[room - 1].append("…", self.paint("dim"))
            lines = [*lines[:room], *[Text()] * (room - len(lines))]
            lines.append(self._foot(first, len(blocks) - last, width))
        return Text("\n", no_wrap=True, end="").join(lines)

    def _blocks(self, width: int, room: int) -> list[list[Text]]:
        """Return the lines of each finding; the first ones with all their lines, as far as there is room."""
        blocks = [self._block(n, width) for n in range(len(self._findings))]
        left = room - sum(map(len, blocks))
        for n, block in enumerate(blocks):
            whole = self._block(n, width, is_whole=True) if left > 0 else block
            if len(whole) - len(block) <= left:
                left -= len(whole) - len(block)
                blocks[n] = whole
        return blocks

    def _visible(self, sizes: Sequence[int], height: int) -> tuple[int, int]:
        """Return the first visible finding and the one after the last, so that the chosen one is visible."""
        room = height if sum(sizes) <= height else height - 1
        first = 0
        while first < self._chosen and sum(sizes[first : self._chosen + 1]) > room:
            first += 1
        last = first + 1
        while last < len(sizes) and sum(sizes[first:last]) < room:
            last += 1
        return first, last

    def _block(self, n: int, width: int, *, is_whole: bool = False) -> list[Text]:
        """Return the lines of finding `n`: all of them, or as many as leave room for others."""
        finding = self._findings[n]
        chosen = self.has_focus and n == self._chosen
        mark = (CURSOR_SIGN if chosen else " ", self.paint("accent"))
        most_title, most_evidence = (sys.maxsize,) * 2 if is_whole else (MAX_TITLE_LINES, MAX_EVIDENCE_LINES)
        titles = wrap(finding.title, width - TITLE_INDENT - 1, most_title)
        evidence = wrap(finding.evidence, width - EVIDENCE_INDENT - 1, most_evidence)
        sign, paint = FINDING_SIGNS[finding.severity.name]
        lines = [
            Text.assemble(mark, (sign, self.paint(paint)), (titles[0], self.paint("strong")), no_wrap=True)
        ]
        lines += [
            Text.assemble(mark, "  ", (title, self.paint("strong")), no_wrap=True) for title in titles[1:]
        ]
        lines += [Text.assemble(mark, "    ", (line, self.paint("dim")), no_wrap=True) for line in evidence]
        most_command = MAX_COMMAND_LINES if chosen else 1
        most = (sys.maxsize,) * 2 if is_whole else (most_command, MAX_TELLS_LINES)
        steps = self._step(finding, chosen, width, *most)
        return lines + [Text.assemble(mark, *parts, no_wrap=True) for parts in steps]

    def _step(
        self, finding: Finding, chosen: bool, width: int, most_command: int, most_tells: int
    ) -> list[list[str | tuple[str, Style]]]:
        """Return the lines of the next step: the command, and of the chosen finding what it tells."""
        step, room = finding.next_step, width - STEP_INDENT - 1
        where = f"→ {step.where}: "
        command = wrap(f"{where}{step.command}", room, most_command)
        lines: list[list[str | tuple[str, Style]]] = [
            ["    ", (where, self.paint("dim")), command[0].removeprefix(where)]
        ]
        lines += [["      ", line] for line in command[1:]]
        tells = wrap(step.tells, room, most_tells) if chosen else []
        return lines + [["      ", (line, self.paint("dim"))] for line in tells]

    def _foot(self, above: int, below: int, width: int) -> Text:
        more = [
            f"{n} {word}" for n, word in ((above, "above"), (below, "more below" if above else "more")) if n
        ]
        left = f" … {', '.join(more)}" if more else ""
        hints = HINTS if self.has_focus else ("x chooses one",)
        hint = next((hint for hint in hints if len(left) + len(hint) + 2 <= width), hints[-1])
        gap = width - len(left) - len(hint) - 1
        return Text(left + (" " * gap + hint if gap > 1 else ""), self.paint("dim"), no_wrap=True)

    def _redraw(self) -> None:
        self._drawn = None
        self.redraw()

    # Choosing

    def on_focus(self) -> None:
        """Mark the chosen finding."""
        self._redraw()

    def on_blur(self) -> None:
        """Remove the mark."""
        self._redraw()

    def on_hide(self) -> None:
        """Hand the focus back when another pane is shown."""
        self.post_message(FindingsClosed())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Choose a finding: before the focus that comes with the click changes which lines are whose."""
        for n, (start, end) in enumerate(self._spans):
            if start <= event.y < end:
                self._chosen = n
                self._redraw()
                break

    def on_click(self, event: events.Click) -> None:
        """A double click goes to the row of the chosen finding."""
        if event.chain == 2:
            self.action_go()

    def action_finding(self, by: int) -> None:
        """Choose the next finding (1) or the previous one (-1); if all are gone, go back to the table."""
        if self._findings:
            self._chosen = min(max(self._chosen + by, 0), len(self._findings) - 1)
            self._redraw()
        else:
            self.post_message(FindingsClosed())

    def action_go(self) -> None:
        """Go to the row of the chosen finding."""
        if self.chosen:
            self.post_message(FindingRequested(self.chosen))

    def action_copy_step(self) -> None:
        """Copy the command of the chosen finding."""
        if self.chosen:
            self.post_message(CopyRequested(self.chosen.next_step.command))

    def action_copy_finding(self) -> None:
        """Copy the chosen finding with its evidence and its command."""
        if self.chosen:
            self.post_message(CopyRequested(finding_text(self.chosen)))

    def action_leave(self) -> None:
        """Go back to the table."""
        self.post_message(FindingsClosed())


def finding_text(finding: Finding) -> str:
    """Format a finding in lines, for a chat or a ticket: what it says, its evidence and its next step."""
    step = finding.next_step
    lines = [finding.title, finding.evidence, f"→ {step.where}: {step.command}", f"  {step.tells}"]
    return "\n".join(printable(line) for line in lines if line.strip())
