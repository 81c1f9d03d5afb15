"""Every action, once: keys, palette, footer and help are all made from this list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from textual.binding import Binding, BindingType

_KEY = re.compile(r"((ctrl|alt|shift|super)\+)*([a-z][a-z0-9_]*|[!-~])|\S")
Scope = Literal["app", "board", "table", "findings"]


@dataclass(frozen=True)
class Action:
    """Something that a user can do.

    Attributes:
        name: the method `action_<name>`.
        scope: whose method it is: the app's, a board's (a screen with a table), the table's, or that of the
            pane with the findings, whose keys come first while it has the focus.
        keys: as Textual names them, separated by commas.
        shown: the keys as people read them.
        title: what it does, in a few words.
        help: the same in one sentence.
        footer: its word in the footer; empty if it is not there.
        section: where the help lists it.
    """

    name: str
    scope: Scope
    keys: str
    shown: str
    title: str
    help: str
    footer: str = ""
    section: str = "Look"

    @property
    def id(self) -> str:
        """How settings files name it: `sort-left`."""
        return self.title.lower().replace(" ", "-")


# The order is that of the footer: what comes first stays longest on a narrow terminal.
ACTIONS: tuple[Action, ...] = (
    Action("quit", "app", "q,ctrl+c", "q", "Quit", "Leave; the probes go with it.", "quit", "Program"),
    Action("help", "app", "question_mark,f1", "?", "Help", "Keys, columns, filters.", "help", "Program"),
    Action("filter", "board", "slash", "/", "Filter", "Show only the rows that match.", "filter"),
    Action("seek(-10)", "app", "left", "←", "Back 10 seconds", "Go back 10 seconds.", "seek", "Time"),
    Action("seek(10)", "app", "right", "→", "Forward 10 seconds", "Go forward 10 seconds.", "seek", "Time"),
    Action("seek(-60)", "app", "H,shift+left", "H", "Back a minute", "Go back a minute.", "", "Time"),
    Action("seek(60)", "app", "L,shift+right", "L", "Forward a minute", "Go forward a minute.", "", "Time"),
    Action("seek_to('start')", "app", "0,ctrl+left", "0", "To the start",
           "Go to the beginning of the recording, or of what is kept.", "", "Time"),
    Action("seek_to('end')", "app", "dollar_sign,ctrl+right", "$", "To the end",
           "Go to the end of the recording, or to the newest moment.", "", "Time"),
    Action("goto", "app", "t", "t", "Go to a time", "Go to a time of day, or to a share of the recording.",
           "", "Time"),
    Action("speed(-1)", "app", "left_curly_bracket", "{", "Slower", "Play the recording slower.", "speed",
           "Time"),
    Action("speed(1)", "app", "right_curly_bracket", "}", "Faster", "Play the recording faster.", "speed",
           "Time"),
    Action("past(-1)", "app", "comma", ",", "Older", "Pause, and look at the moment before.", "", "Time"),
    Action("past(1)", "app", "full_stop", ".", "Newer", "Look at the moment after.", "", "Time"),
    Action("sort(-1)", "board", "less_than_sign", "<", "Sort left",
           "Sort by the next column to the left.", "sort", "Sort"),
    Action("sort(1)", "board", "greater_than_sign", ">", "Sort right",
           "Sort by the next column to the right.", "sort", "Sort"),
    Action("reverse", "board", "r", "r", "Reverse", "Turn the order round.", "reverse", "Sort"),
    Action("group(1)", "board", "g", "g", "Next grouping", "Group by destination, process, port, …", "group"),
    Action("window(1)", "app", "w", "w", "Next window", "Look at a longer window.", "window"),
    Action("pause", "app", "space", "space", "Pause", "Freeze the view, or halt the recording.", "pause"),
    Action("mark", "app", "m", "m", "Mark", "Compare each row with this moment, or no longer.", "mark"),
    Action("open", "board", "enter", "enter", "Open process", "Open the process of the selected row.",
           "detail"),
    Action("back", "board", "escape", "esc", "Back", "Unselect, clear the filter, or go back.", "",
           "Program"),
    Action("copy", "app", "y", "y", "Copy", "Copy the selected row, through the terminal.", "", "Program"),
    Action("export", "app", "e", "e", "Export", "Write what is seen as CSV, JSON and SVG.", "", "Program"),
    Action("sort_by('p99')", "board", "P", "P", "Sort by p99", "Sort by the 99th percentile.", "", "Sort"),
    Action("sort_by('dport')", "board", "D", "D", "Sort by port", "Sort by the destination port.", "",
           "Sort"),
    Action("names", "app", "n", "n", "Names", "Show the names of addresses and ports, or no longer."),
    Action("columns", "board", "c", "c", "Columns", "Choose the columns and their order."),
    Action("group(-1)", "board", "G", "G", "Previous grouping", "Go back to the grouping before."),
    Action("window(-1)", "app", "W", "W", "Previous window", "Look at a shorter window."),
    Action("interval(1)", "app", "plus,equals_sign", "+", "Refresh less often",
           "Wait longer between refreshes."),
    Action("interval(-1)", "app", "minus", "-", "Refresh more often", "Wait less between refreshes."),
    Action("pane(1)", "board", "right_square_bracket", "]", "Next pane", "Show the next pane.", "", "Panes"),
    Action("pane(-1)", "board", "left_square_bracket", "[", "Previous pane", "Show the pane before.",
           "", "Panes"),
    Action("pane_at(0)", "board", "1", "1", "First pane", "Show the first pane.", "", "Panes"),
    Action("pane_at(1)", "board", "2", "2", "Second pane", "Show the second pane.", "", "Panes"),
    Action("pane_at(2)", "board", "3", "3", "Third pane", "Show the third pane.", "", "Panes"),
    Action("pane_at(3)", "board", "4", "4", "Fourth pane", "Show the fourth pane.", "", "Panes"),
    Action("pane_at(4)", "board", "5", "5", "Fifth pane", "Show the fifth pane.", "", "Panes"),
    Action("pane_at(5)", "board", "6", "6", "Sixth pane", "Show the sixth pane, where there is one.",
           "", "Panes"),
    Action("panes", "board", "v", "v", "Hide the panes",
           "Give the table all the room, or take it back.", "", "Panes"),
    Action("up", "table", "up,k", "↑", "Up", "Select the row above.", "", "Rows"),
    Action("down", "table", "down,j", "↓", "Down", "Select the row below.", "", "Rows"),
    Action("page_up", "table", "pageup", "pgup", "Page up", "Go up by a page.", "", "Rows"),
    Action("page_down", "table", "pagedown", "pgdn", "Page down", "Go down by a page.", "", "Rows"),
    Action("first", "table", "home", "home", "First row", "Select the first row.", "", "Rows"),
    Action("last", "table", "end", "end", "Last row", "Select the last row.", "", "Rows"),
    Action("explain", "board", "x", "x", "Explain", "Show what stands out, and choose a finding.", "explain",
           "Findings"),
    Action("finding(-1)", "findings", "up,k", "↑", "Previous finding", "Choose the finding above.",
           "", "Findings"),
    Action("finding(1)", "findings", "down,j", "↓", "Next finding", "Choose the finding below.",
           "", "Findings"),
    Action("go", "findings", "enter", "enter", "Go to the finding", "Select the row that the finding names.",
           "", "Findings"),
    Action("leave", "findings", "escape,x", "esc", "Leave the findings", "Go back to the table.",
           "", "Findings"),
)  # fmt: skip


def bindings(scope: Scope) -> list[BindingType]:
    """Give the key bindings of a scope."""
    return [
        Binding(action.keys, action.name, action.title, show=False, id=action.id)
        for action in ACTIONS
        if action.scope == scope
    ]


def actions_by_section() -> dict[str, list[Action]]:
    """Give the actions by the section of the help that lists them, in order."""
    found: dict[str, list[Action]] = {}
    for action in ACTIONS:
        found.setdefault(action.section, []).append(action)
    return found


@dataclass(frozen=True)
class Keys:
    """Which keys mean what, where settings say something else than the registry.

    Attributes:
        pressed: keys by action id, as Textual's keymap wants them.
        shown: the same as people read them.
    """

    pressed: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)

    def of(self, action: Action) -> str:
        """Give the keys of an action as people read them."""
        return self.shown.get(action.id, action.shown)


def keymap(settings: Mapping[str, Sequence[str]]) -> Keys:
    """Understand which keys the user wants.

    Args:
        settings: keys by action id; an action that is not there keeps its own.

    Raises:
        KeyError: an action or a key is not known, or a key would mean two things; its arguments are the
            action's id and the reason.
    """
    known = {action.id: action for action in ACTIONS}
    for name in settings:
        if name not in known:
            raise KeyError(name, f"no action is called that; there are: {', '.join(sorted(known))}")
    taken: dict[tuple[bool, str], str] = {}  # while findings have the focus, their keys hide those of others
    pressed = {name: [_normal(name, key) for key in keys] for name, keys in settings.items()}
    for action in sorted(ACTIONS, key=lambda action: action.id in settings):
        for key in pressed.get(action.id, action.keys.split(",")):
            place = (action.scope == "findings", key)
            if taken.setdefault(place, action.id) != action.id:
                raise KeyError(action.id, f"the key {key} means {taken[place]} already")
    return Keys(
        {name: ",".join(keys) for name, keys in pressed.items()},
        {name: keys[0] for name, keys in settings.items()},
    )


def _normal(name: str, key: str) -> str:
    """Give the name that Textual has for a key; characters may stand for themselves."""
    key = "comma" if key == "," else key.strip() if len(key) > 1 else key
    if not _KEY.fullmatch(key) or not key.isprintable():
        raise KeyError(name, "a key is a character, or a name such as f5, slash, ctrl+o or pageup")
    bound = next(iter(Binding.make_bindings([Binding(key, name)])))
    return bound.key
