"""The registry of actions: keys, command palette, footer, help and docs/keys.md are made from this list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from textual.binding import Binding, BindingType
from textual.keys import Keys, _character_to_key

_KEY = re.compile(r"((ctrl|alt|shift|super)\+)*([a-z][a-z0-9_]*|[!-~])|\S")
_KEY_NAMES = {key.value.rpartition("+")[2] for key in Keys} | {
    _character_to_key(chr(code)) for code in range(ord("!"), 0x7F)
}
"""Names of keys without their modifiers."""
Scope = Literal["app", "screen", "process", "table", "findings"]

_OVERRIDING: frozenset[Scope] = frozenset({"process", "findings"})
"""Scopes that may use any key again: where they are, their own take precedence."""


@dataclass(frozen=True)
class Action:
    """Something that the user can do.

    Attributes:
        name: the method `action_<name>`, with its arguments.
        scope: which class has the method: the app, a screen with a table, the screen of a process, the
            table, or the pane of findings. Keys of that screen, and of that pane while it has the focus,
            take precedence.
        keys: Textual's names of the keys, separated by commas.
        label: the main key as the user reads it.
        title: what it does, in a few words. The id in settings files is made from it: never change it.
        help: what it does, in one sentence.
        footer: its word in the footer; empty if the footer does not show it.
        section: the heading in the help.
    """

    name: str
    scope: Scope
    keys: str
    label: str
    title: str
    help: str
    footer: str = ""
    section: str = "Look"

    @property
    def id(self) -> str:
        """Its name in settings files, such as `sort-left`."""
        return self.title.lower().replace(" ", "-")


ACTIONS: tuple[Action, ...] = (
    Action("quit", "app", "q,Q,ctrl+c", "q", "Quit", "Quit and remove the probes.", "quit", "Program"),
    Action("help", "app", "question_mark,f1", "?", "Help",
           "Show the keys, the columns and the filter language.", "help", "Program"),
    Action("filter", "screen", "slash", "/", "Filter",
           "Show only the rows that match, within what the command line chose.", "filter"),
    Action("scope", "app", "S", "S", "Show everything",
           "Show everything, not only what the command line chose (-c, --dest, --filter); again: only that."),
    Action("seek(-10)", "app", "left", "←", "Back 10 seconds", "Go back 10 seconds.", "seek", "Time"),
    Action("seek(10)", "app", "right", "→", "Forward 10 seconds", "Go forward 10 seconds.", "seek", "Time"),
    Action("seek(-60)", "app", "H,shift+left", "H", "Back a minute", "Go back a minute.", "", "Time"),
    Action("seek(60)", "app", "L,shift+right", "L", "Forward a minute", "Go forward a minute.", "", "Time"),
    Action("seek_to('start')", "app", "0,ctrl+left", "0", "To the start",
           "Go to the start of the recording, or to the oldest moment in the history.", "", "Time"),
    Action("seek_to('end')", "app", "dollar_sign,ctrl+right", "$", "To the end",
           "Go to the end of the recording; live, follow the newest moment again.", "end", "Time"),
    Action("goto", "app", "t", "t", "Go to a time",
           "Go to a time of day, or to a percentage of the recording.", "go to", "Time"),
    Action("spike(1)", "app", "N", "N", "Next spike",
           "Stop at the end of the next spike: where p99 is 3 times what it was just before, or 1 % more"
           " connects fail, and neither can be noise. With a filter, it is one of the filtered connects. The"
           " line above the panes says from when to when; , and . find its edges.", "spike", "Time"),
    Action("spike(-1)", "app", "B", "B", "Previous spike", "Stop at the end of the spike before.",
           "spike", "Time"),
    Action("alerts", "app", "a", "a", "Alerts",
           "List the alerts, and when they fired and cleared; enter goes to that moment.",
           "", "Time"),
    Action("last_alert", "app", "A", "A", "Go to the last alert",
           "Go to the moment when an alert fired last.", "", "Time"),
    Action("speed(-1)", "app", "left_curly_bracket", "{", "Slower", "Play the recording slower.", "speed",
           "Time"),
    Action("speed(1)", "app", "right_curly_bracket", "}", "Faster", "Play the recording faster.", "speed",
           "Time"),
    Action("past(-1)", "app", "comma", ",", "Older",
           "Pause, and go back one step, as fine as what is kept: 1 second in the last minute, 10 in the last"
           " 5 minutes, 30 before that; in a recording 1 second.", "step", "Time"),
    Action("past(1)", "app", "full_stop", ".", "Newer", "Go forward one such step.", "step", "Time"),
    Action("sort(-1)", "screen", "less_than_sign", "<", "Sort left",
           "Sort by the next column to the left.", "sort", "Sort"),
    Action("sort(1)", "screen", "greater_than_sign", ">", "Sort right",
           "Sort by the next column to the right.", "sort", "Sort"),
    Action("reverse", "screen", "r", "r", "Reverse", "Reverse the order.", "reverse", "Sort"),
    Action("group(1)", "screen", "g", "g", "Next grouping",
           "Use the next grouping: destination, host (of several), process, port, …", "group"),
    Action("window(1)", "app", "w", "w", "Next window", "Use a longer time window.", "window"),
    Action("pause", "app", "space", "space", "Pause",
           "Pause the view (tracing continues) or the recording, or resume.", "pause"),
    Action("mark", "app", "m", "m", "Mark",
           "Compare every row with this moment; again: stop comparing.", "mark"),
    Action("compare", "app", "M", "M", "Compare",
           "Compare every row with 1, 5 or 15 minutes before, what got worse first; then: stop comparing.",
           "compare"),
    Action("open", "screen", "enter", "enter", "Open process", "Open the process of the selected row.",
           "open"),
    Action("expand", "screen", "o", "o", "Expand",
           "Show the processes of a destination (several hosts: its hosts), or the destinations of a process,"
           " below the row; again: hide them.", "expand", "Rows"),
    Action("back", "screen", "escape", "esc", "Back",
           "Deselect the row, clear the filter of `/`, or go back.", "back", "Program"),
    Action("leave", "process", "q", "q", "Leave the process",
           "On the screen of a process: go back to all connects (Q quits).", "", "Program"),
    Action("copy", "app", "y", "y", "Copy",
           "Copy the selected row to the clipboard of the terminal.", "", "Program"),
    Action("export", "app", "e", "e", "Export",
           "Write what is shown to files: findings and figures as text (Markdown), the table (CSV), both for"
           " programs (JSON), and a picture (SVG).", "export", "Program"),
    Action("suspend_process", "app", "ctrl+z", "^Z", "Suspend",
           "Suspend the program; `fg` in the shell brings it back.", "", "Program"),
    Action("sort_by('p99')", "screen", "P", "P", "Sort by p99", "Sort by the 99th percentile.", "", "Sort"),
    Action("sort_by('trouble')", "screen", "T", "T", "Sort by trouble",
           "Sort by what is wrong: down, failing, SYNs sent again, slow, then by p99.", "", "Sort"),
    Action("sort_by('dport')", "screen", "D", "D", "Sort by port", "Sort by the destination port.", "",
           "Sort"),
    Action("names", "app", "n", "n", "Names", "Show or hide the names of addresses and ports."),
    Action("columns", "screen", "c", "c", "Columns", "Choose the columns and their order."),
    Action("group(-1)", "screen", "G", "G", "Previous grouping", "Use the previous grouping."),
    Action("window(-1)", "app", "W", "W", "Previous window", "Use a shorter time window."),
    Action("interval(1)", "app", "plus,equals_sign", "+", "Refresh less often",
           "Refresh less often."),
    Action("interval(-1)", "app", "minus", "-", "Refresh more often", "Refresh more often."),
    Action("pane(1)", "screen", "right_square_bracket", "]", "Next pane", "Show the next pane.", "", "Panes"),
    Action("pane(-1)", "screen", "left_square_bracket", "[", "Previous pane", "Show the previous pane.",
           "", "Panes"),
    Action("pane_at(0)", "screen", "1", "1", "First pane", "Show the first pane.", "", "Panes"),
    Action("pane_at(1)", "screen", "2", "2", "Second pane", "Show the second pane.", "", "Panes"),
    Action("pane_at(2)", "screen", "3", "3", "Third pane", "Show the third pane.", "", "Panes"),
    Action("pane_at(3)", "screen", "4", "4", "Fourth pane", "Show the fourth pane.", "", "Panes"),
    Action("pane_at(4)", "screen", "5", "5", "Fifth pane", "Show the fifth pane.", "", "Panes"),
    Action("pane_at(5)", "screen", "6", "6", "Sixth pane", "Show the sixth pane, if there is one.",
           "", "Panes"),
    Action("panes", "screen", "v", "v", "Hide the panes",
           "Hide or show the panes below the table.", "", "Panes"),
    Action("up", "table", "up,k", "↑", "Up", "Select the row above.", "", "Rows"),
    Action("down", "table", "down,j", "↓", "Down", "Select the row below.", "", "Rows"),
    Action("page_up", "table", "pageup", "pgup", "Page up", "Move up one page.", "", "Rows"),
    Action("page_down", "table", "pagedown", "pgdn", "Page down", "Move down one page.", "", "Rows"),
    Action("first", "table", "home", "home", "First row", "Select the first row.", "", "Rows"),
    Action("last", "table", "end", "end", "Last row", "Select the last row.", "", "Rows"),
    Action("explain", "screen", "x", "x", "Explain", "Show what is wrong, and choose a finding.", "explain",
           "Findings"),
    Action("finding(-1)", "findings", "up,k", "↑", "Previous finding", "Select the finding above.",
           "", "Findings"),
    Action("finding(1)", "findings", "down,j", "↓", "Next finding", "Select the finding below.",
           "", "Findings"),
    Action("go", "findings", "enter", "enter", "Go to the finding", "Select the row of the finding.",
           "", "Findings"),
    Action("copy_step", "findings", "y", "y", "Copy the next step",
           "Copy the command that shows more about the finding.", "", "Findings"),
    Action("copy_finding", "findings", "Y", "Y", "Copy the finding",
           "Copy the finding with its evidence and its command.", "", "Findings"),
    Action("leave", "findings", "escape,x", "esc", "Leave the findings", "Go back to the table.",
           "", "Findings"),
)  # fmt: skip


def action_named(name: str) -> Action:
    """Return the action with a name, such as `explain`."""
    return next(action for action in ACTIONS if action.name == name)


NEWER_KEYS: frozenset[str] = frozenset({"o", "T", "Q", "M", "N", "B", "a", "A", "S"})
"""Keys that were added after settings files could hold keys: one that the user gave to another action is that
action's alone, so that no settings file stops working."""


