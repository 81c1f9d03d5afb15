"""Answers that are slower than the timer of the SYN: nothing need be lost."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import retried_connects
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.waits import Waits
from tcpconntop.core.format import duration
from tcpconntop.core.wire import Outcome


class SlowPath(FindingKind):
    """A destination that answers SYNs later than they are sent again."""

    kind = "slow-path"
    severity = Severity.BAD
    shows = "a destination answers SYNs, but later than a second, so that they are sent again needlessly"
    based_on = (
        "connects that succeeded after a SYN retransmission, whose round trip by the kernel's own measure"
        " (echoed time stamps) is that of the first SYN"
    )
    silent = "a later SYN that was answered; a round trip that is not known"
    next_step = "`ss -tin dst ADDRESS:PORT` here"

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most slow answers."""
        if not evidence.retransmits.any():
            return []
        waits = evidence.once(Waits)
        return [self._slow(evidence, waits, int(dest)) for dest in largest_first(waits.slow)[:MAX_FINDINGS]]

    def _slow(self, evidence: Evidence, waits: Waits, dest: int) -> Finding:
        keys, place = evidence.keys_to(dest), evidence.dest_text(dest)
        evidence.explained[keys, Outcome.OK] = True
        n, ok = int(waits.slow[dest]), int(evidence.dest_outcomes[dest, Outcome.OK])
        known = waits.to(dest, waits.records.anatomy.slow)
        round_trip = duration(float(np.median(known.anatomy.wire)))
        return self.finding(
            evidence,
            keys,
            f"{place} answers later than 1s: {n:,} of {plural(ok, 'connect')} took so long",
            f"the kernel measured a round trip of {round_trip} (median of"
            f" {plural(len(known.events), 'connect')}): a SYN is sent again after 1s, but the first one was"
            " answered, so the path or the server is slow",
            n,
            steps.open_connections(evidence, keys),
            counted=retried_connects(evidence, keys, n, known),
        )
