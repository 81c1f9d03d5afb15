"""docs/json.md names every field of the JSON documents, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from records import connect, join, snapshot

from tcpconntop.core.places import NO_PLACES
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.document import event_documents, view_document

TEXT = (Path(__file__).parents[3] / "docs/json.md").read_text("utf-8")
DOCUMENT, WINDOW, ROW, FINDING, CONNECT, _ = (
    part for part in TEXT.split("\n\n") if part.startswith("| field |")
)
EVENTS = join(connect(), connect(dport=9, outcome=Outcome.REFUSED, error=111, times=9))


def fields(table: str) -> set[str]:
    """Return the fields that the first column of a table names."""
    return {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_given_a_document_of_a_table_then_the_docs_name_its_fields():
    document = view_document(make_view(snapshot(EVENTS), ViewSpec()))
    assert fields(DOCUMENT) == {*document, "percentiles", "hosts", "alerts"}
    assert fields(FINDING) == {*document["findings"][0]}
    of_key = {"netns", "namespaces", "processes", "more_processes", "host", "hosts"}
    assert fields(WINDOW) == {*document["window"]} - fields(ROW)
    assert {*document["window"]} - fields(WINDOW) == fields(ROW) - of_key
    keys = {"daddr", "dport", "family", "pid", "comm", "unit"}
    assert fields(ROW) - {"host", "hosts"} == {*document["rows"][0]} - keys


def test_given_a_document_of_a_connect_then_the_docs_name_its_fields():
    (document,) = event_documents(EVENTS[:1], 0, {}, NO_PLACES)
    assert fields(CONNECT) == {*document, "host"}