def bindings(scope: Scope) -> list[BindingType]:
    """Return the key bindings of a scope."""
    return [
        Binding(action.keys, action.name, action.title, show=False, id=action.id)
        for action in ACTIONS
        if action.scope == scope
    ]


def actions_by_section() -> dict[str, list[Action]]:
    """Return the actions by the section of the help that lists them, in order."""
    by_section: dict[str, list[Action]] = {}
    for action in ACTIONS:
        by_section.setdefault(action.section, []).append(action)
    return by_section


@dataclass(frozen=True)
class KeyBindings:
    """The keys that the user's settings change.

    Attributes:
        keymap: keys by action id, as Textual's `set_keymap` takes them.
        labels: the first key of each, by action id, as the user reads it.
    """

    keymap: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, action: Action) -> str:
        """Return the main key of an action as the user reads it."""
        return self.labels.get(action.id, action.label)


def key_bindings(settings: Mapping[str, Sequence[str]]) -> KeyBindings:
    """Return the key bindings that settings ask for.

    Args:
        settings: keys by action id; the other actions keep their keys.

    Raises:
        KeyError: an action or a key does not exist, or a key would have two actions. The arguments of the
            error are the action's id and the reason.
    """
    ids = {action.id for action in ACTIONS}
    for name in settings:
        if name not in ids:
            raise KeyError(name, f"there is no such action; there are: {', '.join(sorted(ids))}")
    pressed = {name: [_textual_key(name, key) for key in keys] for name, keys in settings.items()}
    wanted = {
        key for action in ACTIONS if action.scope not in _OVERRIDING for key in pressed.get(action.id, ())
    }
    fewer = {action.id: _without(action, NEWER_KEYS & wanted) for action in ACTIONS}
    pressed = {name: keys for name, keys in fewer.items() if keys is not None} | pressed
    taken: dict[tuple[str, str], str] = {}
    for action in sorted(ACTIONS, key=lambda action: action.id in settings):
        for key in pressed.get(action.id, action.keys.split(",")):
            where = action.scope if action.scope in _OVERRIDING else ""
            owner = taken.setdefault((where, key), action.id)
            if owner != action.id:
                raise KeyError(action.id, f"the key {key} already belongs to {owner}")
    return KeyBindings(
        {name: ",".join(keys) for name, keys in pressed.items()},
        {name: "" for name, keys in pressed.items() if not keys}
        | {name: keys[0] for name, keys in settings.items()},
    )


def _without(action: Action, given_away: frozenset[str]) -> list[str] | None:
    """Return the keys of an action without some; None if it has none of those."""
    keys = action.keys.split(",")
    return [key for key in keys if key not in given_away] if given_away.intersection(keys) else None


def _is_known(key: str) -> bool:
    """True if there is a key of that name, such as `ctrl+pageup`, `slash` or `ä`."""
    base = key.removesuffix("+").rpartition("+")[2] if len(key) > 1 else key
    return len(base) <= 1 or base in _KEY_NAMES


def _textual_key(name: str, key: str) -> str:
    """Return Textual's name of a key that is written as a character or as a name."""
    key = "comma" if key == "," else key.strip() if len(key) > 1 else key
    if not _KEY.fullmatch(key) or not key.isprintable() or not _is_known(key):
        raise KeyError(name, "a key is a character, or a name such as f5, slash, ctrl+o or pageup")
    bound = next(iter(Binding.make_bindings([Binding(key, name)])))
    return bound.key
