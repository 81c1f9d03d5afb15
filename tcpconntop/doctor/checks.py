"""The results of `doctor` as frozen data: made by `examine`, formatted by `report`."""

from __future__ import annotations

from dataclasses import dataclass

from tcpconntop.doctor.remedies import Distribution

OK, MISSING, REFUSED, UNKNOWN = "ok", "missing", "refused", "unknown"
"""Usable; not on this machine; refused to this user, whether it exists or not; cannot be found out."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: its key in the JSON document.
        label: its name in the report.
        status: `OK`, `MISSING`, `REFUSED` or `UNKNOWN`.
        detail: the version found, or the reason; a few words.
        needed: whether tracing is impossible without it.
        problem: a key of `remedies`; empty where no command helps.
    """

    name: str
    label: str
    status: str
    detail: str
    needed: bool = False
    problem: str = ""


@dataclass(frozen=True)
class DoctorReport:
    """All checks, and what follows from them.

    Attributes:
        host: the name of this machine.
        kernel: its kernel's release.
        machine: its architecture.
        distribution: the distribution that remedies are chosen for.
        checks: in the order of display.
        probe: the probe set that `--probe auto` selects; None if this machine cannot trace.
        transport: the transport that `--transport auto` selects; None if this machine cannot trace.
        exit_code: the exit code of a command that traces; 0 if it would work.
        as_root: whether the user is root, so that commands need no sudo.
    """

    host: str
    kernel: str
    machine: str
    distribution: Distribution
    checks: tuple[Check, ...]
    probe: str | None
    transport: str | None
    exit_code: int
    as_root: bool
