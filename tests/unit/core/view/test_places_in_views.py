"""The same address on two interfaces, and in two network namespaces."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from records import connect, join, snapshot

from tcpconntop.core.analysis.failures import failures
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.places import Names, Places
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.view.filter_completion import values_in_window
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.subrows import subrow_text, subrows_of_row
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.document import dump, event_documents, view_document
from tcpconntop.tui.text.titles import row_title

PLACES = Places({(50, 2): "va", (50, 3): "vb", (60, 2): "eth0"}, {50: "blue"})
REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
RECORDS = join(
    connect("fe80::1", netns=50, scope_id=2, times=4),
    connect("fe80::1", netns=50, scope_id=3, times=3, **REFUSED),
    connect("10.99.20.2", 80, netns=50, times=2, pid=1),
    connect("10.99.20.2", 80, netns=60, times=1, pid=2, **REFUSED),
    connect("10.0.0.1", netns=60),
)


def view_by(group_by: str, text: str = "") -> View:
    spec = ViewSpec(group_by, "count", where=parse_filter(text))
    return make_view(replace(snapshot(RECORDS), places=PLACES), spec)


def texts(view: View, column: str) -> list[str]:
    return [COLUMNS[column].text(view, row) for row in range(len(view))]


def test_one_link_local_address_on_two_interfaces_is_two_destinations() -> None:
    view = view_by("dest", "dest:fe80::/10")
    assert texts(view, "daddr") == ["fe80::1%va", "fe80::1%vb"]
    assert [(row["daddr"], row["ok"], row["failed"]) for row in view_document(view)["rows"]] == [
        ("fe80::1%va", 4, 0),
        ("fe80::1%vb", 0, 3),
    ]
    assert row_title(view, 0) == "[fe80::1%va]:443"
    assert failures(Selection(view))[0].destinations.names == ("[fe80::1%vb]:443",)
    assert texts(view_by("subnet", "dest:fe80::/10"), "daddr") == ["fe80::%va/64", "fe80::%vb/64"]


def test_an_address_in_two_namespaces_is_marked_and_has_no_namespace() -> None:
    view = view_by("dest", "dport=80")
    assert texts(view, "daddr") == ["10.99.20.2 ×2 netns"]
    (row,) = view_document(view)["rows"]
    assert (row["daddr"], row["netns"], row["namespaces"]) == ("10.99.20.2", None, 2)
    assert row_title(view, 0) == "10.99.20.2:80 in 2 network namespaces"


def test_processes_of_several_namespaces_have_the_name_of_theirs() -> None:
    view = view_by("dest", "dport=80")
    subrows = subrows_of_row(view, 0)
    assert subrows is not None
    assert [subrow_text(subrows, row) for row in range(2)] == ["curl · pid 1 · blue", "curl · pid 2 · 60"]
    alone = subrows_of_row(view_by("dest", "daddr=10.0.0.1"), 0)
    assert alone is not None
    assert subrow_text(alone, 0) == "curl · pid 100"


def test_an_address_in_one_namespace_has_it() -> None:
    (row,) = view_document(view_by("dest", "dest:10.0.0.1"))["rows"]
    assert (row["netns"], row["namespaces"]) == (60, 1)


def test_grouped_by_namespace_and_destination_they_are_two_rows() -> None:
    view = view_by("netns+dest", "dport=80")
    rows = view_document(view)["rows"]
    assert [(row["netns"], row["daddr"], row["ok"], row["failed"]) for row in rows] == [
        (50, "10.99.20.2", 2, 0),
        (60, "10.99.20.2", 0, 1),
    ]
    assert texts(view, "netns") == ["blue", "60"]
    assert [row_title(view, row) for row in (0, 1)] == [
        "netns blue → 10.99.20.2:80",
        "netns 60 → 10.99.20.2:80",
    ]


def test_grouped_by_namespace_each_has_its_sum() -> None:
    rows = view_document(view_by("netns"))["rows"]
    assert [(row["netns"], row["count"]) for row in rows] == [(50, 9), (60, 2)]


def test_records_without_a_namespace_claim_none() -> None:
    view = make_view(snapshot(connect()), ViewSpec("netns+dest"))
    (row,) = view_document(view)["rows"]
    assert (row["netns"], row["namespaces"]) == (None, None)
    assert texts(view, "netns") == ["-"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("netns=50", [0, 1, 2]),
        ("netns=blue", [0, 1, 2]),
        ("!netns=50", [3, 4]),
        ("netns~6", [3, 4]),
        ("60", []),
        ("dest:fe80::1", [0, 1]),
        ("dest:fe80::1%va", [0]),
        ("dest:fe80::1%3", [1]),
        ("dest:fe80::%vb/64", [1]),
        ("daddr=fe80::1%vb", [1]),
        ("fe80::1%v", [0, 1]),
        ("fe80::1%eth0", []),
    ],
)
def test_filters_find_interfaces_and_namespaces(text: str, expected: list[int]) -> None:
    keys = keys_from_events(RECORDS[[0, 4, 7, 9, 10]])
    assert np.flatnonzero(parse_filter(text).match_keys(keys, Names(places=PLACES))).tolist() == expected


@pytest.mark.parametrize("text", ["dest:fe80::1%", "dest:10.0.0.1%eth0", "daddr=fe80::1%"])
def test_an_address_with_a_wrong_interface_is_an_error(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


def test_namespaces_are_offered_as_completions() -> None:
    assert values_in_window(view_by("dest").snapshot, "netns") == ["50", "60"]
    assert "fe80::1%va" in values_in_window(view_by("dest").snapshot, "daddr")


def test_single_connects_have_both() -> None:
    lines = [json.loads(dump(line)) for line in event_documents(RECORDS[[0, 10]], 0, {}, PLACES)]
    assert [(line["daddr"], line["netns"]) for line in lines] == [("fe80::1%va", 50), ("10.0.0.1", 60)]
