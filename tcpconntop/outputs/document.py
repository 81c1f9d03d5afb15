"""The JSON documents of headless modes: their names and units are a contract that scripts depend on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from tcpconntop.core.analysis.anatomy import Anatomy, anatomy
from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.analysis.explain import Finding, explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.escape import json_line
from tcpconntop.core.partial_keys import NO_ADDRESS_TEXT, OTHER_TEXT
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS, Floats, Rows
from tcpconntop.core.view.baseline import match_rows
from tcpconntop.core.view.columns import COLUMNS, ViewColumn
from tcpconntop.core.view.filter import Filter, KeyTerm
from tcpconntop.core.view.groups import key_address_text
from tcpconntop.core.view.key_fields import FIELDS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.metrics import METRICS, Quantity
from tcpconntop.core.view.ordering import grouped_by
from tcpconntop.core.view.row_metrics import GroupMetrics
from tcpconntop.core.view.row_processes import RowProcesses, processes_of_rows
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import KEY
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events, Outcome, address_text, comm_text

METRIC_COLUMNS = [COLUMNS[name] for name in METRICS if COLUMNS[name].json_name]
"""The columns of metrics that rows have, in the order of CSV fields."""

MAX_DOCUMENTS = 4_096
"""How many single connects are turned into documents at once."""

_FAILURES = {outcome.label for outcome in Outcome if outcome is not Outcome.OK}


def dump(document: dict[str, Any]) -> str:
    """Format a document as one line of JSON."""
    return json_line(document)


def timestamp(unix_ns: int) -> str:
    """Format Unix time as RFC 3339 in UTC with microseconds."""
    whole_s, rest_ns = divmod(unix_ns, SECOND_NS)
    moment = datetime.fromtimestamp(whole_s, timezone.utc).replace(microsecond=rest_ns // 1000)
    return moment.isoformat(timespec="microseconds")


def view_document(view: View, top: int | None = None) -> dict[str, Any]:
    """Return a view as a document with at most `top` rows.

    The totals (`attempts` … `completeness`) are counted since tracing began, of all connects that the filters
    of the kernel side let through; `window` and the rows are of the window, and of what matches both filters.
    """
    snapshot, ledger = view.snapshot, view.snapshot.ledger
    return {
        "ts": timestamp(snapshot.now_ns + snapshot.wall_offset_ns),
        "host": snapshot.info.host,
        "kernel": snapshot.info.kernel,
        "probe": snapshot.info.probe or None,
        "loader": snapshot.info.loader or None,
        "transport": snapshot.info.transport or None,
        "source": snapshot.info.label,
        "window_s": snapshot.window_s,
        "filters": {"kernel": snapshot.info.filters or None, "view": view.spec.where.text or None},
        "window": _window(view),
        "group_by": view.spec.group_by,
        "sort": view.spec.sort,
        "attempts": ledger.attempts,
        "outcomes": _outcomes(ledger.outcomes),
        "in_flight": ledger.in_flight,
        "syn_retransmits": ledger.syn_retransmits,
        "below_minimum": ledger.below_minimum,
        "lost": ledger.lost,
        "lost_records": ledger.lost_records,
        "lost_starts": ledger.lost_starts,
        "lost_outcomes": _outcomes(ledger.lost_outcomes),
        "completeness": ledger.completeness,
        "unseen": ledger.unseen,
        "namespaces": ledger.namespaces,
        "namespaces_compared": ledger.namespaces_compared,
        "skipped_programs": ledger.skipped,
        "notes": list(snapshot.info.notes),
        **({"percentiles": snapshot.info.precision} if snapshot.info.precision else {}),
        **_hosts(snapshot),
        "findings": _findings(view),
        "rows": list(_rows(view, np.arange(len(view) if top is None else min(top, len(view))))),
    }


def _window(view: View) -> dict[str, Any]:
    """Return from when to when the window is, and the figures of all rows together."""
    snapshot = view.snapshot
    end_ns = snapshot.now_ns + snapshot.wall_offset_ns
    all_rows = GroupMetrics(snapshot.window, np.where(view.row_of >= 0, 0, -1), 1, snapshot.span_s)
    return {
        "from": timestamp(end_ns - round(snapshot.span_s * SECOND_NS)),
        "to": timestamp(end_ns),
        **_metric_document(
            [_json_numbers(column, all_rows.column(column.key))[0] for column in METRIC_COLUMNS]
        ),
    }


def _findings(view: View) -> list[dict[str, Any]]:
    """Return what Explain says of everything that a view shows, with the rows that each finding is about."""
    found = explain(Selection(view), _utc_clock)
    # Of other groupings all rows are needed: a term such as p99>5ms is about the rows that are listed.
    of_keys = Filter(view.spec.where.text, tuple(t for t in view.spec.where.terms if isinstance(t, KeyTerm)))
    spec = replace(view.spec, where=of_keys)
    views = {
        group_by: make_view(view.snapshot, grouped_by(spec, group_by))
        for group_by in {finding.group_by for finding in found}
    }
    return [_finding(finding, views[finding.group_by]) for finding in found]


def _utc_clock(unix_s: float) -> str:
    return f"{datetime.fromtimestamp(unix_s, timezone.utc):%H:%M:%S}Z"


def _finding(finding: Finding, grouped: View) -> dict[str, Any]:
    keys = np.frombuffer(b"".join(finding.keys), KEY)
    rows = np.unique(match_rows(grouped.grouping.merge(keys)[0], grouped.keys, grouped.grouping.fields))
    return {
        "kind": finding.kind,
        "severity": finding.severity.label,
        "text": finding.title,
        "evidence": finding.evidence,
        "connects": finding.affected,
        "scope": {"group_by": finding.group_by, "rows": list(_rows(grouped, rows[rows >= 0]))},
        "next_step": asdict(finding.next_step),
    }


def _rows(view: View, rows: Rows) -> Iterator[dict[str, Any]]:
    numbers = [_json_numbers(column, view.metrics[column.key][rows]) for column in METRIC_COLUMNS]
    processes = processes_of_rows(view, rows)
    for row, made_by, values in zip(rows.tolist(), processes, zip(*numbers, strict=True), strict=True):
        yield _key_document(view, row) | _processes(view, row, made_by) | _metric_document(values)


def _metric_document(values: Sequence[float | None]) -> dict[str, Any]:
    """Return the values of `METRIC_COLUMNS` as fields; those of failures are among the outcomes."""
    names = (column.json_name for column in METRIC_COLUMNS)
    fields = dict(zip(names, values, strict=True))
    outcomes = {outcome.label: fields[outcome.label] for outcome in Outcome}
    return {name: value for name, value in fields.items() if name not in _FAILURES} | {"outcomes": outcomes}


def _processes(view: View, row: int, made_by: RowProcesses) -> dict[str, Any]:
    """Return the processes of a row; null where they were not counted apart."""
    if view.keys[row]["special"] or not view.snapshot.info.has_records:
        return {"processes": None, "more_processes": None}
    places = view.snapshot.places
    documents = [
        {"comm": process.comm, "pid": process.pid, "count": process.count}
        | ({"host": places.host(process.netns) or None} if places.hosts else {})
        for process in made_by.named
    ]
    return {"processes": documents, "more_processes": made_by.others}


def _json_numbers(column: ViewColumn, values: Floats) -> list[float | None]:
    is_count = column.quantity is Quantity.COUNT
    return [int(value) if is_count else _number(value) for value in values.tolist()]


def _key_document(view: View, row: int) -> dict[str, Any]:
    key = view.located_key(row)
    if key["special"]:
        return {"other": True}
    fields = {
        field.name: field.json(key, view.grouping, view.snapshot.names)
        for field in FIELDS.values()
        if view.grouping.has(field.dtype_field)
    }
    if not view.snapshot.info.has_records:
        fields = _known_fields(fields)
    # Where a row is in several network namespaces, its destination may be several hosts.
    netns, n_namespaces = int(key["netns"]), int(view.namespace_count[row])
    fields |= {"netns": view.snapshot.places.inode(netns) or None, "namespaces": n_namespaces or None}
    if view.snapshot.places.hosts:
        fields |= {"host": view.host(row) or None, "hosts": view.host_count(row)}
    return fields


def _known_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a key with null for what counts do not tell: a process, the port of a subnet."""
    known = {name: None if value in (0, "", NO_ADDRESS_TEXT) else value for name, value in fields.items()}
    return {**known, "daddr": None, "other": True} if fields.get("daddr") == OTHER_TEXT else known


