"""The output of `-b`: the table as text, or one JSON document per line, like `top -b`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from tcpconntop.core import format as units
from tcpconntop.core.cells import cell_width, pad
from tcpconntop.core.clock import clock, clock_with_zone
from tcpconntop.core.hosts import host_text
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.alerts import AlertLog
from tcpconntop.core.view.column_choice import shown_columns
from tcpconntop.core.view.columns import TREND
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.scope import no_connect_text, scope_text
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.summary import summarize
from tcpconntop.core.view.view import View
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.alerts import alerts_document
from tcpconntop.outputs.document import dump, view_document


class Batch:
    """Prints each published snapshot.

    Args:
        spec: what to show of a snapshot.
        out: where to print.
        as_json: print one JSON document per line instead of tables.
        limit: number of snapshots to print; None is no limit.

    Attributes:
        on_done: called once, when the limit is reached.
        alert_log: returns the alerts for the JSON documents; None if there are none.
    """

    def __init__(self, spec: ViewSpec, out: TextIO, as_json: bool, limit: int | None) -> None:
        self._spec = spec
        self._out = out
        self._as_json = as_json
        self._left = limit
        self.on_done: Callable[[], None] = lambda: None
        self.alert_log: Callable[[], AlertLog] | None = None

    def publish(self, snapshot: Snapshot) -> None:
        """Print a snapshot, unless the limit is reached."""
        if self._left == 0:
            return
        view = make_view(snapshot, self._spec)
        print(self._json(view) if self._as_json else table_text(view), file=self._out, flush=True)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.on_done()

    def _json(self, view: View) -> str:
        document = view_document(view)
        if self.alert_log is not None:
            document["alerts"] = alerts_document(self.alert_log())
        return dump(document)


def table_text(view: View) -> str:
    """Format a view as a table; columns are as wide as their longest text.

    Two lines are above it: the totals since the start, and figures of what the table shows. A third one is
    about each host, if there are several.
    """
    shown = [column for column in shown_columns(view) if column.key != TREND.key]
    cells = [[column.header for column in shown]]
    cells += [[column.text(view, row) for column in shown] for row in range(len(view))]
    widths = [max(cell_width(line[i]) for line in cells) for i in range(len(shown))]
    lines = [
        " ".join(
            pad(text, width, right=column.numeric)
            for text, column, width in zip(line, shown, widths, strict=True)
        )
        for line in cells
    ]
    if not len(view):
        lines.append(f"({no_connect_text(view)})")
    above = [_headline(view.snapshot), _window_line(view), *_host_lines(view.snapshot)]
    return "\n".join([*above, *(line.rstrip() for line in lines), ""])


def _host_lines(snapshot: Snapshot) -> list[str]:
    """Return a line for all hosts: the totals of each; nothing if there is only one."""
    hosts = snapshot.info.hosts
    return ["hosts: " + "; ".join(map(host_text, hosts))] if hosts else []


def _headline(snapshot: Snapshot) -> str:
    ledger = snapshot.ledger
    outcomes = "  ".join(
        f"{outcome.label} {ledger.outcomes[outcome]}"
        for outcome in Outcome
        if outcome is Outcome.OK or ledger.outcomes[outcome]
    )
    more = "+" if ledger.more_in_flight else ""
    totals = f"attempts {ledger.attempts}  {outcomes}  in flight {ledger.in_flight}{more}"
    filters = scope_text(snapshot.info.filters, "")
    since = f"since {_start(snapshot)}, {filters}" if filters else f"since {_start(snapshot)}"
    moment = clock_with_zone(snapshot.wall_s)
    return f"tcpconntop - {moment}  {since}: {totals}  lost {ledger.lost}{_seen(ledger)}"


def _start(snapshot: Snapshot) -> str:
    """Return since when the totals count: a server knows what was before we asked."""
    if snapshot.info.has_records:
        return "the start"
    return clock((snapshot.began_ns + snapshot.wall_offset_ns) / SECOND_NS)


def _window_line(view: View) -> str:
    """Return the figures of what the table shows, and what that is."""
    snapshot = view.snapshot
    summary = summarize(snapshot, view.row_of >= 0)
    scope = scope_text(snapshot.info.filters, view.spec.where.text)
    window = "all" if snapshot.window_s is None else f"last {units.elapsed(snapshot.window_s)}"
    p50, p90, p99 = (units.duration(us) for us in summary.quantiles_us)
    precision = f"  ({snapshot.info.precision})" if snapshot.info.precision else ""
    ended, ok = sum(summary.outcomes), summary.outcomes[Outcome.OK]
    failed = f"failed {units.percent((ended - ok) / ended)}%  " if ended else ""
    return (
        f"{window}{', ' if scope else ''}{scope}: {units.rate(summary.rate_hz)}/s  {failed}"
        f"p50 {p50}  p90 {p90}  p99 {p99}{precision}"
    )


def _seen(ledger: Ledger) -> str:
    """Format the completeness, with the number of network namespaces that it is about if not all are."""
    if ledger.completeness is None:
        return ""
    compared, namespaces = ledger.namespaces_compared, ledger.namespaces
    where = f" in {compared} of {namespaces} network namespaces" if namespaces > compared else ""
    return f"  traced {units.seen_share(ledger.completeness)} of connects{where}"
