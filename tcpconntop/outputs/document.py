"""What headless modes print as JSON: the names and units are a contract that scripts depend on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import numpy as np

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.groups import destination_text
from tcpconntop.core.view.view import View
from tcpconntop.core.wire import Events, Outcome, address_text, comm_text

_METRICS = {
    "min_us": "min",
    "p50_us": "p50",
    "p90_us": "p90",
    "p99_us": "p99",
    "max_us": "max",
    "mean_us": "mean",
    "last_us": "last",
}


def dump(document: dict[str, Any]) -> str:
    """Spell a document in one line of JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def timestamp(unix_ns: int) -> str:
    """Spell Unix time as RFC 3339, in UTC, with microseconds."""
    whole_s, rest_ns = divmod(unix_ns, SECOND_NS)
    moment = datetime.fromtimestamp(whole_s, timezone.utc).replace(microsecond=rest_ns // 1000)
    return moment.isoformat(timespec="microseconds")


def view_document(view: View, top: int | None = None) -> dict[str, Any]:
    """Describe a view; `top` bounds its rows.

    The totals (`attempts` … `completeness`) are since tracing began, the rows are of the window.
    """
    snapshot, ledger = view.snapshot, view.snapshot.ledger
    rows = len(view) if top is None else min(top, len(view))
    return {
        "ts": timestamp(snapshot.now_ns + snapshot.wall_offset_ns),
        "host": snapshot.info.host,
        "kernel": snapshot.info.kernel,
        "probe": snapshot.info.probe or None,
        "transport": snapshot.info.transport or None,
        "source": snapshot.info.label,
        "window_s": snapshot.window_s,
        "group_by": view.spec.group_by,
        "attempts": ledger.attempts,
        "outcomes": _outcomes(ledger.outcomes),
        "in_flight": ledger.in_flight,
        "syn_retransmits": ledger.syn_retransmits,
        "below_minimum": ledger.below_minimum,
        "lost": ledger.lost,
        "completeness": ledger.completeness,
        "rows": [_row(view, row) for row in range(rows)],
    }


def _row(view: View, row: int) -> dict[str, Any]:
    figures = {name: values[row] for name, values in view.metrics.items()}
    return {
        **_group_keys(view, row),
        "count": int(figures["count"]),
        "rate_hz": round(float(figures["rate"]), 3),
        "ok": int(figures["ok"]),
        "failed": int(figures["failed"]),
        "outcomes": _outcomes(view.stats["outcomes"][row]),
        "syn_retransmits": int(figures["rtx"]),
        **{name: _number(figures[figure]) for name, figure in _METRICS.items()},
    }


def _group_keys(view: View, row: int) -> dict[str, Any]:
    key, fields = view.keys[row], view.grouping.fields
    if key["special"]:
        return {"other": True}
    keys: dict[str, Any] = {}
    if "tgid" in fields:
        keys |= {"pid": int(key["tgid"]), "comm": comm_text(bytes(key["comm"]))}
    if "daddr" in fields:
        keys |= {"daddr": destination_text(key, view.grouping), "family": int(key["family"])}
    if "dport" in fields:
        keys["dport"] = int(key["dport"])
    if "cgroup_id" in fields:
        keys["unit"] = view.snapshot.unit(int(key["cgroup_id"]))
    return keys


def event_documents(
    events: Events, wall_offset_ns: int, units: Mapping[int, str | None]
) -> list[dict[str, Any]]:
    """Describe single connects, in their order; `units` names control groups."""
    parts = anatomy(events)
    return [
        {
            "ts": timestamp(int(event["end_ns"]) + wall_offset_ns),
            "pid": int(event["tgid"]),
            "comm": comm_text(bytes(event["comm"])),
            "uid": int(event["uid"]),
            "unit": units.get(int(event["cgroup_id"])),
            "family": int(event["family"]),
            "saddr": address_text(event["saddr"].tobytes(), int(event["family"])),
            "lport": int(event["lport"]),
            "daddr": address_text(event["daddr"].tobytes(), int(event["family"])),
            "dport": int(event["dport"]),
            "latency_us": _number(parts.latency[i]),
            "local_us": _number(parts.local[i]),
            "rto_us": _number(parts.rto[i]),
            "wire_us": _number(parts.wire[i]),
            "syn_retransmits": int(event["syn_retransmits"]),
            "result": Outcome(event["outcome"]).label,
            "errno": errno_name(int(event["error"])),
        }
        for i, event in enumerate(events)
    ]


def _outcomes(counts: tuple[int, ...] | np.ndarray[Any, Any]) -> dict[str, int]:
    return {outcome.label: int(counts[outcome]) for outcome in Outcome}


def _number(value: float) -> float | None:
    """Round to nanoseconds; None for NaN, which JSON has no word for."""
    return None if math.isnan(value) else round(float(value), 3)
