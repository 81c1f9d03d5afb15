"""The columns of a view: how each metric and each field of a key is shown, exported and explained. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from tcpconntop.core import format as fmt
from tcpconntop.core.lazy import np
from tcpconntop.core.view.baseline import change_text, factor_text, points_text
from tcpconntop.core.view.column import Column, Values
from tcpconntop.core.view.groups import GROUPINGS, destination_text
from tcpconntop.core.view.key_fields import FIELDS
from tcpconntop.core.view.metrics import METRICS, Quantity
from tcpconntop.core.view.process_names import ANOTHER, MAX_CELLS, names_of_row, names_text
from tcpconntop.core.view.trouble import TROUBLE, TROUBLE_HELP, Trouble, urgency

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View

ViewColumn: TypeAlias = "Column[View]"

CHANGE_HELP = (
    "what happened since the baseline: worse, new, gone (its figures are those of the baseline), more or less"
    " connects a second, better; ~ is what chance explains"
)

FORMATS: dict[Quantity, Callable[[float], str]] = {
    Quantity.COUNT: fmt.count,
    Quantity.RATE_HZ: fmt.rate,
    Quantity.SHARE: fmt.percent,
    Quantity.LATENCY_US: fmt.duration,
    Quantity.FACTOR: factor_text,
    Quantity.DIFFERENCE: points_text,
    Quantity.VERDICT: change_text,
}
"""The text of a number in a table."""


def _key_column(
    name: str, header: str, width: int, help_text: str, text: Callable[[View, int], str], **options: Any
) -> ViewColumn:
    """Make the column of a field of the key (`FIELDS`)."""
    field = FIELDS[name]
    options = {"key_field": field.dtype_field, "json_name": name, **options}
    return Column(name, header, width, text, help=help_text, aliases=field.aliases, **options)


def _metric(
    name: str, header: str, json_name: str, help_text: str, *, width: int = 6, priority: int | None = None
) -> ViewColumn:
    """Make the column of a metric (`METRICS`)."""
    column = _number(name, header, help_text, METRICS[name].quantity, width, priority)
    return replace(column, json_name=json_name)


def _change(
    name: str, header: str, quantity: Quantity, help_text: str, width: int = 6, priority: int = 1
) -> ViewColumn:
    """Make the column of a change since the baseline (`CHANGES`)."""
    return replace(_number(name, header, help_text, quantity, width, priority), needs_baseline=True)


def _number(
    name: str, header: str, help_text: str, quantity: Quantity, width: int, priority: int | None
) -> ViewColumn:
    to_text = FORMATS[quantity]
    return Column(
        name,
        header,
        width,
        lambda view, row: to_text(view.figure(name, row)),
        help=help_text,
        values=lambda view: view.metrics[name],
        quantity=quantity,
        priority=priority,
    )


def _process_text(view: View, row: int) -> str:
    return _process_text_in(view, row, MAX_CELLS)


def _process_text_in(view: View, row: int, width: int) -> str:
    another = f" {ANOTHER}" if view.grouping.has("tgid") and view.is_another(row) else ""
    return names_text(names_of_row(view, row), min(width - len(another), MAX_CELLS)) + another


def _first_names(view: View) -> Values:
    """Return the first name in the text of each row, to sort by, shape (n,)."""
    return np.array([names_of_row(view, row)[0][0] for row in range(len(view))], dtype=np.str_)


def _destination_text(view: View, row: int) -> str:
    text = destination_text(view.located_key(row), view.grouping, view.snapshot.places)
    n_namespaces = int(view.namespace_count[row])
    is_ambiguous = (
        n_namespaces > max(1, view.host_count(row))
        and "dport" in view.grouping.fields
        and not view.keys[row]["special"]
    )
    return f"{text} ×{n_namespaces} netns" if is_ambiguous else text


def _netns_text(view: View, row: int) -> str:
    key = view.keys[row]
    return "other" if key["special"] else view.snapshot.places.namespace(int(key["netns"]))


def _host_text(view: View, row: int) -> str:
    n_hosts = view.host_count(row)
    if n_hosts > 1:
        return f"{n_hosts} hosts"
    return fmt.printable(view.host(row)) or "-"


def _unit_text(view: View, row: int) -> str:
    key = view.keys[row]
    another = f" {ANOTHER}" if view.is_another(row) else ""
    name = fmt.printable(view.snapshot.unit(int(key["cgroup_id"])) or "-")
    return "other" if key["special"] else name + another


def _number_text(dtype_field: str) -> Callable[[View, int], str]:
    def text(view: View, row: int) -> str:
        number = view.keys[row][dtype_field]
        if not number and not view.snapshot.info.has_records:
            return "-"  # counts of a subnet, or of all processes together
        return "*" if view.keys[row]["special"] else str(number)

    return text


def _address_values(view: View) -> Values:
    """Return the addresses as byte strings that sort by family, then in numeric order, shape (n,)."""
    octets = np.empty((len(view), 17), np.uint8)
    octets[:, 0] = view.keys["family"]
    octets[:, 1:] = np.ascontiguousarray(view.keys["daddr"]).view(np.uint8).reshape(len(view), 16)
    return octets.view("S17").ravel()


def _trouble_text(view: View, row: int) -> str:
    return "?" if view.undecided[row] else Trouble(int(view.trouble[row])).label


COLUMNS: dict[str, ViewColumn] = {
    column.key: column
    for column in (
        _key_column(
            "daddr",
            "DESTINATION",
            15,
            "destination address; ×n netns: in n network namespaces, so it may be n hosts",
            _destination_text,
            values=_address_values,
            numeric=False,
            expands=True,
        ),
        _key_column(
            "dport",
            "PORT",
            5,
            "destination port",
            _number_text("dport"),
            values=lambda view: view.keys["dport"],
        ),
        _key_column(
            "pid", "PID", 7, "process id", _number_text("tgid"), values=lambda view: view.keys["tgid"]
        ),
        _key_column(
            "unit",
            "UNIT",
            20,
            "systemd unit, container or pod of the process",
            _unit_text,
            values=lambda view: np.array([_unit_text(view, row) for row in range(len(view))], dtype=np.str_),
            numeric=False,
            expands=True,
        ),
        _key_column(
            "netns",
            "NETNS",
            14,
            "network namespace: its name (`host`, or as in `ip netns`) or its inode number",
            _netns_text,
            values=lambda view: view.keys["netns"],
            numeric=False,
        ),
        _key_column(
            "host",
            "HOST",
            12,
            "host, where there are several; n hosts: they share the row",
            _host_text,
            values=lambda view: np.array([_host_text(view, row) for row in range(len(view))], dtype=np.str_),
            numeric=False,
            priority=1,
        ),
        _key_column(
            "comm",
            "PROCESS",
            12,
            "process name; ×n: n processes have it; +n: n more names. First those with at least half"
            " as many connects as the busiest, then the others, each in the order of the alphabet",
            _process_text,
            text_in=_process_text_in,
            values=_first_names,
            numeric=False,
            key_field="",  # every grouping has it
            priority=3,
        ),
        Column(
            TROUBLE,
            "TROUBLE",
            8,
            _trouble_text,
            help=TROUBLE_HELP,
            values=lambda view: urgency(view.trouble, view.metrics),
            priority=6,
        ),
        _change("change", "CHANGE", Quantity.VERDICT, CHANGE_HELP, 7),
        _metric("rate", "CONN/S", "rate_hz", "ended connects per second over the window", priority=2),
        _metric("count", "COUNT", "count", "ended connects of any outcome", priority=0),
        _change("dcount", "ΔCONN/S", Quantity.FACTOR, "CONN/S now divided by CONN/S at the baseline", 7),
        _metric("ok", "OK", "ok", "successful connects"),
        _metric("failed", "FAILED", "failed", "failed connects", width=7),
        _metric("refused", "REFUSED", "refused", "a reset answered (ECONNREFUSED)", width=8),
        _metric("timeout", "TIMEOUT", "timeout", "no SYN was answered (ETIMEDOUT)", width=8),
        _metric("unreachable", "UNREACH", "unreachable", "an ICMP error answered", width=8),
        _metric(
            "cancelled",
            "CANCEL",
            "cancelled",
            "the program gave up: it closed the socket or ended before an answer",
            width=7,
        ),
        _metric("error", "ERROR", "error", "any other error, such as no free port", width=6),
        _metric("fail", "FAIL%", "", "share of connects that failed", width=5, priority=0),
        _change("dfail", "ΔFAIL%", Quantity.DIFFERENCE, "FAIL% now minus FAIL% at the baseline"),
        _metric("rtx", "RTX", "syn_retransmits", "SYNs that were sent again", width=5, priority=4),
        _metric("resent", "RTX%", "", "share of the SYNs that were sent again: RTX of COUNT + RTX", width=5),
        _metric("min", "MIN", "min_us", "least latency of the successful connects"),
        _metric("p50", "P50", "p50_us", "half of the connects took at most this long", priority=0),
        _change("dp50", "ΔP50", Quantity.FACTOR, "P50 now divided by P50 at the baseline"),
        _metric("p90", "P90", "p90_us", "nine in ten took at most this long", priority=1),
        _change("dp90", "ΔP90", Quantity.FACTOR, "P90 now divided by P90 at the baseline"),
        _metric("p99", "P99", "p99_us", "99 in 100 took at most this long", priority=0),
        _change("dp99", "ΔP99", Quantity.FACTOR, "P99 now divided by P99 at the baseline"),
        _metric("max", "MAX", "max_us", "greatest latency", priority=5),
        _metric("mean", "MEAN", "mean_us", "mean latency"),
        _metric("last", "LAST", "last_us", "latency of the last successful connect"),
    )
}
"""Every column by key, in the order of the table."""

TREND: ViewColumn = Column(
    "trend",
    "P99 TREND",
    10,
    lambda *_: "",
    help="p99 over the window, each row on its own scale",
    numeric=False,
    priority=3,
)
"""The sparkline: only the dashboard can draw it, and rows cannot be sorted by it."""

ALIASES = {alias: column.key for column in COLUMNS.values() for alias in column.aliases}
"""The key of a column by its alias: `dest` is `daddr`."""


def is_available(column: ViewColumn, group_by: str, has_hosts: bool = False) -> bool:
    """True if the rows of a grouping (`GROUPINGS`) have the column, of several hosts or of one."""
    is_host = column.key_field == "host" and has_hosts
    return is_host or not column.key_field or GROUPINGS[group_by].has(column.key_field)


@lru_cache(maxsize=4 * len(GROUPINGS))
def _available_columns(group_by: str, has_baseline: bool, has_hosts: bool) -> tuple[ViewColumn, ...]:
    return tuple(
        column
        for column in COLUMNS.values()
        if is_available(column, group_by, has_hosts) and (has_baseline or not column.needs_baseline)
    )


def columns_of(view: View) -> tuple[ViewColumn, ...]:
    """Return the columns that a view has, in the order of `COLUMNS`."""
    has_hosts = bool(view.snapshot.places.hosts)
    return _available_columns(view.spec.group_by, view.baseline is not None, has_hosts)
