"""The list of the kinds of findings: its texts, its order, and what `ignore` leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from explaining import clock, ending_now, findings, findings_of, snapshot_by_second, with_lost_syns
from records import connect

from tcpconntop.core.analysis.explain import KINDS, explain, nothing_found_text, parse_kinds
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import Outcome

REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
BROKEN_IPV6 = (connect(daddr="fd00::1", **REFUSED, times=9), connect(times=9))


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_is_documented(kind):
    """GIVEN a kind THEN it says what it shows, on what evidence, and when it must not fire."""
    for text in (kind.kind, kind.shows, kind.based_on, kind.silent):
        assert text
        assert "\n" not in text
        assert not text.endswith(".")
    assert kind.kind == kind.kind.lower().strip()
    assert kind.check.__doc__.startswith("Return ")


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_comes_after_kinds_of_the_list(kind):
    assert {cls.kind for cls in kind.after} <= set(KINDS) - {kind.kind}


def test_a_kind_that_claims_keys_is_checked_before_those_that_leave_them_out():
    """GIVEN IPv6 that is broken WHEN its address refuses THEN it is found once, not twice."""
    assert set(findings(*BROKEN_IPV6)) == {"family"}
    assert set(findings(BROKEN_IPV6[0])) == {"refused"}


def test_ignored_kinds_are_left_out_and_nothing_takes_their_place():
    """GIVEN two kinds are found WHEN one is ignored THEN the other is left; what it claims stays claimed."""
    shown = snapshot_by_second(*ending_now(*BROKEN_IPV6, with_lost_syns(daddr="10.0.0.2", times=9)))
    assert [finding.kind for finding in findings_of(shown)] == ["lost-syns", "family"]
    for ignore, kinds in ((("family",), ["lost-syns"]), (("lost-syns",), ["family"]), (tuple(KINDS), [])):
        view = make_view(shown, ViewSpec(ignore=ignore))
        assert [finding.kind for finding in explain(Selection(view), clock)] == kinds


def test_what_is_ignored_is_named_when_nothing_stands_out():
    spec = ViewSpec(ignore=("family", "gives-up", "ports"))
    text = nothing_found_text(Selection(make_view(snapshot_by_second(*ending_now(connect(times=3))), spec)))
    assert text.endswith("; ignored: family, gives-up, ports")
    assert "IPv6" not in text
    assert "local ports" not in text
    everything = replace(spec, ignore=tuple(KINDS))
    text = nothing_found_text(
        Selection(make_view(snapshot_by_second(*ending_now(connect(times=3))), everything))
    )
    assert text.startswith("nothing stands out in 3 connects to 1 destination in 1m; ignored: ports, ")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("", ()), ("family", ("family",)), (" ports, family,,ports", ("ports", "family"))],
)
def test_a_list_of_kinds_is_separated_by_commas(text, kinds):
    assert parse_kinds(text) == kinds


def test_an_unknown_kind_is_refused_with_the_names_of_all():
    with pytest.raises(
        ValueError, match=r"no finding is called 'famly'; there are: accept-queue, family, "
    ) as caught:
        parse_kinds("ports,famly")
    assert all(name in str(caught.value) for name in KINDS)
