"""Ports that refuse."""

from __future__ import annotations

import pytest
from explaining import NOW_S, ending_at, findings, findings_of, snapshot_by_second
from records import connect

from tcpconntop.core.analysis.explain import Severity
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Outcome

PLACE = {"daddr": "10.2.3.4", "dport": 8080}
REFUSED = {**PLACE, "outcome": Outcome.REFUSED, "error": 111}


def kinds(shown, **options):
    return {finding.kind: finding for finding in findings_of(shown, **options)}


def test_a_port_that_nobody_listens_on_any_more():
    """GIVEN successes up to a second, refusals from the next one on THEN it says since when."""
    ok = [ending_at(NOW_S - 10 + i, connect(**PLACE, times=30)) for i in range(9)]
    shown = snapshot_by_second(*ok, ending_at(NOW_S - 1, connect(**REFUSED, times=214)), now_s=NOW_S + 1)
    found = kinds(shown)["refused"]
    assert found.title == "10.2.3.4:8080 refuses every connect since 12:03:10"
    assert found.evidence == "214 refused, last ok 12:03:09: no listener, or a firewall rejects it; by curl"
    assert found.severity is Severity.BAD


def test_the_first_refusal_is_told_to_the_second_from_the_records():
    """GIVEN refusals began long ago THEN the records tell when, to the second."""
    shown = snapshot_by_second(
        ending_at(NOW_S - 30, connect(**PLACE, times=30)),
        ending_at(NOW_S - 20.5, connect(**REFUSED, times=3)),
        ending_at(NOW_S - 10, connect(**REFUSED, times=30)),
    )
    assert "since 12:02:50" in kinds(shown)["refused"].title


def test_refusals_among_other_failures_are_not_every_connect():
    """GIVEN refused connects and others that timed out or were given up THEN both are counted."""
    others = [
        connect(**PLACE, times=2, outcome=Outcome.TIMEOUT, error=110),
        connect(**PLACE, outcome=Outcome.CANCELLED),
    ]
    (found,) = findings(connect(**REFUSED, times=3), *others)["refused"]
    assert found.title == "10.2.3.4:8080 refused 3 connects, 3 failed in other ways"
    shown = snapshot_by_second(
        ending_at(NOW_S - 9, connect(**PLACE, times=30)),
        *(ending_at(NOW_S - 1, part) for part in (connect(**REFUSED, times=214), *others)),
    )
    title = kinds(shown)["refused"].title
    assert (
        title == "10.2.3.4:8080 refused 214 connects, 3 failed in other ways, none succeeded since 12:03:10"
    )


def test_a_port_that_never_answered():
    (found,) = findings(connect(**REFUSED, times=3))["refused"]
    assert found.title == "10.2.3.4:8080 refuses every connect"
    assert found.evidence == (
        "3 refused, no success seen: no listener, or a firewall rejects it; all 3 ended at 12:03:10; by curl"
    )


@pytest.mark.parametrize("times", [0, 1, 2])
def test_few_refusals_are_nothing(times):
    assert not findings(connect(**REFUSED, times=times), connect(times=3))


def mixed(share: int, trailing: int):
    """Refusals among successes, one in `share`, and then refusals alone."""
    parts = []
    for second in range(NOW_S - 40, NOW_S - 10):
        parts += [
            ending_at(second, connect(**REFUSED, times=1)),
            ending_at(second + 0.5, connect(**PLACE, times=share - 1)),
        ]
    return snapshot_by_second(*parts, *[ending_at(NOW_S - 5, connect(**REFUSED, times=trailing))])


@pytest.mark.parametrize(("share", "trailing"), [(2, 0), (2, 12), (3, 0), (3, 8), (10, 2)])
def test_refusals_at_random_are_no_end(share, trailing):
    """GIVEN refusals are mixed with successes WHEN the last ones may be chance THEN only some refuse."""
    found = kinds(mixed(share, trailing))
    assert "refused" not in found
    assert found["some-refused"].title.startswith("10.2.3.4:8080 refused ")
    assert "one backend of several" in found["some-refused"].evidence


@pytest.mark.parametrize(("share", "trailing"), [(2, 40), (3, 20), (10, 7)])
def test_a_row_of_refusals_that_chance_does_not_explain_is_the_end(share, trailing):
    found = kinds(mixed(share, trailing))
    assert "10.2.3.4:8080 refuses every connect since 12:03:06" in found["refused"].title
    assert "some-refused" not in found


def test_a_success_of_another_process_shows_that_somebody_listens():
    """GIVEN one process is refused and another is not WHEN it is looked at THEN the port is open."""
    shown = snapshot_by_second(
        *(ending_at(NOW_S - i, connect(**REFUSED, pid=7, comm="a", times=5)) for i in range(1, 9)),
        *(ending_at(NOW_S - i + 0.5, connect(**PLACE, pid=8, comm="b", times=5)) for i in range(1, 9)),
    )
    found = kinds(shown, where="comm=a")
    assert "refused" not in found
    assert "some-refused" in found


def test_one_refusal_in_a_thousand_is_nothing():
    parts = [
        ending_at(NOW_S - 5, connect(**REFUSED, times=3)),
        ending_at(NOW_S - 4, connect(**PLACE, times=900)),
    ]
    assert not kinds(snapshot_by_second(*parts))


def test_many_ports_are_summed_up():
    parts = [connect(**{**REFUSED, "dport": port}, times=port) for port in range(3, 10)]
    found = findings(*parts)
    assert sorted(finding.affected for finding in found["refused"]) == [7, 8, 9]
    (rest,) = found["more-refused"]
    assert rest.title == "4 more destinations refused 18 connects"


def test_the_window_may_have_forgotten_the_success():
    """GIVEN the last success left the window THEN it is told all the same."""
    ok, now_s = ending_at(NOW_S - 90, connect(**PLACE, times=5)), NOW_S
    shown = snapshot_by_second(ok, ending_at(NOW_S - 1, connect(**REFUSED, times=5)), now_s=now_s)
    assert int(shown.window.stats["outcomes"][:, Outcome.OK].sum()) == 0
    found = kinds(shown)["refused"]
    assert found.title == "10.2.3.4:8080 refuses every connect since 12:03:10"
    assert "last ok 12:01:41" in found.evidence
    assert shown.now_ns == now_s * SECOND_NS
