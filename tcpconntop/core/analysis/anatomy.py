"""Where the time of a connect went: local work, waiting for lost SYNs, the wire.

    begin ──local──▶ first SYN ──rto──▶ last SYN ──wire──▶ answer

Each part is NaN where the probes in use cannot know it. A probe that does not see the first SYN leave
knows the last one only when it was sent again; then `wire` is known and the rest is not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from errno import errorcode

import numpy as np

from tcpconntop.core.types import Floats
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import Events


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The parts of some connects in µs, each of shape (n,). Where all are known they add up to `latency`."""

    latency: Floats
    local: Floats
    rto: Floats
    wire: Floats


def anatomy(events: Events) -> Anatomy:
    """Take connects apart."""
    begin, end, syn, again = (
        events[name].astype(np.int64) for name in ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns")
    )
    resent = again > 0
    seen = syn > 0
    last_syn = np.where(resent, again, syn)
    return Anatomy(
        latency=latency_ns(events) / 1000,
        local=np.where(seen, syn - begin, np.nan) / 1000,
        rto=np.where(resent, np.where(seen, again - syn, np.nan), 0.0) / 1000,
        wire=np.where(seen | resent, end - last_syn, np.nan) / 1000,
    )


def errno_name(number: int) -> str | None:
    """Name an errno (`ECONNREFUSED`); None for 0, the bare number where it has no name."""
    return errorcode.get(number, str(number)) if number else None
