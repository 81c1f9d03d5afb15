"""Ports that refuse connects: nothing listens there any more, or only some of the time."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import failed_connects
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.analysis.explain.others import step_for_busiest, step_here_or_at_peer
from tcpconntop.core.analysis.explain.over_time import between_text, within_text
from tcpconntop.core.analysis.explain.refusals import Refusals
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.format import percent
from tcpconntop.core.thresholds import NOTABLE_SHARE
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import Outcome

_WHY, _WHY_HERE = "no listener, or a firewall rejects it", "a reset answered"


class Refused(FindingKind):
    """A destination that refuses every connect."""

    kind = "refused"
    severity = Severity.BAD
    shows = (
        "a port refuses every connect since the last success: nothing listens there, or a firewall rejects it"
    )
    based_on = "3 or more refused connects (ECONNREFUSED), so many in a row that chance does not explain them"
    silent = "another process still connects there; refused connects and successes that are mixed"
    next_step = "`ss -ltn sport = :PORT` on the peer, unless others reach it"
    absent = "no connect refused"
    after = (Ipv6Broken, LocalPorts)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations among the most refusing ones that refuse everything now."""
        refusals = evidence.once(Refusals)
        return [
            self._closed(evidence, refusals, n, dest)
            for n, dest in enumerate(refusals.worst)
            if refusals.is_closed(n)
        ]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no connect was refused."""
        return not evidence.selection.outcomes[Outcome.REFUSED]

    def _closed(self, evidence: Evidence, refusals: Refusals, n: int, dest: int) -> Finding:
        keys, count = evidence.keys_to(dest), refusals.count(n)
        place, past = evidence.dest_text(dest), refusals.pasts[n]
        evidence.explained[keys, Outcome.REFUSED] = True
        counted = failed_connects(evidence, keys, count, [Outcome.REFUSED])
        others, step = step_here_or_at_peer(
            evidence, _refused(evidence, keys), counted, steps.look_for_listener
        )
        why = f"{_WHY_HERE}; {others.text}" if others.text else _WHY
        outcomes = evidence.dest_outcomes[dest]
        other = int(outcomes.sum()) - int(outcomes[Outcome.OK]) - count
        what = "refuses every connect"
        if other:  # timed out or given up: how they would have been answered is not known
            what = f"refused {plural(count, 'connect')}, {other:,} failed in other ways"
        if not past.last_ok:
            proof = f"{count:,} refused, no success seen: {why}"
            proof = "; ".join(filter(None, (proof, when_text(evidence, counted))))
            return self.finding(evidence, keys, f"{place} {what}", proof, count, step)
        last_ok = between_text(evidence, past.last_ok.begin_ns, past.last_ok.end_ns)
        if past.since_ns:
            since, last = f"since {evidence.time_of_day(past.since_ns)}", f", last ok {last_ok}"
            title = f"{place} {what}, none succeeded {since}" if other else f"{place} {what} {since}"
        else:
            comma = "," if past.last_ok.begin_ns < past.last_ok.end_ns else " at"
            title, last = (
                f"{place} {what}{', none' if other else ''} since its last success{comma} {last_ok}",
                "",
            )
        within = within_text(evidence, past.last_ok.end_ns)
        proof = f"{count:,} refused{within}{last}: {why}"
        proof = "; ".join(filter(None, (proof, when_text(evidence, counted, last_only=True))))
        return self.finding(evidence, keys, title, proof, count, step)


class SomeRefused(FindingKind):
    """A destination that refuses some connects and accepts others."""

    kind = "some-refused"
    severity = Severity.WARN
    shows = "a destination refuses some connects and accepts others"
    based_on = "3 or more refused connects, and 1% or more of the attempts there"
    silent = "a port that refuses everything since its last success: that is `refused`"
    next_step = (
        "`ss -ltn sport = :PORT; nstat -asz TcpExtListenOverflows TcpExtListenDrops` on the peer, unless"
        " others reach it"
    )
    after = Refused.after

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations among the most refusing ones that also accept."""
        refusals = evidence.once(Refusals)
        found = []
        for n, dest in enumerate(refusals.worst):
            keys, count = evidence.keys_to(dest), refusals.count(n)
            ended = int(evidence.attempts[keys].sum())
            if refusals.is_closed(n) or count < NOTABLE_SHARE * ended:
                continue
            of = f"{count:,} of {plural(ended, 'connect')} ({percent(count / ended)}%)"
            evidence.explained[keys, Outcome.REFUSED] = True
            title = f"{evidence.dest_text(dest)} refused {of}"
            proof = (
                "refused connects and successes are mixed; possible: one backend of several is down,"
                " the server restarts, or it resets connects when it is overloaded"
            )
            counted = failed_connects(evidence, keys, count, [Outcome.REFUSED])
            refused = _refused(evidence, keys)
            others, step = step_here_or_at_peer(evidence, refused, counted, steps.look_at_some_listener)
            found.append(
                self.finding(
                    evidence,
                    refused if others.text else keys,
                    title,
                    others.text or proof,
                    count,
                    step,
                    named=not others.names_own,
                    counted=counted,
                )
            )
        return found


def _refused(evidence: Evidence, keys: Rows) -> Rows:
    """Return those of some keys that were refused."""
    refused: Rows = keys[evidence.outcomes[keys, Outcome.REFUSED] > 0]
    return refused


class MoreRefused(FindingKind):
    """The destinations that refuse beyond those with a finding of their own."""

    kind = "more-refused"
    severity = Severity.WARN
    shows = "more destinations refuse than are listed one by one"
    based_on = "3 or more refused connects at each of them"
    silent = f"{MAX_FINDINGS} refusing destinations or fewer"
    next_step = "as for `refused`, of the busiest of them"
    after = Refused.after

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return at most one finding."""
        refusals = evidence.once(Refusals)
        if not len(refusals.rest):
            return []
        n = int(refusals.by_dest[refusals.rest].sum())
        keys = evidence.keys_to_any(np.asarray(refusals.rest))
        evidence.explained[keys, Outcome.REFUSED] = True
        title = f"{plural(len(refusals.rest), 'more destination')} refused {plural(n, 'connect')}"
        counted = failed_connects(evidence, keys, n, [Outcome.REFUSED])
        refused, step_for = _refused(evidence, keys), steps.look_for_listener
        others, step = step_for_busiest(evidence, refused, Outcome.REFUSED, step_for)
        return [self.finding(evidence, keys, title, others, n, step, counted=counted)]
