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
    """

    group_by: str = "dest"
    sort: str = "trouble"
    descending: bool = True
    where: Filter = field(default_factory=Filter)
    columns: ColumnChoice = ()
    ignore: tuple[str, ...] = ()

    def reversed(self) -> ViewSpec:
        """Return the spec with the opposite order."""
        return replace(self, descending=not self.descending)
