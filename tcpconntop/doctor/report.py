"""`doctor`: what this machine offers, as lines for people or as one JSON document."""

from __future__ import annotations

from typing import Any

from tcpconntop import __version__
from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED
from tcpconntop.core.format import printable
from tcpconntop.doctor.checks import OK, UNKNOWN, Check, DoctorReport
from tcpconntop.doctor.remedies import DISTRIBUTIONS, command, commands


def document(checkup: DoctorReport) -> dict[str, Any]:
    """Describe a checkup. `mend` has a command for each distribution, as root types it, or is null."""
    return {
        "version": __version__,
        "host": checkup.host,
        "kernel": checkup.kernel,
        "machine": checkup.machine,
        "distribution": {"name": checkup.distribution.name, "family": checkup.distribution.family},
        "probe": checkup.probe,
        "transport": checkup.transport,
        "exit_code": checkup.exit_code,
        "checks": [
            {
                "name": check.name,
                "status": check.status,
                "needed": check.needed,
                "detail": check.detail,
                "mend": dict(commands(check.problem)) or None,
            }
            for check in checkup.checks
        ],
    }


def report(checkup: DoctorReport) -> str:
    """Spell a checkup, a line for each check and one below it for what mends it."""
    name = printable(checkup.distribution.name)
    lines = [f"tcpconntop {__version__} on {printable(checkup.host)}, {name}", ""]
    width = max(len(check.label) for check in checkup.checks)
    for check in checkup.checks:
        lines.append(f"{check.status:<8} {check.label:<{width}}  {_detail(check)}")
        lines += [f"{'':<8} {'':<{width}}  {mend}" for mend in _mends(check, checkup)]
    return "\n".join([*lines, "", _verdict(checkup), ""])


def _detail(check: Check) -> str:
    optional = "" if check.needed or check.status in (OK, UNKNOWN) else " (not needed)"
    return printable(check.detail) + optional


def _mends(check: Check, checkup: DoctorReport) -> list[str]:
    """The command for this distribution; for one that is not known, those of all."""
    if check.status == OK or not check.problem:
        return []
    family = checkup.distribution.family
    families = DISTRIBUTIONS if family is None else (family,)
    found = {name: command(check.problem, name, as_root=checkup.as_root) for name in families}
    if len({*found.values()}) == 1:
        return [f"mend: {found[families[0]]}"]
    return [f"mend on {name}: {text}" for name, text in found.items()]


def _verdict(checkup: DoctorReport) -> str:
    if checkup.probe:
        return f"Tracing works: auto takes {checkup.probe}/{checkup.transport}."
    wanting = [check.label for check in checkup.checks if check.needed and check.status not in (OK, UNKNOWN)]
    what = "Not privileged" if checkup.exit_code == EXIT_NOT_PRIVILEGED else "This machine cannot trace"
    return f"{what}; look at: {', '.join(wanting) or 'the lines above'} (exit code {checkup.exit_code})."
