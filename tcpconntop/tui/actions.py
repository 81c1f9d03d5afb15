"""Every action, once: keys, palette, footer and help are all made from this list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Scope = Literal["app", "board", "table"]


@dataclass(frozen=True)
class Action:
    """Something that a user can do.

    Attributes:
        name: the method `action_<name>`.
        scope: whose method it is: the app's, a board's (a screen with a table), or the table's.
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


# The order is that of the footer: what comes first stays longest on a narrow terminal.
ACTIONS: tuple[Action, ...] = (
    Action("quit", "app", "q,ctrl+c", "q", "Quit", "Leave; the probes go with it.", "quit", "Program"),
    Action("help", "app", "question_mark,f1", "?", "Help", "Keys, columns, filters.", "help", "Program"),
    Action("filter", "board", "slash", "/", "Filter", "Show only the rows that match.", "filter"),
    Action("sort(-1)", "board", "less_than_sign", "<", "Sort left",
           "Sort by the next column to the left.", "sort", "Sort"),
    Action("sort(1)", "board", "greater_than_sign", ">", "Sort right",
           "Sort by the next column to the right.", "sort", "Sort"),
    Action("reverse", "board", "r", "r", "Reverse", "Turn the order round.", "reverse", "Sort"),
    Action("group(1)", "board", "g", "g", "Next grouping", "Group by destination, process, port, …", "group"),
    Action("window(1)", "app", "w", "w", "Next window", "Look at a longer window.", "window"),
    Action("pause", "app", "space", "space", "Pause", "Freeze the view; collecting goes on.", "pause"),
    Action("open", "board", "enter", "enter", "Open process", "Open the process of the selected row.",
           "detail"),
    Action("back", "board", "escape", "esc", "Back", "Unselect, clear the filter, or go back.", "",
           "Program"),
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
    Action("panes", "board", "v", "v", "Hide the panes",
           "Give the table all the room, or take it back.", "", "Panes"),
    Action("up", "table", "up,k", "↑", "Up", "Select the row above.", "", "Rows"),
    Action("down", "table", "down,j", "↓", "Down", "Select the row below.", "", "Rows"),
    Action("page_up", "table", "pageup", "pgup", "Page up", "Go up by a page.", "", "Rows"),
    Action("page_down", "table", "pagedown", "pgdn", "Page down", "Go down by a page.", "", "Rows"),
    Action("first", "table", "home", "home", "First row", "Select the first row.", "", "Rows"),
    Action("last", "table", "end", "end", "Last row", "Select the last row.", "", "Rows"),
)  # fmt: skip


def bindings(scope: Scope) -> list[BindingType]:
    """Give the key bindings of a scope."""
    return [
        Binding(action.keys, action.name, action.title, show=False)
        for action in ACTIONS
        if action.scope == scope
    ]


def sections() -> dict[str, list[Action]]:
    """Give the actions by the section of the help that lists them, in order."""
    found: dict[str, list[Action]] = {}
    for action in ACTIONS:
        found.setdefault(action.section, []).append(action)
    return found