def in_batches(events: Events) -> Iterator[Events]:
    """Yield the records in batches: the documents of half a million at once would take a gigabyte."""
    for start in range(0, len(events), MAX_DOCUMENTS):
        yield events[start : start + MAX_DOCUMENTS]


def event_documents(
    events: Events, wall_offset_ns: int, units: Mapping[int, str | None], places: Places = NO_PLACES
) -> list[dict[str, Any]]:
    """Return single connects as documents, in order; `units` names control groups, `places` interfaces."""
    parts = anatomy(events)
    hosts = [places.host(netns) or None for netns in events["netns"].tolist()] if places.hosts else ()
    documents = _event_documents(events, parts, wall_offset_ns, units, places)
    for document, host in zip(documents, hosts, strict=False):
        document["host"] = host
    return documents


def _event_documents(
    events: Events, parts: Anatomy, wall_offset_ns: int, units: Mapping[int, str | None], places: Places
) -> list[dict[str, Any]]:
    return [
        {
            "ts": timestamp(int(event["end_ns"]) + wall_offset_ns),
            "pid": int(event["tgid"]),
            "comm": comm_text(bytes(event["comm"])),
            "thread": comm_text(bytes(event["thread"])) or None,
            "netns": places.inode(int(event["netns"])) or None,
            "uid": int(event["uid"]),
            "unit": units.get(int(event["cgroup_id"])),
            "family": int(event["family"]),
            "saddr": address_text(event["saddr"].tobytes(), int(event["family"])),
            "lport": int(event["lport"]),
            "daddr": key_address_text(event, places),
            "dport": int(event["dport"]),
            "latency_us": _number(parts.latency[i]),
            "local_us": _number(parts.local[i]),
            "rto_us": _number(parts.rto[i]),
            "wire_us": _number(parts.wire[i]),
            "syn_retransmits": int(event["syn_retransmits"]),
            "syn_unsent": int(event["syn_unsent"]),
            "result": Outcome(event["outcome"]).label,
            "errno": errno_name(int(event["error"])),
        }
        for i, event in enumerate(events)
    ]


def _hosts(snapshot: Snapshot) -> dict[str, Any]:
    """Return what is known of each host, if there are several."""
    hosts = snapshot.info.hosts
    return {"hosts": [asdict(host) for host in hosts]} if hosts else {}


def _outcomes(counts: tuple[int, ...] | np.ndarray[Any, Any]) -> dict[str, int]:
    return {outcome.label: int(counts[outcome]) for outcome in Outcome}


def _number(value: float) -> float | None:
    """Round to three digits (latencies to ns); None for NaN, which JSON cannot express."""
    return None if math.isnan(value) else round(float(value), 3)
