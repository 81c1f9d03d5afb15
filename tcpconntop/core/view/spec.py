"""What a user wants to see of a snapshot. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tcpconntop.core.view.filter import Filter

ColumnChoice = tuple[str, ...]
"""Keys of the columns to show, in order; empty for the default columns."""


@dataclass(frozen=True)
class ViewSpec:
    """What to show of a snapshot.

    Attributes:
        group_by: name of a grouping (`GROUPINGS`).
        sort: key of the column to sort by (`COLUMNS`).
        descending: True to begin with the greatest value.
        where: which keys and rows to show.
        columns: the columns to show.
        ignore: kinds of findings that are not shown.
        plain_order: key of the sort column, and True to begin with the greatest value, before the rows were
            sorted by a change. Which rows are shown how does not depend on it.
    """

    group_by: str = "dest"
    sort: str = "trouble"
    descending: bool = True
    where: Filter = field(default_factory=Filter)
    columns: ColumnChoice = ()
    ignore: tuple[str, ...] = ()
    plain_order: tuple[str, bool] = field(default=("trouble", True), compare=False)

    def reversed(self) -> ViewSpec:
        """Return the spec with the opposite order."""
        return replace(self, descending=not self.descending)
