"""The columns, as data: one declaration feeds the table, sorting, JSON rows and the help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core import format as units
from tcpconntop.core.view import baseline as mark
from tcpconntop.core.view.groups import GROUPINGS, destination_text, process_text
from tcpconntop.core.wire import Outcome

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: how the command line, filters and code name it.
        header: what stands above it.
        width: terminal cells that it needs.
        help: one line for people.
        text: spells the column of one row.
        values: what rows are sorted by, shape (n,); None where sorting makes no sense.
        numeric: holds figures: right-aligned, sorted from the greatest.
        grows: takes the room that is left over.
        key_field: the field of the key that it shows; a grouping without that field has no such column.
        priority: 0 is always shown; the higher, the sooner it goes when the terminal is narrow; None is
            shown only where it is asked for.
        needs_baseline: compares with a mark; a view without one has no such column.
    """

    key: str
    header: str
    width: int
    help: str
    text: Callable[[View, int], str]
    values: Callable[[View], Values] | None
    numeric: bool = True
    grows: bool = False
    key_field: str = ""
    priority: int | None = 0
    needs_baseline: bool = False

    @property
    def is_metric(self) -> bool:
        """Whether it is one of the view's figures, and not a part of the key."""
        return self.numeric and not self.key_field

    def available_in(self, group_by: str) -> bool:
        """Whether rows of a grouping (`GROUPINGS`) can have it."""
        return not self.key_field or self.key_field in GROUPINGS[group_by].fields


def _figure(
    key: str,
    header: str,
    width: int,
    spell: Callable[[float], str],
    text: str,
    priority: int | None = 0,
    needs_baseline: bool = False,
) -> Column:
    return Column(
        key,
        header,
        width,
        text,
        lambda view, row: spell(view.metrics.value(key, row)),
        lambda view: view.metrics[key],
        priority=priority,
        needs_baseline=needs_baseline,
    )


def _processes(view: View, row: int) -> str:
    name = process_text(view.busiest_key(row))
    several = int(view.process_count[row])
    return f"{name} ×{several}" if several > 1 else name


def _addresses(view: View) -> Values:
    """Addresses as strings of bytes that sort by family, then in numeric order."""
    octets = np.empty((len(view), 17), np.uint8)
    octets[:, 0] = view.keys["family"]
    octets[:, 1:] = np.ascontiguousarray(view.keys["daddr"]).view(np.uint8).reshape(len(view), 16)
    return octets.view("S17").ravel()


def _unit(view: View, row: int) -> str:
    key = view.keys[row]
    return "other" if key["special"] else units.printable(view.snapshot.unit(int(key["cgroup_id"])) or "-")


def _number(name: str) -> Callable[[View, int], str]:
    def text(view: View, row: int) -> str:
        return "*" if view.keys[row]["special"] else str(view.keys[row][name])

    return text


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column(
            "daddr",
            "DESTINATION",
            16,
            "address that was connected to",
            lambda view, row: destination_text(view.keys[row], view.grouping),
            _addresses,
            numeric=False,
            grows=True,
            key_field="daddr",
        ),
        Column(
            "dport",
            "PORT",
            5,
            "port that was connected to",
            _number("dport"),
            lambda view: view.keys["dport"],
            key_field="dport",
        ),
        Column(
            "pid", "PID", 7, "process id", _number("tgid"), lambda view: view.keys["tgid"], key_field="tgid"
        ),
        Column(
            "unit",
            "UNIT",
            20,
            "systemd unit, container or pod of the process",
            _unit,
            lambda view: np.array([_unit(view, row) for row in range(len(view))], dtype=np.str_),
            numeric=False,
            grows=True,
            key_field="cgroup_id",
        ),
        Column(
            "comm",
            "PROCESS",
            12,
            "process name; ×n where n processes share the row, the busiest named",
            _processes,
            lambda view: view.busiest_keys["comm"],
            numeric=False,
            priority=3,
        ),
        _figure("rate", "CONN/S", 6, units.rate, "ended connects a second over the window", 2),
        _figure("count", "COUNT", 6, units.count, "ended connects, whatever came of them"),
        _figure(
            "dcount", "ΔCOUNT", 6, mark.factor_text, "connects a second, compared with the mark", 1, True
        ),
        _figure("ok", "OK", 6, units.count, "connects that succeeded", None),
        _figure("failed", "FAILED", 6, units.count, "connects that did not", None),
        *(
            _figure(
                outcome.label, header, width, units.count, f"connects with the outcome {outcome.label}", None
            )
            for outcome, header, width in (
                (Outcome.REFUSED, "REFUSED", 7),
                (Outcome.TIMEOUT, "TIMEOUT", 7),
                (Outcome.UNREACHABLE, "UNREACH", 7),
                (Outcome.CANCELLED, "CANCEL", 6),
                (Outcome.ERROR, "ERROR", 6),
            )
        ),
        _figure("fail", "FAIL%", 5, units.percent, "share of connects that did not succeed"),
        _figure("dfail", "ΔFAIL%", 6, mark.points_text, "FAIL% now less FAIL% at the mark", 1, True),
        _figure("rtx", "RTX", 5, units.count, "SYNs that had to be sent again", 4),
        _figure("min", "MIN", 6, units.duration, "least latency of the connects that succeeded", None),
        _figure("p50", "P50", 6, units.duration, "half of the connects took at most this long"),
        _figure("p90", "P90", 6, units.duration, "nine in ten took at most this long", 1),
        _figure("p99", "P99", 6, units.duration, "99 in 100 took at most this long"),
        _figure("dp99", "ΔP99", 6, mark.factor_text, "P99, compared with the mark", 1, True),
        _figure("max", "MAX", 6, units.duration, "greatest latency", 5),
        _figure("mean", "MEAN", 6, units.duration, "mean latency", None),
        _figure("last", "LAST", 6, units.duration, "latency of the last connect that succeeded", None),
    )
}

TREND = Column(
    "trend",
    "P99 TREND",
    10,
    "p99 over the window, each row on its own scale",
    lambda *_: "",
    None,
    numeric=False,
    priority=3,
)
"""What the dashboard alone can draw: it stands for no figure, and nothing is sorted by it."""
