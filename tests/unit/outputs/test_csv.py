"""The CSV: one header for every grouping, the values of the JSON document, and no harm from names."""

from __future__ import annotations

import csv
import io

import pytest
from records import connect, random_records, snapshot

from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.document import view_document
from tcpconntop.outputs.table_csv import HEADER, view_csv


def read(view):
    """Read it as a spreadsheet does."""
    return list(csv.reader(io.StringIO(view_csv(view), newline="")))


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_given_any_grouping_then_the_header_is_the_same_and_the_figures_are_those_of_the_document(grouping):
    view = make_view(snapshot(random_records(500, 40, 1)), ViewSpec(grouping))
    header, *lines = read(view)
    assert tuple(header) == HEADER
    rows = view_document(view)["rows"]
    assert len(lines) == len(rows) > 0
    for line, row in zip(lines, rows, strict=True):
        flat = dict(zip(header, line, strict=True))
        for name, value in (row | row["outcomes"]).items():
            if name != "outcomes":
                assert flat[name] == ("" if value is None else str(value))


def test_given_every_field_of_the_document_then_the_header_has_it():
    rows = [
        row | row["outcomes"]
        for grouping in GROUPINGS
        for row in view_document(make_view(snapshot(connect()), ViewSpec(grouping)))["rows"]
    ]
    assert {name for row in rows for name in row} - {"outcomes"} == set(HEADER) - {"other"}


@pytest.mark.parametrize(
    ("comm", "cell"),
    [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "·=1"),
        ("a\r\nb", "a··b"),
        ('say "x",y;z', 'say "x",y;z'),
        ("\x1b[31m", "·[31m"),
        ("plain", "plain"),
    ],
)
def test_given_a_name_that_means_harm_then_it_is_one_cell_and_no_formula(comm, cell):
    view = make_view(snapshot(connect(comm=comm)), ViewSpec("process"))
    header, line = read(view)
    assert line[header.index("comm")] == cell
    assert len(line) == len(HEADER)


def test_given_no_connect_that_succeeded_then_the_latencies_are_empty():
    view = make_view(snapshot(connect(outcome=Outcome.REFUSED, error=111)), ViewSpec())
    header, line = read(view)
    assert {line[header.index(name)] for name in HEADER if name.endswith("_us")} == {""}
    assert line[header.index("refused")] == "1"


def test_given_nothing_then_there_is_the_header_alone():
    assert read(make_view(snapshot(), ViewSpec())) == [list(HEADER)]
