"""The output of `diff`: lines for people, or one JSON document."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from tcpconntop.core.analysis.compare import Comparison, Difference, Side
from tcpconntop.core.format import count, duration, elapsed, percent, printable, rate
from tcpconntop.core.view.loss_bounds import missing_connects
from tcpconntop.core.view.noise import FALSE_ALARMS
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.outputs.document import timestamp


def diff_text(before: Snapshot, after: Snapshot, group_by: str, comparison: Comparison) -> str:
    """Format what differs, the worst first, below what was compared and how sure it is."""
    lines = [_recording("before", before), _recording("after", after)]
    lines += [_line(one) for one in comparison.differences]
    words = (
        f"{len(comparison.differences)} of {comparison.rows:,} rows by {group_by} differ by more than noise"
    )
    lines.append(
        f"{words} (false alarms in {FALSE_ALARMS:.0%} of comparisons at most, if connects are independent)"
    )
    return "\n".join(lines)


def _recording(what: str, snapshot: Snapshot) -> str:
    begin = datetime.fromtimestamp(snapshot.wall_s - snapshot.span_s, timezone.utc).astimezone()
    ended, missing = snapshot.ledger.ended, missing_connects(snapshot).total
    lost = f", {missing:,} missing" if missing else ""
    host = printable(snapshot.info.host) or "an unknown host"
    return (
        f"{what}: {host}, {begin:%Y-%m-%d %H:%M:%S %z}, {elapsed(snapshot.span_s)}, {ended:,} connects{lost}"
    )


def _line(one: Difference) -> str:
    if one.reasons:
        return f"{one.verdict:<5} {one.name}: {'; '.join(one.reasons)} ({_counts(one)})"
    side = one.after if one.after.attempts else one.before
    figures = (
        f"{rate(side.rate_hz)}/s, fails {percent(side.failed_share)}%, p50 {duration(side.quantiles_us[0])}"
    )
    return f"{one.verdict:<5} {one.name}: {figures}, p99 {duration(side.quantiles_us[1])} ({_counts(one)})"


def _counts(one: Difference) -> str:
    return f"n={count(one.before.attempts)} → {count(one.after.attempts)}"


def diff_document(before: Snapshot, after: Snapshot, group_by: str, comparison: Comparison) -> dict[str, Any]:
    """Return what differs as a document; latencies are in µs."""
    return {
        "before": _source(before),
        "after": _source(after),
        "group_by": group_by,
        "rows": comparison.rows,
        "false_alarms": FALSE_ALARMS,
        "differences": [
            {
                "name": one.name,
                "verdict": one.verdict,
                "reasons": list(one.reasons),
                "before": _side(one.before),
                "after": _side(one.after),
            }
            for one in comparison.differences
        ],
    }


def _source(snapshot: Snapshot) -> dict[str, Any]:
    began_ns = snapshot.now_ns + snapshot.wall_offset_ns - round(snapshot.span_s * 1e9)
    return {
        "host": snapshot.info.host,
        "ts": timestamp(began_ns),
        "span_s": round(snapshot.span_s, 3),
        "connects": snapshot.ledger.ended,
        "missing": missing_connects(snapshot).total,
    }


def _side(side: Side) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "count": side.attempts,
        "failed": side.failed,
        "rate_hz": round(side.rate_hz, 3),
    }
    for name, value, interval in zip(("p50", "p99"), side.quantiles_us, side.intervals_us, strict=True):
        fields[f"{name}_us"] = _number(value)
        fields[f"{name}_interval_us"] = [_number(bound) for bound in interval]
    return fields


def _number(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
