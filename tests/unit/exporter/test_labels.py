"""The labels of a series: from records, without processes, and never two series with the same."""

from __future__ import annotations

import pytest
from records import connect, join

from tcpconntop.core.places import Names, Places
from tcpconntop.exporter.labels import LABELLINGS, Labeller

EVENTS = join(
    connect("10.1.2.3", 443, pid=1, unit=7),
    connect("10.1.2.3", 443, pid=2, comm="wget", unit=8),
    connect("10.1.2.9", 80, unit=8),
    connect("2001:db8::1", 443, unit=9),
    connect("::ffff:10.1.2.3", 443, netns=5),
)
NAMES = Names({7: "a.service", 8: "a.service", 9: None}, Places())


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("dest", [("10.1.2.3", "443", "4")] * 2 + [("10.1.2.9", "80", "4"), ("2001:db8::1", "443", "6"),
                  ("10.1.2.3", "443", "4")]),
        ("port", [("443",)] * 2 + [("80",)] + [("443",)] * 2),
        ("subnet", [("10.1.2.0/24", "4")] * 3 + [("2001:db8::/64", "6"), ("10.1.2.0/24", "4")]),
        ("unit", [("a.service",)] * 3 + [("",), ("a.service",)]),
    ],
)  # fmt: skip
def test_labels_by_every_way(by, labels):
    values, groups = Labeller(LABELLINGS[by]).labels_of(EVENTS, NAMES)
    assert [values[group] for group in groups] == labels
    assert len(LABELLINGS[by].names) == len(labels[0]) == len(LABELLINGS[by].other)


def test_a_link_local_address_has_its_interface_once_that_is_known():
    labeller, event = Labeller(LABELLINGS["dest"]), connect("fe80::1", scope_id=2, netns=5)
    assert labeller.labels_of(event, Names())[0] == [("fe80::1%2", "443", "6")]
    named = Names({}, Places({(5, 2): "eth0"}))
    assert labeller.labels_of(event, named)[0] == [("fe80::1%eth0", "443", "6")]


def test_the_name_of_a_unit_is_taken_once_it_is_known_and_is_printable():
    labeller = Labeller(LABELLINGS["unit"])
    assert labeller.labels_of(connect(unit=3), Names({}))[0] == [("",)]
    assert labeller.labels_of(connect(unit=3), Names({3: "x\x1b[31m\n.service"}))[0] == [("x·[31m·.service",)]
