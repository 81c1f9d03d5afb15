"""A finding, and the base class of the kinds of findings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np

from tcpconntop.core.analysis.explain.counted import Counted
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.steps import NextStep
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.window.keys import KEY

MAX_FINDINGS = 3
"""How many findings of one kind are listed. Kinds that can affect more destinations add them up."""


class Severity(IntEnum):
    """How much a finding matters."""

    NOTE = 1
    WARN = 2
    BAD = 3

    @property
    def label(self) -> str:
        """The name in documents: `warn`."""
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One thing that stands out.

    Attributes:
        kind: name of its kind, such as `lost-syns`.
        severity: how much it matters.
        title: the finding in one short sentence, without a full stop.
        evidence: the figures that prove it, and what they mean.
        affected: number of connects that it is about.
        group_by: the grouping (`GROUPINGS`) in which it is one row.
        keys: raw keys (dtype `KEY`) that it is about, the busiest first, at most `MAX_KEYS`.
        next_step: a command that shows more.
    """

    kind: str
    severity: Severity
    title: str
    evidence: str
    affected: int
    group_by: str
    keys: tuple[bytes, ...]
    next_step: NextStep

    def identity(self, group_by: str | None = None) -> bytes:
        """Return the identity (`View.identity`) of its first key's row in a grouping, by default its own."""
        key = np.frombuffer(self.keys[0], KEY)
        raw: bytes = GROUPINGS[group_by or self.group_by].merge(key)[0].tobytes()
        return raw

    @property
    def name(self) -> tuple[str, bytes]:
        """What identifies the finding in later snapshots: its kind and the row it names."""
        return self.kind, self.identity()


class FindingKind(ABC):
    """One kind of finding: the check, and its documentation.

    `KINDS` lists one object of each subclass. docs/findings.md is generated from the texts below.

    Attributes:
        kind: name in JSON, in `--ignore` and in docs/findings.md.
        severity: severity of its findings; the highest where a check grades them.
        shows: what is wrong when it fires.
        based_on: the data that prove it.
        silent: when it must not fire.
        next_step: the commands that show more, with `PORT` and the like for what is filled in, and where.
        absent: what to say when it did not fire and `denies`, such as `no connect refused`.
        after: kinds that are checked first, because this one leaves out the keys that they claim.
        compares_rows: True if it compares rows with each other: in one row alone it finds nothing.
        needs_processes: True if it compares the connects of one process: without processes it is not checked.
    """

    kind: ClassVar[str]
    severity: ClassVar[Severity]
    shows: ClassVar[str]
    based_on: ClassVar[str]
    silent: ClassVar[str]
    next_step: ClassVar[str]
    absent: ClassVar[str] = ""
    after: ClassVar[tuple[type[FindingKind], ...]] = ()
    needs_processes: ClassVar[bool] = False
    compares_rows: ClassVar[bool] = False

    @abstractmethod
    def check(self, evidence: Evidence) -> list[Finding]:
        """Return what is found, the most affected first, at most `MAX_FINDINGS`."""

    def unchecked(self, evidence: Evidence) -> str:
        """Return what could not be checked and why; empty when the data suffice."""
        del evidence
        return ""

    def denies(self, evidence: Evidence) -> bool:
        """Return True if the counts show what `absent` says: called when there is no finding."""
        del evidence
        return False

    def finding(
        self,
        evidence: Evidence,
        keys: Rows,
        title: str,
        proof: str,
        affected: int,
        step: NextStep,
        *,
        severity: Severity | None = None,
        group_by: str = "dest",
        named: bool = True,
        counted: Counted | None = None,
    ) -> Finding:
        """Return a finding of this kind.

        Args:
            evidence: what it was found in.
            keys: numbers of the keys that it is about, the busiest first.
            title: see `Finding.title`.
            proof: see `Finding.evidence`.
            affected: see `Finding.affected`.
            step: see `Finding.next_step`.
            severity: by default that of the kind.
            group_by: see `Finding.group_by`.
            named: whether the evidence ends with the names of the processes.
            counted: the connects that the title counts: the evidence begins with when they ended.
        """
        names = f"by {evidence.process_names(keys)}" if named and evidence.snapshot.info.has_records else ""
        when = when_text(evidence, counted) if counted else ""
        text = "; ".join(filter(None, (when, proof, names)))
        raw_keys = evidence.raw_keys(keys)
        return Finding(self.kind, severity or self.severity, title, text, affected, group_by, raw_keys, step)


def plural(number: int, one: str, many: str = "") -> str:
    """Format a number of things: `1 connect`, `1,204 connects`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
