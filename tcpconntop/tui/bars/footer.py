"""The last line: the keys, lost records, the share of connects seen, and our own CPU and memory.

q quit  ? help  / filter  x explain  enter open  g group        lost 0, traced 100%  cpu 1.2% · 61MB
q quit  space resume  ← → seek  , . step  t go to  $ end            paused
q quit  ? help  space pause  ← → seek  N B spike  / filter          a recording that plays
esc back  ? help  / filter  x explain                               the screen of a process
"""

from __future__ import annotations

from rich.text import Text

from tcpconntop.core.format import count, memory, seen_share
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.actions import ACTIONS, Action, KeyBindings
from tcpconntop.tui.text.lines import STYLE_CLASSES, Line, Part, fit, justify, on_click

COST_PRIORITY = 85
"""Our own cost is left out before `export` and the keys to the left of it are."""

ORDER = (
    "back", "quit", "help", "filter", "explain", "open", "expand", "group", "export", "sort", "window",
    "pause", "seek", "spike", "speed", "mark", "compare", "reverse", "step", "go to", "end",
)  # fmt: skip
"""The words in their order: on a narrow terminal, the last ones go first."""

PAUSED_ORDER = ("back", "quit", "pause", "seek", "spike", "speed", "step", "end", "go to")
"""The words that come first while the view or the recording stands still."""

PLAYING_ORDER = ("back", "quit", "help", "pause", "seek", "spike", "filter", "explain", "speed", "go to")
"""The words that come first while a recording plays."""

RECORDING_HINTS = frozenset({"seek", "spike", "speed"})
"""Words that are shown for recordings only, and `seek` and `spike` wherever the view stands still."""

PAUSED_HINTS = frozenset({"step", "go to", "end"})
"""Words that are shown only while the view or the recording stands still, and `go to` for recordings."""


def _actions_by_word() -> dict[str, list[Action]]:
    actions: dict[str, list[Action]] = {}
    for action in ACTIONS:
        if action.footer:
            actions.setdefault(action.footer, []).append(action)
    return actions


class Footer(Line):
    """The footer line. A click on a key or its word does what the key does.

    Args:
        hidden: words whose keys do nothing on this screen.
    """

    COMPONENT_CLASSES = STYLE_CLASSES

    def __init__(self, hidden: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._hidden, self._keys = hidden, KeyBindings()
        self._snapshot: Snapshot | None = None
        self._paused = self._covered = False

    def cover(self, covered: bool) -> None:
        """Show the key that closes a dialog alone, while one is above the screen."""
        self._covered = covered
        self.redraw()

    def show(self, snapshot: Snapshot | None, keys: KeyBindings, paused: bool = False) -> None:
        """Show the keys, and the losses and costs of the newest snapshot, even while the view is paused."""
        before = self._content()
        self._snapshot, self._keys, self._paused = snapshot, keys, paused
        if self._content() != before:
            self.redraw()

    def _content(self) -> tuple[object, ...]:
        """Return all that the line is drawn from: at rest it stays the same."""
        snapshot = self._snapshot
        if snapshot is None:
            return (self._keys,)
        return self._keys, snapshot.ledger, snapshot.cost, snapshot.playback is None, self._paused

    def draw(self, width: int) -> Text:
        """Return the line."""
        actions = {
            word: [action for action in of_word if self._keys.label(action)]
            for word, of_word in _actions_by_word().items()
        }
        hints = [
            Part(self._hint(word, actions[word]), 10 + 10 * index)
            for index, word in enumerate(filter(actions.get, self._words()))
        ]
        return justify(hints, self._ledger(width), width)

    def _words(self) -> list[str]:
        if self._covered:
            return ["back"]
        first: tuple[str, ...]
        is_recording = self._snapshot is not None and self._snapshot.playback is not None
        if self._paused:
            first, hidden = PAUSED_ORDER, frozenset() if is_recording else frozenset({"speed"})
        elif is_recording:
            first, hidden = PLAYING_ORDER, PAUSED_HINTS - {"go to"}
        else:
            first, hidden = (), RECORDING_HINTS | PAUSED_HINTS
        return [word for word in dict.fromkeys((*first, *ORDER)) if word not in hidden | self._hidden]

    def _hint(self, word: str, actions: list[Action]) -> Text:
        """Return the keys of actions with one word, and the word; a click on the word is the last one's."""
        accent = self.paint("accent")
        keys = [on_click(Text(self._keys.label(action), accent), action.name) for action in actions]
        shown = "resume" if word == "pause" and self._paused else word
        return Text(" ").join([*keys, on_click(Text(shown, self.paint("dim")), actions[-1].name)])

    def _ledger(self, width: int) -> list[Part]:
        """Return the losses, and our own cost; in a very narrow terminal what is lost alone, but whole."""
        snapshot, dim = self._snapshot, self.paint("dim")
        if snapshot is None:
            return []
        ledger, cost = snapshot.ledger, snapshot.cost
        traced = " ?" if ledger.completeness is None else f" {seen_share(ledger.completeness)}"
        if ledger.completeness is not None and ledger.namespaces > ledger.namespaces_compared:
            traced += f" in {ledger.namespaces_compared} of {ledger.namespaces} netns"
        lost = Text(f"lost {count(ledger.lost)}", self.paint("bad") if ledger.lost else dim)
        losses = Text.assemble(lost, (f", traced{traced}", dim))
        if losses.cell_len + 2 > width:
            losses = lost
        own = Text(f"cpu {fit(f'{cost.cpu:.1%}', 5, right=True)} · {memory(cost.memory_bytes)}", dim)
        return [Part(losses, 0, "help"), Part(own, COST_PRIORITY, "help")]
