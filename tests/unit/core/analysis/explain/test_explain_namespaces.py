"""Findings in several network namespaces: each uses the facts of its own namespace alone."""

from __future__ import annotations

from dataclasses import replace
from errno import EADDRNOTAVAIL

from explaining import ending_now, findings_of, snapshot_by_second
from records import connect

from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.wire import Outcome, address_bytes

REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
NO_PORT = {"outcome": Outcome.ERROR, "error": EADDRNOTAVAIL}
OWN, OTHER = 4026531840, 4026532999


def inside(netns, *args, **more):
    events = connect(*args, **more)
    events["netns"] = netns
    return events


def found_in(*parts, host=None):
    shown = replace(snapshot_by_second(*ending_now(*parts)), host=host)
    return {(finding.kind, finding.title): finding for finding in findings_of(shown)}


def test_the_ports_of_each_namespace_are_its_own():
    """GIVEN ports ran out in both WHEN those of one are known THEN nothing is said of the other's range."""
    place = {"daddr": "10.0.0.1", "dport": 443, "times": 3}
    use = {(*address_bytes("10.0.0.1"), 443): 99}
    facts = {OWN: NetnsFacts((1, 100), use), OTHER: NetnsFacts(own=False)}
    found = found_in(inside(OWN, **place, **NO_PORT), inside(OTHER, **place, **NO_PORT), host=facts)
    assert set(found) == {
        ("ports", "3 connects to 10.0.0.1:443 found no free local port (EADDRNOTAVAIL)"),
        ("ports", "3 connects to 10.0.0.1:443 failed with EADDRNOTAVAIL"),
    }
    evidence = found["ports", "3 connects to 10.0.0.1:443 failed with EADDRNOTAVAIL"].evidence
    assert f"the range of local ports in network namespace {OTHER} is not known" in evidence
    assert "100" not in evidence


def test_one_address_of_the_loopback_is_another_host_in_each_namespace():
    """GIVEN a port that refuses in one namespace and accepts in another THEN it says where."""
    place = {"daddr": "127.0.0.1", "dport": 8080, "times": 5}
    found = found_in(inside(OWN, **place), inside(OTHER, **place, **REFUSED))
    assert list(found) == [("refused", f"127.0.0.1:8080 (netns {OTHER}) refuses every connect")]


def test_one_address_that_refuses_in_every_namespace_is_found_once():
    place = {"daddr": "10.0.0.1", "dport": 8080, "times": 5}
    found = found_in(inside(OWN, **place, **REFUSED), inside(OTHER, **place, **REFUSED))
    assert list(found) == [("refused", "10.0.0.1:8080 refuses every connect")]


def test_one_address_that_differs_between_namespaces_is_taken_for_two_hosts():
    place = {"daddr": "10.0.0.1", "dport": 8080, "times": 5}
    found = found_in(inside(OWN, **place), inside(OTHER, **place, **REFUSED))
    assert list(found) == [("refused", f"10.0.0.1:8080 (netns {OTHER}) refuses every connect")]


def test_one_address_that_fails_in_other_ways_is_taken_for_two_hosts():
    """GIVEN refused connects in one namespace, time-outs in another THEN each is said of its own."""
    place = {"daddr": "10.0.0.1", "dport": 8080, "times": 5}
    timed_out = {"outcome": Outcome.TIMEOUT, "error": 110}
    found = found_in(inside(OWN, **place, **REFUSED), inside(OTHER, **place, **timed_out))
    assert list(found) == [
        ("refused", f"10.0.0.1:8080 (netns {OWN}) refuses every connect"),
        (
            "unanswered",
            f"10.0.0.1:8080 (netns {OTHER}) does not answer: 5 connects timed out, none succeeded",
        ),
    ]
