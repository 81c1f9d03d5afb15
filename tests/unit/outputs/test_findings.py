"""The findings in JSON documents."""

from __future__ import annotations

import pytest
from test_documents import snapshot

from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.outputs.document import view_document


@pytest.mark.parametrize("group_by", ["dest", "process"])
def test_findings_have_text_figures_scope_and_the_next_step(group_by: str) -> None:
    document = view_document(make_view(snapshot(), ViewSpec(group_by)))
    (finding,) = document["findings"]
    (row,) = finding["scope"].pop("rows")
    assert (row["daddr"], row["dport"], row["ok"]) == ("10.9.1.7", 9100, 0)
    assert row["failed"] == row["outcomes"]["refused"] == finding["connects"] > 0
    assert finding == {
        "kind": "refused",
        "severity": "bad",
        "text": "10.9.1.7:9100 refuses every connect",
        "evidence": f"{row['failed']} refused, no success seen: no listener, or a firewall rejects it;"
        " by probe",
        "connects": row["failed"],
        "scope": {"group_by": "dest"},
        "next_step": {
            "where": "on 10.9.1.7",
            "command": "ss -ltn sport = :9100",
            "tells": finding["next_step"]["tells"],
        },
    }


def test_an_ignored_kind_and_what_is_filtered_away_is_no_finding() -> None:
    for spec in (ViewSpec(ignore=("refused",)), ViewSpec(where=parse_filter("nginx"))):
        assert view_document(make_view(snapshot(), spec))["findings"] == []
