"""Names of addresses and ports, shown beside the numbers: `10.2.3.4 api.internal`, `  443 https`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tcpconntop.core.partial_keys import PARTIAL
from tcpconntop.core.view.columns import ViewColumn
from tcpconntop.core.wire import address_text
from tcpconntop.sources.port_names import port_names

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View

PORT_NAMES_MIN_WIDTH = 100
"""Table width from which there is room for the names of ports."""

WIDTHS_WITH_NAMES = {"daddr": 30, "dport": 16}
"""Width in cells of the columns of addresses and ports with names."""

Namer = Callable[[str], str]
"""Returns the name of an address, or an empty text."""


def widen_for_names(columns: Sequence[ViewColumn], width: int) -> list[ViewColumn]:
    """Return the columns of a table of `width` cells, with room for names."""
    widths = {
        key: cells
        for key, cells in WIDTHS_WITH_NAMES.items()
        if key == "daddr" or width >= PORT_NAMES_MIN_WIDTH
    }
    return [
        replace(column, width=widths[column.key], numeric=False) if column.key in widths else column
        for column in columns
    ]


def add_name(text: str, column: ViewColumn, view: View, row: int, namer: Namer) -> str:
    """Return the text of a cell with the name of its address or port, if it has one."""
    key = view.keys[row]
    if key["special"] or key["scope_id"] >= PARTIAL:
        return text
    if column.key == "daddr" and view.grouping.name != "subnet":
        return f"{text} {namer(address_text(key['daddr'].tobytes(), int(key['family'])))}".rstrip()
    if column.key == "dport" and not column.numeric:
        return f"{text:>5} {port_names().get(int(key['dport']), '')}".rstrip()
    return text
