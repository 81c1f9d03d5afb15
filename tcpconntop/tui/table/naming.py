"""How names stand beside numbers, never instead of them: `10.2.3.4 api.internal`, `  443 https`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tcpconntop.core.view.columns import ViewColumn
from tcpconntop.core.view.view import View
from tcpconntop.core.wire import address_text
from tcpconntop.sources.port_names import port_names

PORT_NAMES_MIN_WIDTH = 100
"""Width from which there is room for the names of ports."""

WIDTHS_WITH_NAMES = {"daddr": 30, "dport": 16}
"""Cells that an address and a port need beside their names."""

Namer = Callable[[str], str]
"""Gives the name of an address, or an empty text."""


def widen_for_names(columns: Sequence[ViewColumn], width: int) -> list[ViewColumn]:
    """Make room for names in a table of `width` cells."""
    wanted = {
        key: cells
        for key, cells in WIDTHS_WITH_NAMES.items()
        if key == "daddr" or width >= PORT_NAMES_MIN_WIDTH
    }
    return [
        replace(column, width=wanted[column.key], numeric=False) if column.key in wanted else column
        for column in columns
    ]


def add_name(text: str, column: ViewColumn, view: View, row: int, namer: Namer) -> str:
    """Add the name to the text of a cell, where there is one."""
    key = view.keys[row]
    if key["special"]:
        return text
    if column.key == "daddr" and view.grouping.name != "subnet":
        return f"{text} {namer(address_text(key['daddr'].tobytes(), int(key['family'])))}".rstrip()
    if column.key == "dport" and not column.numeric:
        return f"{text:>5} {port_names().get(int(key['dport']), '')}".rstrip()
    return text
