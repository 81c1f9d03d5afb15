"""Findings name interfaces and network namespaces where their names are known."""

from __future__ import annotations

from dataclasses import replace
from errno import EADDRNOTAVAIL

import pytest
from explaining import NOW_S, ending_now, findings_of, snapshot_by_second, with_lost_syns
from records import connect

from tcpconntop.core.analysis.failures import failures
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.places import Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import ListenQueue, NetnsFacts, QueueCount
from tcpconntop.core.wire import Outcome, address_bytes

NETNS, OTHER = 50, 60
LINK = {"netns": NETNS, "scope_id": 2}
PLACES = Places({(NETNS, 2): "eth0", (OTHER, 2): "wan0"}, {NETNS: "blue"})
REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
TIMED_OUT = {"outcome": Outcome.TIMEOUT, "error": 110}
NO_PORT = {"outcome": Outcome.ERROR, "error": EADDRNOTAVAIL}
SLOW = {"latency_ns": 60_000_000}
IDLE, FULL = QueueCount(0, 0, 0), QueueCount(NOW_S * SECOND_NS, 5, 5)
QUEUE = ListenQueue(NOW_S * SECOND_NS, 2, 1)
OVERFLOWS = NetnsFacts(
    queues=(IDLE, FULL),
    addresses=frozenset({address_bytes("fe80::1")[0]}),
    listeners={(*address_bytes("fe80::1"), 443): QUEUE},
)


def shown_of(*parts, host=None):
    host = {NETNS: host} if host else None
    return replace(snapshot_by_second(*ending_now(*parts)), host=host, places=PLACES)


@pytest.mark.parametrize(
    ("parts", "host", "expected"),
    [
        ([connect("fe80::1", times=5, **REFUSED, **LINK)], None, "[fe80::1%eth0]:443 refuses"),
        ([connect("fe80::1", times=5, **TIMED_OUT, **LINK)], None, "[fe80::1%eth0]:443 does not answer"),
        ([connect("fe80::1", times=3, **NO_PORT, **LINK)], None, "connects to [fe80::1%eth0]:443 failed"),
        ([connect("fe80::1", times=3, **NO_PORT, **LINK)], None, "in network namespace blue is not known"),
        (
            [with_lost_syns(daddr="fe80::1", times=3, **LINK)],
            OVERFLOWS,
            "accept queue of [fe80::1%eth0]:443 is",
        ),
        (
            [with_lost_syns(daddr="fe80::1", times=3, **LINK)],
            replace(OVERFLOWS, listeners={}, own=False),
            "accept queue of network namespace blue overflowed",
        ),
        (
            [connect(f"fe80::{n}", times=20, **(SLOW if n == 3 else {}), **LINK) for n in (1, 2, 3)],
            None,
            "addresses of fe80::%eth0/64 with port 443",
        ),
        (
            [connect(f"fe80::{n}", 400 + n, n, **REFUSED, **LINK) for n in range(1, 4)],
            None,
            "to fe80::%eth0/64 (100%) were refused",
        ),
        (
            [
                connect("fe80::1", times=5, **REFUSED, **LINK),
                connect("fe80::1", times=5, netns=OTHER, scope_id=2),
            ],
            None,
            "[fe80::1%eth0]:443 (netns blue) refuses",
        ),
    ],
)
def test_a_link_local_address_has_the_name_of_its_interface(parts, host, expected):
    """GIVEN two namespaces with other names for one index THEN each address has the name of its own."""
    texts = [f"{finding.title}; {finding.evidence}" for finding in findings_of(shown_of(*parts, host=host))]
    assert expected in "; ".join(texts)
    assert "%2" not in "; ".join(texts)


def test_failures_name_the_interface():
    shown = shown_of(connect("fe80::1", times=5, **REFUSED, **LINK))
    (failure,) = failures(Selection(make_view(shown, ViewSpec())))
    assert failure.destinations.names == ("[fe80::1%eth0]:443",)
