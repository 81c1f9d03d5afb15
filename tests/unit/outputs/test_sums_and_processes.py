"""What a document says of all rows together, and of the processes of each row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from records import connect, join, snapshot

from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.outputs.document import view_document


def test_the_window_has_its_times_its_filters_and_the_sums_of_its_rows() -> None:
    """GIVEN a filter WHEN a table is written THEN the sums are those of its rows."""
    shown = snapshot(join(connect(comm="nginx", times=23), connect(comm="curl", daddr="10.9.9.9", times=41)))
    shown = replace(shown, info=replace(shown.info, filters="-4"))
    whole = view_document(make_view(shown, ViewSpec()), top=1)
    document = view_document(make_view(shown, ViewSpec(where=parse_filter("nginx"))))
    window, (row,) = document["window"], document["rows"]
    assert document["filters"] == {"kernel": "-4", "view": "nginx"}
    assert whole["filters"] == {"kernel": "-4", "view": None}
    assert window["to"] == document["ts"]
    length = datetime.fromisoformat(window["to"]) - datetime.fromisoformat(window["from"])
    assert length.total_seconds() == shown.span_s
    times = ("from", "to")
    assert {name: window[name] for name in window if name not in times} == {
        name: row[name] for name in window if name not in times
    }
    assert (whole["window"]["count"], window["count"]) == (64, 23)
    of_slow = view_document(make_view(shown, ViewSpec(where=parse_filter("count>30"))))
    assert of_slow["window"]["count"] == 41


def test_a_row_names_its_busiest_processes_and_counts_the_others() -> None:
    events = [connect(comm=f"p{n}", pid=n, times=10 * n) for n in range(1, 11)]
    events += [connect(daddr="10.0.0.2", comm="other-row", pid=50, times=500)]
    events += [connect(comm="p10", pid=10, netns=4026531840, times=1)]  # the same process
    rows = view_document(make_view(snapshot(*events), ViewSpec(sort="count")))["rows"]
    assert [process["comm"] for process in rows[1]["processes"]] == ["other-row"]
    assert rows[1]["more_processes"] == 0
    assert [tuple(process.values()) for process in rows[0]["processes"]] == [
        ("p10", 10, 101),
        *((f"p{n}", n, 10 * n) for n in range(9, 2, -1)),
    ]
    assert rows[0]["more_processes"] == 2


def test_what_was_not_counted_apart_has_no_processes() -> None:
    shown = snapshot(connect())
    counts = replace(shown, info=replace(shown.info, precision="within a bucket"))
    (row,) = view_document(make_view(counts, ViewSpec()))["rows"]
    assert (row["processes"], row["more_processes"]) == (None, None)
