"""What all findings have in common."""

from __future__ import annotations

from dataclasses import replace
from errno import EADDRNOTAVAIL, ETIMEDOUT

import numpy as np
import pytest
from explaining import (
    clock,
    ending_now,
    findings,
    findings_of,
    given_up,
    snapshot_by_second,
    with_local_work,
    with_lost_syns,
)
from records import connect, join, random_records

from tcpconntop.core.analysis.explain import Severity, explain, nothing_found_text
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.wire import Outcome

REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
TROUBLE = (
    connect(daddr="10.0.0.1", times=100),
    with_lost_syns(daddr="10.0.0.2", times=9),
    connect(daddr="10.0.0.3", dport=80, **REFUSED, times=9, comm="other", pid=7),
)


def test_the_gravest_comes_first():
    shown = snapshot_by_second(*ending_now(*TROUBLE, connect(daddr="10.0.0.1", **REFUSED, times=5)))
    found = findings_of(shown)
    assert [finding.kind for finding in found] == ["refused", "lost-syns", "some-refused"]
    assert list(found) == sorted(found, key=lambda finding: -finding.severity)


def test_findings_of_one_severity_stand_as_the_rows_of_the_table():
    """GIVEN five destinations that are bad THEN the row on top is the finding on top, and so on."""
    no_port = {"outcome": Outcome.ERROR, "error": EADDRNOTAVAIL}
    parts = (
        connect(daddr="10.0.0.1", dport=1011, **no_port, times=4),
        connect(daddr="10.0.0.2", outcome=Outcome.TIMEOUT, error=ETIMEDOUT, rtx=3, times=107),
        connect(daddr="10.0.0.3", **REFUSED, times=30),
        with_lost_syns(daddr="10.0.0.4", times=900),
        connect(daddr="10.0.0.5", **no_port, times=20), connect(daddr="10.0.0.5", times=20),
    )  # fmt: skip
    shown = snapshot_by_second(*ending_now(*parts))
    found = findings_of(shown)
    assert {finding.severity for finding in found} == {Severity.BAD}
    rows = [make_view(shown, ViewSpec()).find(finding.identity("dest")) for finding in found]
    assert rows == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("group_by", list(GROUPINGS))
def test_every_finding_leads_to_a_row(group_by):
    """GIVEN a table grouped in any way THEN each finding names a row of it, and of its own grouping."""
    shown = snapshot_by_second(*ending_now(*TROUBLE, given_up(*[800] * 5)))
    found = findings_of(shown, group_by)
    assert len(found) == 3
    for finding in found:
        for name in (finding.group_by, group_by):
            assert make_view(shown, ViewSpec(name)).find(finding.identity(name)) is not None
    assert len({finding.name for finding in found}) == 3


def test_a_row_has_its_own_findings():
    shown = snapshot_by_second(*ending_now(*TROUBLE))
    view = make_view(shown, ViewSpec())
    kinds = {
        key["daddr"].tobytes()[3]: [finding.kind for finding in explain(Selection(view, row), clock)]
        for row, key in enumerate(view.keys)
    }
    assert kinds == {1: [], 2: ["lost-syns"], 3: ["refused"]}


def test_a_comparison_that_is_on_is_not_denied():
    """GIVEN a view with a baseline WHEN nothing stands out THEN changes are not denied."""
    shown = snapshot_by_second(*ending_now(connect(times=4)))
    view = make_view(shown, ViewSpec(), make_view(shown, ViewSpec()))
    text = nothing_found_text(Selection(view))
    assert text.endswith("; what changed is not looked at here: it is in the table")
    assert "what changed" not in nothing_found_text(Selection(make_view(shown, ViewSpec())))


def test_a_filter_is_heeded():
    shown = snapshot_by_second(*ending_now(*TROUBLE))
    assert [finding.kind for finding in findings_of(shown, where="comm=other")] == ["refused"]


def test_names_from_outside_are_made_safe():
    (found,) = findings(connect(**REFUSED, times=9, comm="a\x1b[31m"))["refused"]
    assert "a·[31m" in found.evidence


def test_nothing_in_the_window_is_explained_by_nothing():
    shown = snapshot_by_second(connect(end_ns=1, latency_ns=1))
    assert findings_of(shown) == ()


def test_what_was_looked_at_is_said_when_nothing_stands_out():
    def said(*parts, host=None):
        return nothing_found_text(
            Selection(make_view(snapshot_by_second(*ending_now(*parts), host=host), ViewSpec()))
        )

    text = said(connect(times=3), connect(daddr="10.0.0.2"))
    assert text.startswith("nothing stands out in 4 connects to 2 destinations in 1m: no connect refused, ")
    assert ", no timeout or error, nothing unreachable, no retransmitted SYN, " in text
    assert "not checked: local ports (no data about their network namespace)" in text
    assert text.endswith("time before the first SYN (these probes do not see it)")
    assert "slow local work" not in text
    assert "not checked" not in said(with_local_work(1000, 2000), host=NetnsFacts((1, 9)))


def test_folded_keys_are_not_taken_for_a_destination():
    shown = snapshot_by_second(*ending_now(connect(**REFUSED, times=9)))
    keys = shown.window.keys.copy()
    keys["special"] = 1
    folded = replace(shown, window=replace(shown.window, keys=keys))
    assert findings_of(folded) == ()


def test_a_storm_of_everything_breaks_nothing():
    """GIVEN every outcome at many destinations THEN each kind has few findings."""
    events = random_records(20_000, 700)
    events["error"] = np.where(events["outcome"] == Outcome.ERROR, 99, events["error"])
    found = findings_of(snapshot_by_second(*ending_now(events), host=NetnsFacts((1, 9), {}, ())))
    kinds = [finding.kind for finding in found]
    assert all(kinds.count(kind) <= 3 for kind in kinds)
    assert all("nan" not in f"{finding.title} {finding.evidence}" for finding in found)
    assert len(join(events)) == 20_000
