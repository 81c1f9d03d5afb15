"""The order of findings: that of the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import Finding
from tcpconntop.core.types import Rows
from tcpconntop.core.view.trouble import troubles
from tcpconntop.core.window.stats import STATS


def worst_first(findings: Iterable[Finding], evidence: Evidence, kinds: Sequence[str]) -> tuple[Finding, ...]:
    """Return findings, sorted by how bad they are.

    First by severity. Of one severity, by the trouble of the worst destination that they are about (down,
    failing, resends, slow), as the table. Of one trouble, by how many connects they are about, in powers of
    two, so that the order seldom changes; then as `kinds` are listed.
    """
    place = {kind: n for n, kind in enumerate(kinds)}

    def rank(finding: Finding) -> tuple[int, int, int, int, bytes]:
        trouble = evidence.once(_troubles)[evidence.dest_of[evidence.indices_of(finding.keys)]]
        size = finding.affected.bit_length()
        return -finding.severity, -int(trouble.max(initial=0)), -size, place[finding.kind], finding.keys[0]

    return tuple(sorted(findings, key=rank))


def _troubles(evidence: Evidence) -> Rows:
    """Return what is wrong with each destination (`Trouble`), shape (d,)."""
    window, stats = evidence.snapshot.window, np.zeros(len(evidence.dests), STATS)
    group_of = np.full(len(window.keys), -1)
    group_of[evidence.rows] = evidence.dest_of
    stats["outcomes"] = evidence.dest_outcomes
    return troubles(window, group_of, stats)
