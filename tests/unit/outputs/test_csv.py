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
    return list(csv.reader(io.StringIO(view_csv(view_document(view)), newline="")))


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
            if name not in ("outcomes", "processes", "more_processes"):
                assert flat[name] == ("" if value is None else str(value))


def test_given_every_field_of_the_document_then_the_header_has_it():
    rows = [
        row | row["outcomes"]
        for grouping in GROUPINGS
        for row in view_document(make_view(snapshot(connect()), ViewSpec(grouping)))["rows"]
    ]
    of_csv = {name for row in rows for name in row} - {"outcomes", "processes", "more_processes"}
    assert of_csv == set(HEADER) - {"other"}


def test_given_several_processes_in_a_row_then_their_names_and_numbers_are_there_the_busiest_first():
    two = [connect(comm="curl", pid=7), connect(comm="nginx", pid=41, times=3), connect(comm="nginx", pid=42)]
    many = [connect(dport=8, comm=f"p{n}", pid=n, times=20 - n) for n in range(10)]
    header, *lines = read(make_view(snapshot(*two, *many), ViewSpec(sort="dport", descending=True)))
    named = [(line[header.index("comm")], line[header.index("pid")]) for line in lines]
    assert named == [
        ("nginx, curl", "41 7 42"),
        ("p0, p1, p2, p3, p4, p5, p6, p7 +2", "0 1 2 3 4 5 6 7 +2"),
    ]


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
