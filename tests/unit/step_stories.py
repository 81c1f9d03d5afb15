"""Stories of connects that fire each kind of finding, with its next step."""

from __future__ import annotations

from dataclasses import replace
from errno import EADDRNOTAVAIL, EPERM

from explaining import (
    MS,
    NOW_S,
    ending_now,
    findings_of,
    given_up,
    snapshot_by_second,
    with_local_work,
    with_lost_syns,
)
from records import connect, join

from tcpconntop.core.analysis.explain import Finding
from tcpconntop.core.hosts import NETNS_BITS
from tcpconntop.core.places import Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.host import ListenQueue, NetnsFacts, QueueCount
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events, Outcome, address_bytes

REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
TIMEOUT = {"outcome": Outcome.TIMEOUT, "error": 110}
UNREACHABLE = {"outcome": Outcome.UNREACHABLE, "error": 113}
FORBIDDEN = {"outcome": Outcome.ERROR, "error": EPERM}
NO_PORT = {"outcome": Outcome.ERROR, "error": EADDRNOTAVAIL}
LEFT = (5_000,) * 5
OVERFLOWED = NetnsFacts(
    queues=(QueueCount(0, 0, 0), QueueCount(NOW_S * SECOND_NS, 5, 5)),
    addresses=frozenset({address_bytes("10.0.0.1")[0]}),
)
FULL = replace(
    OVERFLOWED,
    listeners={(*address_bytes("10.0.0.1"), 443): ListenQueue(NOW_S * SECOND_NS, 2, 1)},
)


def unsent(**more) -> Events:
    events = with_lost_syns(rto_ns=7_000 * MS, rtx=3, times=2, **TIMEOUT, **more)
    events["syn_unsent"] = 3
    return events


def slow_answer(**more) -> Events:
    events = with_lost_syns(wire_ns=504 * MS, rto_ns=1_010 * MS, times=4, **more)
    events["srtt_us"] = 1_514_000
    return events


