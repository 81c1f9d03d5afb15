"""Where the time of a connect went: local work, waiting for lost SYNs, the network.

    begin ──local──▶ first SYN ──rto──▶ SYN that was answered ──wire──▶ answer

A part is NaN where it cannot be known. What is known:

- **No SYN was sent again:** `rto` is 0, and `wire` is known if the probes see the first SYN.
- **A SYN was sent again, and the connect succeeded:** the kernel's own round trip (`srtt_us`, from the time
  stamp in the answer) tells which SYN was answered. A later one: the first SYN or its answer was *lost*. The
  first one, long after the last SYN: nothing was lost, the answer was *slow*. The first one, soon after a
  SYN: slow, or the peer sent a lost answer again; not known. Without time stamps, an answer within
  `PROMPT_NS` of the last SYN is taken for the answer to it; a later one is not known.
- **The connect was refused or unreachable:** such an answer has no time stamp, so the last rule applies.
  Nothing is said about lost SYNs, because the kernel ignores some ICMP errors while connect() runs.
- **Nobody answered:** `wire` is NaN. A time-out is all waiting; any other end waited until the last SYN.

Probes that do not see the first SYN take the begin for it. It is sent about 0.1 ms later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.types import Floats, Mask
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import Events, Outcome

PROMPT_NS = 50_000_000
"""An answer within this time of a SYN belongs to it; the exactness of time stamps (1 ms) is included."""
LONG_PATH_NS = 300_000_000
"""No ordinary path has a longer round trip: an answer this long after the last SYN is not an answer to it."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The parts of connects in µs, each of shape (n,). Where all are known, they add up to `latency`.

    Attributes:
        latency: the whole time.
        local: from the call to the first SYN.
        rto: waiting for retransmissions.
        wire: from the SYN that was answered to the answer.
        lost: succeeded, and an earlier SYN than the answered one, or its answer, was lost.
        slow: succeeded, and the first SYN was answered: it was sent again in vain. Where neither `lost` nor
            `slow` is true of a connect with retransmissions, it cannot be known.
    """

    latency: Floats
    local: Floats
    rto: Floats
    wire: Floats
    lost: Mask
    slow: Mask


def anatomy(events: Events) -> Anatomy:
    """Return the parts of each connect."""
    begin, end, first_syn, retransmit, srtt = (
        events[name].astype(np.int64) for name in ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns", "srtt_us")
    )
    outcome = events["outcome"]
    resent, seen = retransmit > 0, first_syn > 0
    ok = outcome == Outcome.OK
    answered = ok | (outcome == Outcome.REFUSED) | (outcome == Outcome.UNREACHABLE)
    by_peer = ok | (events["syn_unsent"] < events["syn_retransmits"])  # not by this machine's firewall
    first = np.where(seen, first_syn, begin)
    last = np.where(resent, np.minimum(retransmit, end), first)

    timed = resent & ok & (srtt > 0)
    sent = np.clip(end - srtt * 1000, first, last)  # the SYN that was answered, if its round trip is known
    to_first = timed & (sent - first <= PROMPT_NS) & (sent - first < last - sent)
    to_last = resent & answered & np.where(timed, last - sent <= PROMPT_NS, end - last <= PROMPT_NS)
    to_last &= ~to_first
    between = timed & ~to_first & ~to_last
    slow = to_first & (end - last > LONG_PATH_NS)

    rto = np.select(
        [outcome == Outcome.TIMEOUT, ~resent | slow, to_last | ~answered, between],
        [end - first, 0.0, last - first, sent - first],
        np.nan,
    )
    wire = np.select(
        [~answered, ~resent, to_last & by_peer, between, slow],
        [np.nan, np.where(seen, end - first, np.nan), end - last, end - sent, end - first],
        np.nan,
    )
    return Anatomy(
        latency=latency_ns(events) / 1000,
        local=np.where(seen, first_syn - begin, np.nan) / 1000,
        rto=rto / 1000,
        wire=wire / 1000,
        lost=ok & (to_last | between),
        slow=slow,
    )
