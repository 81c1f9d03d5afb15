"""Where others on the same host reach what some connects do not, nobody is sent to the peer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from explaining import MS, NOW_S, ending_at, findings_of, given_up, snapshot_by_second, with_lost_syns
from records import connect, join

from tcpconntop.core.analysis.explain import Finding
from tcpconntop.core.hosts import NETNS_BITS
from tcpconntop.core.places import Places
from tcpconntop.core.wire import Events, Outcome

TIMEOUT = {"outcome": Outcome.TIMEOUT, "error": 110}
REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
UNREACHABLE = {"outcome": Outcome.UNREACHABLE, "error": 113}
BLUE = 4026532001
RULES = "ip route get 10.0.0.1; ip rule show; nft list ruleset; iptables-save -c; tc -s qdisc show"
IN_BLUE = f"ip netns exec blue sh -c '{RULES}'"
ON_PEER = "on 10.0.0.1"


def often(events: Events, first_s: float = 50, last_s: float = 2, times: int = 24) -> Events:
    """Return records that end at equal distances, the first and the last so many seconds ago."""
    step_s = (first_s - last_s) / (times - 1)
    return join(*(ending_at(NOW_S - first_s + n * step_s, events) for n in range(times)))


def others(n: int = 3, **more) -> list[Events]:
    """Return successes from other network namespaces, all the time."""
    return [
        often(connect(latency_ns=2 * MS, netns=BLUE + 1 + i, pid=7, comm="api", **more)) for i in range(n)
    ]


def found(*parts: Events, **changes) -> Finding:
    """Return the finding about records, of which there has to be one."""
    shown = replace(snapshot_by_second(*parts), places=Places({}, {BLUE: "blue"}))
    (finding,) = findings_of(replace(shown, **changes))
    return finding


@pytest.mark.parametrize(
    ("failing", "kind", "words"),
    [
        (connect(**TIMEOUT), "unanswered", "no SYN was answered in time (ETIMEDOUT); "),
        (connect(**REFUSED), "refused", "24 refused, no success seen: a reset answered; "),
    ],
)
def test_a_namespace_that_alone_does_not_reach_it_is_where_to_look(failing, kind, words):
    """GIVEN three of four namespaces reach an address THEN the rules of the fourth are looked at."""
    failing["netns"] = BLUE
    finding = found(often(failing), *others())
    assert finding.kind == kind
    assert "(netns blue)" in finding.title
    reached = "3 other network namespaces reach it meanwhile: p50 2.01ms, none of 72 failed"
    assert f"{words}{reached}; by curl" in finding.evidence
    assert (finding.next_step.where, finding.next_step.command) == ("here", IN_BLUE)
    assert "this source alone" in finding.next_step.tells


def test_an_address_that_is_unreachable_from_one_namespace_has_the_command_of_the_route():
    finding = found(often(connect(**UNREACHABLE, netns=BLUE)), *others(1))
    assert (
        f"; network namespace {BLUE + 1} reaches it meanwhile: p50 2.01ms, none of 24 failed"
        in finding.evidence
    )
    assert finding.next_step.command.startswith(
        "ip netns exec blue sh -c 'ip route get 10.0.0.1; ip neigh show"
    )


def test_a_namespace_that_loses_syns_alone():
    finding = found(often(with_lost_syns(netns=BLUE)), *others(2))
    assert finding.kind == "lost-syns"
    assert (
        "only from network namespace blue; 2 other network namespaces reach it meanwhile" in finding.evidence
    )
    assert "no SYN lost in 48 connects" in finding.evidence
    assert "accept queue" not in finding.evidence
    assert finding.next_step.command == IN_BLUE


def test_a_program_whose_connects_alone_fail():
    """GIVEN one of two programs fails, as by a rule for its user THEN the peer is not blamed."""
    finding = found(often(connect(**TIMEOUT)), often(connect(latency_ns=2 * MS, pid=7, comm="api"), times=40))
    assert finding.title == "24 of 64 connects to 10.0.0.1:443 (37.5%) timed out"
    reached = "only from curl; api reaches it meanwhile: p50 2.01ms, none of 40 failed"
    assert finding.evidence == f"no SYN was answered in time (ETIMEDOUT); {reached}"
    assert (finding.next_step.where, finding.next_step.command) == ("here", RULES)


def test_a_program_that_is_refused_alone():
    finding = found(often(connect(**REFUSED)), often(connect(pid=7, comm="api"), times=40))
    assert finding.kind == "some-refused"
    assert "only from curl; api reaches it meanwhile" in finding.evidence
    assert "backend" not in finding.evidence
    assert finding.next_step.command == RULES


def test_a_program_that_gives_up_alone():
    finding = found(often(given_up(5_000, rtx=2)), often(connect(pid=7, comm="api"), times=40))
    assert finding.kind == "gives-up"
    assert "none was answered; only from curl; api reaches it meanwhile" in finding.evidence
    assert finding.next_step.command == RULES


def test_others_that_are_not_in_the_filter_are_known():
    shown = replace(snapshot_by_second(often(connect(**TIMEOUT, netns=BLUE)), *others()))
    (finding,) = findings_of(shown, where="comm=curl")
    assert "3 other network namespaces reach it meanwhile" in finding.evidence


@pytest.mark.parametrize(
    "parts",
    [
        # Nobody else connects there; or elsewhere on that host, or to an address that each has for itself.
        [often(connect(**TIMEOUT, netns=BLUE))],
        [often(connect(**TIMEOUT, netns=BLUE)), *others(dport=80)],
        # The others do not reach it either, or not always.
        [often(connect(**TIMEOUT, netns=BLUE)), often(connect(**TIMEOUT, netns=BLUE + 1, pid=7))],
        [
            often(connect(**TIMEOUT, netns=BLUE)),
            *others(),
            often(connect(**TIMEOUT, netns=BLUE + 1), times=3),
        ],
        # They reach it before and after, and nobody knows what they would have done meanwhile.
        [often(connect(**TIMEOUT, netns=BLUE), 30, 20), often(connect(netns=BLUE + 1), 50, 35, 40)],
        [often(connect(**TIMEOUT, netns=BLUE), 30, 20), often(connect(netns=BLUE + 1), 15, 2, 40)],
        # So few that it may be chance; each process of one program fails or not.
        [often(connect(**TIMEOUT), times=3), often(connect(pid=7, comm="api"), times=6)],
        [often(connect(**TIMEOUT), times=20), often(connect(pid=7), times=20)],
        # On another host.
        [
            often(connect(**TIMEOUT, netns=1 << NETNS_BITS | 1)),
            often(connect(netns=2 << NETNS_BITS | 1)),
        ],
    ],
)
def test_else_the_peer_is_where_to_look(parts):
    shown = replace(snapshot_by_second(*parts), places=Places(hosts=("db-07", "db-08")))
    finding = findings_of(shown)[0]
    assert finding.next_step.where == ON_PEER
    assert "meanwhile" not in finding.evidence
    assert "full accept queue there" in finding.evidence


def test_the_loopback_of_another_namespace_is_another_host():
    finding = found(often(connect("127.0.0.1", **REFUSED, netns=BLUE)), *others(daddr="127.0.0.1"))
    assert "meanwhile" not in finding.evidence
    assert finding.next_step.command == "ip netns exec blue ss -ltn sport = :443"


def test_of_many_destinations_the_busiest_is_looked_at():
    """GIVEN ports that one namespace alone finds closed THEN its rules are looked at."""
    ports = range(1, 7)
    closed = [often(connect(dport=port, **REFUSED, netns=BLUE), times=25 - port) for port in ports]
    shown = snapshot_by_second(*closed, *(other for port in ports for other in others(2, dport=port)))
    (more,) = (finding for finding in findings_of(shown) if finding.kind == "more-refused")
    reached = "2 other network namespaces reach it meanwhile: p50 2.01ms, none of 48 failed; by curl"
    assert more.evidence.endswith(f"10.0.0.1:4 (netns {BLUE}): {reached}")
    assert RULES in more.next_step.command
