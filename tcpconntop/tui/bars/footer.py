"""The last line: the keys, lost records, the share of connects seen, and our own CPU and memory.

q quit  ? help  / filter  < > sort  r reverse  g group  w window   lost 0 · seen 100% · cpu 1.2% · 61MB
"""

from __future__ import annotations

from rich.text import Text

from tcpconntop.core.format import count, memory, seen_share
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.actions import ACTIONS, KeyBindings
from tcpconntop.tui.text.lines import STYLE_CLASSES, Line, Part, fit, justify

COST_PRIORITY = 85
"""Our own cost is left out before most of the keys are."""

RECORDING_HINTS = frozenset({"seek", "speed"})
"""Words that are shown for recordings only."""


def _hints(bindings: KeyBindings) -> list[tuple[str, str]]:
    """Return (keys, word) of each hint; actions with the same word share one."""
    hints: dict[str, list[str]] = {}
    for action in ACTIONS:
        if action.footer:
            hints.setdefault(action.footer, []).append(bindings.label(action))
    return [(" ".join(keys), word) for word, keys in hints.items()]


class Footer(Line):
    """The footer line.

    Args:
        hidden: words whose keys do nothing on this screen.
    """

    COMPONENT_CLASSES = STYLE_CLASSES

    def __init__(self, hidden: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._hidden, self._keys = hidden, KeyBindings()
        self._snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot | None, keys: KeyBindings) -> None:
        """Show the keys, and the losses and costs of the newest snapshot, even while the view is paused."""
        before = self._content()
        self._snapshot, self._keys = snapshot, keys
        if self._content() != before:
            self.redraw()

    def _content(self) -> tuple[object, ...]:
        """Return all that the line is drawn from: at rest it stays the same."""
        snapshot = self._snapshot
        if snapshot is None:
            return (self._keys,)
        return self._keys, snapshot.ledger, snapshot.cost, snapshot.playback is None

    def draw(self, width: int) -> Text:
        """Return the line."""
        hidden = self._hidden
        if self._snapshot is None or self._snapshot.playback is None:
            hidden |= RECORDING_HINTS
        hints = [
            Part(Text.assemble((keys, self.paint("accent")), " ", (word, self.paint("dim"))), 10 + 10 * index)
            for index, (keys, word) in enumerate(hint for hint in _hints(self._keys) if hint[1] not in hidden)
        ]
        return justify(hints, self._ledger(), width)

    def _ledger(self) -> list[Part]:
        snapshot, dim = self._snapshot, self.paint("dim")
        if snapshot is None:
            return []
        ledger, cost = snapshot.ledger, snapshot.cost
        seen = "–" if ledger.completeness is None else seen_share(ledger.completeness)
        if ledger.completeness is not None and ledger.namespaces > ledger.namespaces_compared:
            seen += f" in {ledger.namespaces_compared} of {ledger.namespaces} netns"
        lost = Text(f"lost {count(ledger.lost)}", self.paint("bad") if ledger.lost else dim)
        losses = Text.assemble(lost, (f" · seen {seen}", dim))
        own = Text(f"cpu {fit(f'{cost.cpu:.1%}', 5, right=True)} · {memory(cost.memory_bytes)}", dim)
        return [Part(losses), Part(own, COST_PRIORITY)]
