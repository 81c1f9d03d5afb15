"""What a look at this machine found: frozen data, made by `kernel.features`, said by `outputs.doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from tcpconntop.doctor.remedies import Distribution

OK, MISSING, REFUSED, UNKNOWN = "ok", "missing", "refused", "unknown"
"""There and ours to use; not there; there, or maybe there, and not for us; not to be told from here."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Attributes:
        name: what it is called in documents.
        label: what people call it.
        status: `OK`, `MISSING`, `REFUSED` or `UNKNOWN`.
        detail: which one, or why not; short.
        needed: whether nothing is traced without it.
        problem: a key of `mending`; empty where no command helps.
    """

    name: str
    label: str
    status: str
    detail: str
    needed: bool = False
    problem: str = ""


@dataclass(frozen=True)
class DoctorReport:
    """All of it, and what it comes to.

    Attributes:
        host: this machine's name.
        kernel: its release.
        machine: its architecture.
        distribution: whose packages mend it.
        checks: in the order of showing.
        probe: what `--probe auto` takes; None where nothing works.
        transport: what `--transport auto` takes; None likewise.
        exit_code: what a command that traces would end with; 0 where it would trace.
        as_root: whether the user is root, and types commands as root does.
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