def each_once(daddr: str = "127.54.{}.{}", n: int = 200, **more) -> Events:
    return join(*[connect(daddr=daddr.format(i // 200, i % 200 + 1), **more) for i in range(n)])


def of_hosts() -> list[Events]:
    return [
        connect(latency_ns=(30 if n == 2 else 2) * MS, times=25, netns=n << NETNS_BITS) for n in (1, 2, 3)
    ]


MANY_LOST = [with_lost_syns(daddr=f"10.0.0.{n}") for n in range(9)]
BROKEN_IPV6 = [connect(daddr="fd00::1", **UNREACHABLE, times=9), connect(times=9)]
POOL = [connect(daddr=f"10.7.0.{n}", latency_ns=(40 if n == 1 else 1) * MS, times=30) for n in range(4)]
TWO_PROGRAMS = [
    each_once(pid=7, comm="bad", n=20, **TIMEOUT),
    each_once(pid=8, comm="good", n=20),
]

ACCEPT = "ss -ltn sport = :443; nstat -asz TcpExtListenOverflows TcpExtListenDrops"
STORIES: dict[str, tuple[str, list[Events], str, str]] = {
    "ports": (
        "ports",
        [connect(times=3, **NO_PORT)],
        "here",
        'ss -Htan dst 10.0.0.1:443 | cut -d" " -f1 | sort | uniq -c; sysctl net.ipv4.ip_local_port_range',
    ),
    "refused": ("refused", [connect(times=3, **REFUSED)], "on 10.0.0.1", "ss -ltn sport = :443"),
    "refused 6": ("refused", [connect("fd00::1", times=3, **REFUSED)], "on fd00::1", "ss -ltn sport = :443"),
    "refused here": (
        "refused",
        [connect("127.0.0.1", times=3, **REFUSED)],
        "here",
        "ss -ltn sport = :443",
    ),
    "local-firewall": (
        "local-firewall",
        [unsent()],
        "here",
        "ip route get 10.0.0.1; nft list ruleset; iptables-save -c; tc -s qdisc show",
    ),
    "local-firewall 6": (
        "local-firewall",
        [unsent(daddr="::1")],
        "here",
        "ip -6 route get ::1; nft list ruleset; ip6tables-save -c; tc -s qdisc show",
    ),
    "unanswered": ("unanswered", [connect(times=3, **TIMEOUT)], "on 10.0.0.1", ACCEPT),
    "unanswered from one program": (
        "unanswered",
        [connect(times=9, **TIMEOUT), connect(times=40, pid=7, comm="other")],
        "here",
        "ip route get 10.0.0.1; ip rule show; nft list ruleset; iptables-save -c; tc -s qdisc show",
    ),
    "unreachable": (
        "unanswered",
        [connect(times=3, **UNREACHABLE)],
        "here",
        "ip route get 10.0.0.1; ip neigh show to 10.0.0.1",
    ),
    "forbidden": (
        "unanswered",
        [connect("127.0.0.2", times=3, **FORBIDDEN)],
        "here",
        "ip route get 127.0.0.2; nft list ruleset; iptables-save -c; tc -s qdisc show",
    ),
    "lost-syns": ("lost-syns", [with_lost_syns(times=9)], "on 10.0.0.1", ACCEPT),
    "lost-syns of many": (
        "lost-syns",
        MANY_LOST,
        "here",
        "ip -s link show; tc -s qdisc show; nstat -asz TcpExtTCPSynRetrans",
    ),
    "slow-path": ("slow-path", [slow_answer()], "here", "ss -tin dst 10.0.0.1:443"),
    "accept-queue": ("accept-queue", [with_lost_syns(times=3)], "here", ACCEPT.replace("-ltn", "-ltnp")),
    "family": (
        "family",
        BROKEN_IPV6,
        "here",
        "ip -6 route get fd00::1; ip -6 addr show scope global",
    ),
    "family refused": (
        "family",
        [connect(daddr="fd00::1", **REFUSED, times=9), connect(times=9)],
        "on fd00::1",
        "ss -ltn sport = :443",
    ),
    "slow-host": ("slow-host", of_hosts(), "on db-08", "ss -tin dst 10.0.0.1:443"),
    "slow-address": ("slow-address", POOL, "here", "ss -tin dst 10.7.0.1:443"),
    "slow-address 6": (
        "slow-address",
        [connect(daddr=f"fd00::{n}", latency_ns=(40 if n == 1 else 1) * MS, times=30) for n in range(1, 4)],
        "here",
        "ss -tin dst '[fd00::1]:443'",
    ),
    "slow-process": (
        "slow-process",
        [connect(pid=9, latency_ns=58 * MS, times=60), connect(times=60)],
        "here",
        "ss -tin dst 10.0.0.1:443",
    ),
    "slow": ("slow", [connect(latency_ns=150 * MS, times=12)], "here", "ss -tin dst 10.0.0.1:443"),
    "local-work": (
        "local-work",
        [with_local_work(3 * MS, 4 * MS, times=12)],
        "here",
        "cat /proc/loadavg; nproc; ss -Htan dst 10.0.0.1:443 | wc -l; nft list ruleset | wc -l",
    ),
    "gives-up": (
        "gives-up",
        [given_up(*LEFT)],
        "here",
        "ss -tnop state syn-sent dst 10.0.0.1:443",
    ),
    "gives-up after lost SYNs": ("gives-up", [given_up(*LEFT, rtx=2)], "on 10.0.0.1", ACCEPT),
    "some-refused": (
        "some-refused",
        [connect(times=30), connect(times=9, **REFUSED), connect(times=9)],
        "on 10.0.0.1",
        ACCEPT,
    ),
    "more-refused": (
        "more-refused",
        [connect(daddr=f"10.0.0.{n}", times=20 - n, **REFUSED) for n in range(6)],
        "on 10.0.0.3",
        "ss -ltn sport = :443",
    ),
    "many-failed": ("many-failed", [each_once(dport=9, **REFUSED)], "here", "ss -ltn sport = :9"),
    "many-failed of a port": (
        "many-failed",
        [each_once(dport=9, **TIMEOUT)],
        "here",
        "ss -tnop state syn-sent dport = :9",
    ),
    "many-failed of a process": (
        "many-failed",
        TWO_PROGRAMS,
        "here",
        "ss -tnop state syn-sent | awk '/pid=7,/'",
    ),
    "many-failed of a subnet": (
        "many-failed",
        [each_once("fd00:1::{1}", n=20, **TIMEOUT), each_once("fd00:2::{1}", n=20)],
        "here",
        "ss -tnop state syn-sent dst '[fd00:1::/64]'",
    ),
    "many-failed unreachable": (
        "many-failed",
        [each_once(dport=9, **UNREACHABLE)],
        "here",
        "ip route get 127.54.0.1; ip neigh show to 127.54.0.1",
    ),
}


def shown_of(name: str, *, comm: bytes | None = None) -> Snapshot:
    """Return the snapshot of a story; `comm` is another name for all processes (PID 7: and a 7)."""
    kind, parts, _, _ = STORIES[name]
    parts = [part.copy() for part in parts]
    for part in parts if comm is not None else ():
        part["comm"] = comm[:8] + (b"7" if part["tgid"][0] == 7 else b"")
    shown = snapshot_by_second(*ending_now(*parts), host=FULL if kind == "accept-queue" else None)
    hosts = ("db-07", "db-08", "db-09") if kind == "slow-host" else ()
    return replace(shown, places=Places(hosts=hosts))


def story(name: str, **changes) -> Finding:
    """Return the finding of a story; `changes` are those of its snapshot."""
    found = findings_of(replace(shown_of(name), **changes))
    return next(finding for finding in found if finding.kind == STORIES[name][0])
