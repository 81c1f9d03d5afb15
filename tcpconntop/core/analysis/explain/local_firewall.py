"""SYNs that never left this machine."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import counted_records
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.given_up import waited_text
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.wire import Outcome

MIN_SHARE = 0.5
"""Share of the retransmissions that must be unsent, so that this is why a connect failed."""


class LocalFirewall(FindingKind):
    """A destination to which this machine does not send the SYNs of its processes."""

    kind = "local-firewall"
    severity = Severity.BAD
    shows = "SYNs to a destination do not leave this machine: a firewall of this machine drops them"
    based_on = "recent connects, half or more of whose retransmitted SYNs the kernel could not send"
    silent = "SYNs that left and were lost on the way; connects without a retransmission"
    next_step = "`ip route get ADDRESS; nft list ruleset; iptables-save -c; tc -s qdisc show` here"
    after = (Ipv6Broken, LocalPorts)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most such connects; claim the keys that have no other failure."""
        recent = evidence.recent
        unsent, resent = (recent.events[name].astype(np.int64) for name in ("syn_unsent", "syn_retransmits"))
        kept = evidence.match_keys(recent.where((unsent > 0) & (unsent >= MIN_SHARE * resent)))
        kept = kept.where(~evidence.claimed[kept.key_index])
        dest_of = evidence.dest_of[kept.key_index]
        n = np.bincount(dest_of, minlength=len(evidence.dests))
        found = [self._unsent(evidence, int(dest), kept.where(dest_of == dest)) for dest in largest_first(n)]
        return found[:MAX_FINDINGS]

    def _unsent(self, evidence: Evidence, dest: int, records: RecentRecords) -> Finding:
        keys = evidence.busiest(np.unique(records.key_index))
        for key in keys:
            of_key = records.outcome[records.key_index == key]
            for outcome in Outcome:
                many = np.count_nonzero(of_key == outcome)
                evidence.explained[key, outcome] |= many > 0 and 2 * many >= evidence.outcomes[key, outcome]
        unsent, n = int(records.events["syn_unsent"].sum()), len(records.events)
        ok = int(np.count_nonzero(records.outcome == Outcome.OK))
        end = f"{ok:,} of them succeeded later" if ok else "none of them succeeded"
        return self.finding(
            evidence,
            keys,
            f"a firewall of this machine drops SYNs to {evidence.dest_text(dest)}: {plural(n, 'connect')}",
            f"{plural(unsent, 'retransmitted SYN')} did not leave, so the network and the server never saw"
            f" {'it' if unsent == 1 else 'them'}: most likely a rule of nftables, iptables or tc;"
            " a route that is gone does the same"
            f"; {'; '.join(filter(None, (end, waited_text(evidence, keys))))}",
            n,
            steps.firewall(evidence, keys),
            counted=counted_records(evidence, records),
        )
