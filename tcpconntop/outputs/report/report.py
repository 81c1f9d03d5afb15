"""A view as Markdown: what was traced, the findings, the top rows, the failures and pictures."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo

from tcpconntop import __version__
from tcpconntop.core.analysis.explain import Finding, explain, nothing_found_text
from tcpconntop.core.analysis.failures import Failure, TopNames, failures
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.format import duration, elapsed, percent, rate, seen_share
from tcpconntop.core.hosts import host_text
from tcpconntop.core.view.column_choice import shown_columns
from tcpconntop.core.view.columns import TREND
from tcpconntop.core.view.scope import scope_text
from tcpconntop.core.view.view import View
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.report.markdown import fenced, table, text
from tcpconntop.outputs.report.pictures import histogram, latency_over_time, timeline

_SIGNS = {"bad": "●", "warn": "◐", "note": "○"}


def report_text(view: View, top: int, zone: tzinfo | None = None) -> str:
    """Return a view as a Markdown document.

    Args:
        view: what it is about; its first rows are listed.
        top: how many rows are listed.
        zone: the time zone of the times in it; None is that of this machine.
    """
    selection = Selection(view)
    parts = [_head(view, zone), _findings(selection, zone), _rows(view, top), _failures(selection)]
    parts += _pictures(selection)
    parts.append(f"Made by tcpconntop {__version__}.")
    return "\n\n".join(filter(None, parts))


def _moment(unix_s: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(unix_s, timezone.utc).astimezone(zone)


def _head(view: View, zone: tzinfo | None) -> str:
    snapshot, ledger = view.snapshot, view.snapshot.ledger
    info, span_s = snapshot.info, snapshot.span_s
    end, begin = _moment(snapshot.wall_s, zone), _moment(snapshot.wall_s - span_s, zone)
    how = "/".join(filter(None, (info.probe, info.transport)))
    source = ", ".join(filter(None, (info.label, f"Linux {info.kernel}" if info.kernel else "", how)))
    scope = scope_text(info.filters, view.spec.where.text)
    counts = ", ".join(
        f"{outcome.label} {ledger.outcomes[outcome]:,}"
        for outcome in Outcome
        if outcome is Outcome.OK or ledger.outcomes[outcome]
    )
    of = ", of all connects" if scope else ""  # these have no filter
    lines = [
        f"# TCP connects of {text(info.host or 'an unknown host')}, {begin:%Y-%m-%d %H:%M:%S}",
        "",
        f"- Time: {begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} (UTC{end:%z}), {elapsed(span_s)}",
        f"- Traced: {text(source)}; {f'only {text(scope)}' if scope else 'all connects'}",
        f"- Attempts since the start{of}: {ledger.attempts:,} = {counts}, in flight {ledger.in_flight:,}",
        f"- Completeness: {_completeness(snapshot)}",
        f"- Lost: {ledger.lost:,}" + (", which are in no row below" if ledger.lost else ""),
        *(f"- Host: {text(host_text(host))}" for host in info.hosts),
        *(f"- Note: {text(note)}" for note in info.notes),
    ]
    return "\n".join(lines)


def _completeness(snapshot: Snapshot) -> str:
    ledger = snapshot.ledger
    if ledger.completeness is None:
        return "not known: the kernel's own count of connects could not be compared"
    compared, all_of = ledger.namespaces_compared, ledger.namespaces
    where = f", in {compared} of {all_of} network namespaces" if all_of > compared else ""
    return f"{seen_share(ledger.completeness)} of the kernel's own count of connects{where}"


def _findings(selection: Selection, zone: tzinfo | None) -> str:
    found = explain(selection, lambda unix_s: f"{_moment(unix_s, zone):%H:%M:%S}")
    if not selection.attempts:
        return "## Findings\n\nNo connect ended in this time."
    if not found:
        said = nothing_found_text(selection)
        return f"## Findings\n\n{text(said[0].upper() + said[1:])}."
    return "\n\n".join(["## Findings", *map(_finding, found)])


def _finding(finding: Finding) -> str:
    step = finding.next_step
    lines = [f"### {_SIGNS[finding.severity.label]} {text(finding.title)}"]
    if finding.evidence:
        lines.append(f"Evidence (`{finding.kind}`, {finding.severity.label}): {text(finding.evidence)}.")
    lines += [f"Next step, {text(step.where)}:", fenced(step.command), f"It tells: {text(step.tells)}."]
    return "\n\n".join(lines)


def _rows(view: View, top: int) -> str:
    columns = [column for column in shown_columns(view) if column.key != TREND.key]
    shown = range(min(top, len(view)))
    if not shown:
        return ""
    cells = [[column.text(view, row) for column in columns] for row in shown]
    title = (
        f"## {view.grouping.plural.capitalize()}, the first {len(shown)} of {len(view):,} by {view.spec.sort}"
    )
    header = [column.header for column in columns]
    return f"{title}\n\n{table(header, cells, [column.numeric for column in columns])}"


def _failures(selection: Selection) -> str:
    failed = failures(selection) if selection.attempts else ()
    if not failed:
        return ""
    header = ["outcome", "count", "share", "first", "last", "processes", "destinations", "what it means"]
    numeric = [False, True, True, True, True, False, False, False]
    return f"## Failures\n\n{table(header, [_failure(one) for one in failed], numeric)}"


def _failure(failure: Failure) -> list[str]:
    ages = [
        duration(age_s * 1e6) if age_s >= 1 else "<1s" if age_s >= 0 else "-"
        for age_s in (failure.first_s, failure.last_s)
    ]
    return [
        failure.title,
        f"{failure.count:,}",
        f"{percent(failure.share)}%",
        *(f"{age} before the end" if age != "-" else age for age in ages),
        _names(failure.processes),
        _names(failure.destinations),
        failure.meaning,
    ]


def _names(names: TopNames) -> str:
    more = [f"{names.others:,} more"] if names.others else []
    return ", ".join([*names.names, *more])


def _pictures(selection: Selection) -> list[str]:
    if not selection.attempts:
        return []
    p50, p90, p99 = map(duration, selection.quantiles_us)
    hz = rate(selection.attempts / max(selection.snapshot.span_s, 1e-9))
    summary = f"{hz} attempts a second, p50 {p50}, p90 {p90}, p99 {p99}."
    drawn = [
        ("Over time", timeline(selection)),
        ("Latency over time", latency_over_time(selection)),
        ("Latency", histogram(selection)),
    ]
    return ["## Pictures", summary, *(f"### {name}\n\n{fenced(lines)}" for name, lines in drawn if lines)]
