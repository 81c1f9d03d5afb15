"""The cells of a table: their text, brought to the width of a column, and their colour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tcpconntop.core.view.column import Column
from tcpconntop.core.view.columns import TREND, ViewColumn
from tcpconntop.core.view.trouble import TROUBLE
from tcpconntop.tui.text.lines import fit, fit_address, fit_counted
from tcpconntop.tui.text.severity import TROUBLE_PAINTS, metric_paint

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View

_PAINTS = {
    "daddr": "strong",
    "dport": "",
    "pid": "",
    "comm": "",
    "unit": "strong",
    "netns": "strong",
    "host": "strong",
}


def is_right_aligned(column: Column[Any]) -> bool:
    """True if the text of a column is aligned to the right."""
    return column.numeric or column.key == TREND.key


def fit_cell(column: Column[Any], text: str, width: int) -> str:
    """Pad or cut a text of a column to exactly `width` terminal cells."""
    if column.key == "comm":
        return fit_counted(text, width)
    return fit_address(text, width) if column.key == "daddr" else fit(text, width, is_right_aligned(column))


def cell_paint(column: ViewColumn, view: View, row: int, overall: Mapping[str, float]) -> str:
    """Return the name of the colour of a cell.

    Args:
        column: the column.
        view: the view.
        row: the row.
        overall: metrics of all rows together, to which those of the row are compared.
    """
    if view.is_gone(row):
        return "dim"
    if column.key in _PAINTS:
        return _PAINTS[column.key]
    if column.key == TROUBLE:
        return TROUBLE_PAINTS[int(view.trouble[row])]
    value = view.metrics.value(column.key, row)
    return metric_paint(column.key, value, overall.get(column.key, math.nan))
