"""Where the time of a connect went: local work, waiting for lost SYNs, the network.

    begin ──local──▶ first SYN ──rto──▶ last SYN ──wire──▶ answer

A part is NaN where the probes in use cannot know it. Probes that do not see the first SYN see the last one
only if it was a retransmission; then only `wire` is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.types import Floats
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import Events


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The parts of connects in µs, each of shape (n,). Where all are known, they add up to `latency`."""

    latency: Floats
    local: Floats
    rto: Floats
    wire: Floats


def anatomy(events: Events) -> Anatomy:
    """Return the parts of each connect."""
    begin, end, first_syn, retransmit = (
        events[name].astype(np.int64) for name in ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns")
    )
    resent = retransmit > 0
    seen = first_syn > 0
    last_syn = np.where(resent, retransmit, first_syn)
    return Anatomy(
        latency=latency_ns(events) / 1000,
        local=np.where(seen, first_syn - begin, np.nan) / 1000,
        rto=np.where(resent, np.where(seen, retransmit - first_syn, np.nan), 0.0) / 1000,
        wire=np.where(seen | resent, end - last_syn, np.nan) / 1000,
    )
