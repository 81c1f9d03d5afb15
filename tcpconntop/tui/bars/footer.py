"""The last line: the keys, and what the program costs and misses.

q quit  ? help  / filter  < > sort  r reverse  g group  w window   lost 0 · seen 100% · cpu 1.2% · 61MB
"""

from __future__ import annotations

from rich.text import Text

from tcpconntop.core.format import count, memory, percent
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.actions import ACTIONS, Keys
from tcpconntop.tui.text.lines import Line, Part, fit, justify

OWN = 85
"""Priority of the program's own cost: it goes before most of the keys do."""

OF_RECORDINGS = frozenset({"seek", "speed"})
"""Words that are there where something is played."""


def _hints(known: Keys) -> list[tuple[str, str]]:
    """Give the keys and the word of each hint; keys with the same word share one."""
    hints: dict[str, list[str]] = {}
    for action in ACTIONS:
        if action.footer:
            hints.setdefault(action.footer, []).append(known.of(action))
    return [(" ".join(keys), word) for word, keys in hints.items()]


class Footer(Line):
    """The footer line.

    Args:
        absent: words whose keys do nothing here.
    """

    def __init__(self, absent: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._absent, self._keys = absent, Keys()
        self._snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot | None, keys: Keys) -> None:
        """Show the keys, and what the newest snapshot tells, even while the view is frozen."""
        self._snapshot, self._keys = snapshot, keys
        self.changed()

    def draw(self, width: int) -> Text:
        """Draw the line."""
        absent = self._absent
        if self._snapshot is None or self._snapshot.playback is None:
            absent |= OF_RECORDINGS
        hints = [
            Part(Text.assemble((keys, self.paint("accent")), " ", (word, self.paint("dim"))), 10 + 10 * place)
            for place, (keys, word) in enumerate(hint for hint in _hints(self._keys) if hint[1] not in absent)
        ]
        return justify(hints, self._ledger(), width)

    def _ledger(self) -> list[Part]:
        snapshot, dim = self._snapshot, self.paint("dim")
        if snapshot is None:
            return []
        ledger, cost = snapshot.ledger, snapshot.cost
        seen = "–" if ledger.completeness is None else f"{percent(ledger.completeness)}%"
        lost = Text(f"lost {count(ledger.lost)}", self.paint("bad") if ledger.lost else dim)
        known = Text.assemble(lost, (f" · seen {seen}", dim))
        own = Text(f"cpu {fit(f'{cost.cpu:.1%}', 5, right=True)} · {memory(cost.memory_bytes)}", dim)
        return [Part(known), Part(own, OWN)]
