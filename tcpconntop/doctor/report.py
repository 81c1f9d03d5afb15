"""Format the results of `doctor`: as lines for people, or as one JSON document."""

from __future__ import annotations

from typing import Any

from tcpconntop import __version__
from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED
from tcpconntop.core.format import printable
from tcpconntop.doctor.checks import OK, UNKNOWN, Check, DoctorReport
from tcpconntop.doctor.remedies import DISTRIBUTIONS, remedies, remedy


def report_document(report: DoctorReport) -> dict[str, Any]:
    """Return the JSON document. `mend` has a command for each distribution, as root types it, or is null."""
    return {
        "version": __version__,
        "host": report.host,
        "kernel": report.kernel,
        "machine": report.machine,
        "distribution": {"name": report.distribution.name, "family": report.distribution.family},
        "probe": report.probe,
        "transport": report.transport,
        "exit_code": report.exit_code,
        "checks": [
            {
                "name": check.name,
                "status": check.status,
                "needed": check.needed,
                "detail": check.detail,
                "mend": dict(remedies(check.problem)) or None,
            }
            for check in report.checks
        ],
    }


_GREEN, _YELLOW, _RED, _PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[0m"


def report_text(report: DoctorReport, *, colours: bool = False) -> str:
    """Format the report: a line for each check, the commands that fix it below, and a summary.

    With `colours`, for a terminal: what works is green, what is not needed or not known yellow, the rest red.
    """
    name = printable(report.distribution.name)
    lines = [f"tcpconntop {__version__} on {printable(report.host)}, {name}", ""]
    width = max(len(check.label) for check in report.checks)
    for check in report.checks:
        status = f"{check.status:<8}"
        if colours:
            status = f"{_colour(check)}{status}{_PLAIN}"
        lines.append(f"{status} {check.label:<{width}}  {_detail(check)}")
        lines += [f"{'':<8} {'':<{width}}  {line}" for line in _fix_lines(check, report)]
    summary = _summary(report)
    if colours:
        summary = f"{_GREEN if report.probe else _RED}{summary}{_PLAIN}"
    return "\n".join([*lines, "", summary, ""])


def _colour(check: Check) -> str:
    if check.status == OK:
        return _GREEN
    return _RED if check.needed and check.status != UNKNOWN else _YELLOW


def _detail(check: Check) -> str:
    optional = "" if check.needed or check.status in (OK, UNKNOWN) else " (not needed)"
    return printable(check.detail) + optional


def _fix_lines(check: Check, report: DoctorReport) -> list[str]:
    """Return the command for this distribution; for an unknown one, the commands of all."""
    if check.status == OK or not check.problem:
        return []
    family = report.distribution.family
    families = DISTRIBUTIONS if family is None else (family,)
    commands = {name: remedy(check.problem, name, as_root=report.as_root) for name in families}
    if len({*commands.values()}) == 1:
        return [f"fix: {commands[families[0]]}"]
    return [f"fix on {name}: {command}" for name, command in commands.items()]


def _summary(report: DoctorReport) -> str:
    if report.probe:
        return f"Tracing works: auto selects {report.probe}/{report.transport}."
    missing = [check.label for check in report.checks if check.needed and check.status not in (OK, UNKNOWN)]
    what = "Not privileged" if report.exit_code == EXIT_NOT_PRIVILEGED else "This machine cannot trace"
    return f"{what}; see: {', '.join(missing) or 'the lines above'} (exit code {report.exit_code})."
