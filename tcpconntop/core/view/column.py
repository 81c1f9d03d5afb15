"""A column of any table of the program. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from tcpconntop.core.view.metrics import Quantity

if TYPE_CHECKING:
    import numpy.typing as npt

Values: TypeAlias = "npt.NDArray[Any]"
Table = TypeVar("Table")
"""What a column reads its rows from: a `View`, or the list that a pane shows."""


@dataclass(frozen=True)
class Column(Generic[Table]):
    """A column: one declaration for tables, sorting, JSON, CSV and the help.

    Attributes:
        key: its name on the command line, in filters and in code.
        header: its title in tables.
        width: terminal cells that it needs.
        text: formats one row.
        help: one line for the help and the list of columns; empty in panes.
        values: values to sort by, shape (n,); None if rows cannot be sorted by it.
        numeric: True for numbers: aligned to the right, sorted from the greatest.
        quantity: what its metric measures; None if it shows no metric.
        json_name: its name in JSON rows and CSV; empty if it is not exported.
        aliases: other names on the command line and in filters.
        key_field: the field of the key that it shows; groupings without that field have no such column.
        needs_baseline: True if it compares with a baseline; views without one have no such column.
        expands: True if it takes the cells that are left over.
        priority: 0 is always shown; the higher, the sooner it is hidden in a narrow terminal; None is
            shown only if the user chooses it.
        min_width: cells that a pane must have before it is shown.
        paint: names the colour of one row in panes (`PAINTS`).
        text_in: formats one row for so many cells, where a cut text would say something else; None cuts it.
    """

    key: str
    header: str
    width: int
    text: Callable[[Table, int], str]
    _: KW_ONLY
    help: str = ""
    values: Callable[[Table], Values] | None = None
    numeric: bool = True
    quantity: Quantity | None = None
    json_name: str = ""
    aliases: tuple[str, ...] = ()
    key_field: str = ""
    needs_baseline: bool = False
    expands: bool = False
    priority: int | None = 0
    min_width: int = 0
    paint: Callable[[Table, int], str] = lambda *_: ""
    text_in: Callable[[Table, int, int], str] | None = None

    @property
    def is_metric(self) -> bool:
        """True if it shows a metric, False if it shows a part of the key."""
        return self.quantity is not None
