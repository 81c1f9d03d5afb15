"""The lines of a table of which one row is expanded: the subrows of that row stand below it.

10.2.3.4             443  nginx ×2      412  24.7k      0    0  210µs  900µs  14.2ms
├ nginx · pid 1204                      400  24.0k      0    0  208µs  880µs  14.2ms
└ nginx · pid 1205                       12    700      0    0  300µs  910µs  1.12ms
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View


class LineContent(NamedTuple):
    """What a line of the table shows: a row, or a subrow of it; subrow -1 is the row itself."""

    row: int
    subrow: int


@dataclass(frozen=True, eq=False)
class Expansion:
    """Where the rows of a view stand while one of them is expanded.

    Attributes:
        row: the expanded row; -1 for none.
        subrows: its subrows.
        limit: how many lines they may take; the last one says how many more there are.
    """

    row: int = -1
    subrows: View | None = None
    limit: int = 0

    @property
    def n_subrows(self) -> int:
        """Number of subrows; 0 if no row is expanded."""
        return 0 if self.subrows is None else len(self.subrows)

    @property
    def n_lines(self) -> int:
        """Lines that the subrows take."""
        return min(self.n_subrows, self.limit)

    @property
    def n_hidden(self) -> int:
        """Parts that have no line of their own: the last line counts them."""
        return self.n_subrows - self.limit + 1 if self.n_subrows > self.limit else 0

    def line_of(self, row: int) -> int:
        """Return the line of a row."""
        return row + self.n_lines if row > self.row else row

    def content(self, line: int) -> LineContent:
        """Return what a line shows."""
        if not self.n_lines or line <= self.row:
            return LineContent(line, -1)
        if line <= self.row + self.n_lines:
            return LineContent(self.row, line - self.row - 1)
        return LineContent(line - self.n_lines, -1)


NO_EXPANSION = Expansion()
