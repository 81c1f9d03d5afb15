"""Which columns a user wants."""

from __future__ import annotations

import pytest
from records import connect, join, snapshot

from tcpconntop.core.view.baseline import CHANGES
from tcpconntop.core.view.column_choice import (
    CHOOSABLE,
    choose_columns,
    known_columns,
    parse_columns,
    shown_columns,
)
from tcpconntop.core.view.columns import COLUMNS, columns_of
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.key_fields import FILTERABLE
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.metrics import METRICS
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.batch import table_text


def keys(spec: ViewSpec) -> list[str]:
    return [column.key for column in shown_columns(make_view(snapshot(connect()), spec))]


def test_given_a_list_then_it_is_the_order_of_the_columns():
    """GIVEN a list of columns WHEN it is read THEN they are shown in its order."""
    choice = parse_columns("p99, daddr,mean")
    assert choice == ("p99", "daddr", "mean")
    assert keys(ViewSpec(columns=choice)) == ["p99", "daddr", "mean"]


def test_given_names_of_the_command_line_then_they_mean_the_same_columns():
    """GIVEN words of `--group` WHEN they name columns or fields of a filter THEN they are aliases."""
    assert parse_columns("dest,port,process") == ("daddr", "dport", "comm")
    picture = snapshot(connect(), connect("10.0.0.2", dport=80, comm="other"))
    for text in ("port=80", "process=other", "dest~0.2"):
        assert len(make_view(picture, ViewSpec(where=parse_filter(text)))) == 1, text


def test_given_metrics_and_fields_of_keys_then_each_has_a_column_of_its_name():
    """GIVEN what filters can name WHEN columns are listed THEN each has one; the others are changes."""
    compared = {key for key, column in COLUMNS.items() if column.needs_baseline}
    assert set(COLUMNS) - compared == {*METRICS, *FILTERABLE, "trouble"}
    assert compared == set(CHANGES)


@pytest.mark.parametrize(("text", "named"), [("daddr,nope", "'nope'"), ("", "''"), ("p99,p99", "twice")])
def test_given_a_list_that_is_wrong_then_one_line_says_so(text, named):
    """GIVEN a wrong list WHEN it is read THEN one line names what is wrong, and what there is."""
    with pytest.raises(ValueError, match=named) as caught:
        parse_columns(text)
    assert "\n" not in str(caught.value)
    if named != "twice":
        assert all(key in str(caught.value) for key in CHOOSABLE)


def test_given_a_choice_of_another_version_then_what_is_known_of_it_stays():
    """GIVEN stored keys WHEN some are unknown or there twice THEN the others are the choice."""
    assert known_columns(["p99", "gone", "daddr", "p99"]) == ("p99", "daddr")


def test_given_another_grouping_then_its_rows_can_still_be_told_apart():
    """GIVEN a choice for destinations WHEN grouped by process THEN the process comes first."""
    assert keys(ViewSpec("process", columns=("daddr", "p99"))) == ["pid", "p99"]
    assert keys(ViewSpec("process", columns=("p99", "pid"))) == ["p99", "pid"]
    assert keys(ViewSpec("unit", columns=("p99",))) == ["unit", "p99"]


def test_given_no_choice_then_the_usual_columns_and_the_sorted_one_are_there():
    """GIVEN no choice WHEN sorted by a column that is not usual THEN it is there all the same."""
    columns = columns_of(make_view(snapshot(connect()), ViewSpec()))
    assert "mean" not in [column.key for column in choose_columns(columns, "p99", ())]
    assert "mean" in [column.key for column in choose_columns(columns, "mean", ())]


def test_given_failures_then_each_outcome_can_be_a_column_and_be_filtered_by():
    """GIVEN failures of two kinds WHEN their columns are asked for THEN each counts its own."""
    picture = snapshot(
        join(
            connect(),
            connect(outcome=Outcome.REFUSED, error=111, times=3),
            connect("10.0.0.2", outcome=Outcome.TIMEOUT, error=110, times=2),
        )
    )
    spec = ViewSpec(sort="count", columns=("daddr", "refused", "timeout", "trend"))
    assert [line.split() for line in table_text(make_view(picture, spec)).splitlines()[2:]] == [
        ["DESTINATION", "REFUSED", "TIMEOUT", "COUNT"],
        ["10.0.0.1", "3", "0", "4"],
        ["10.0.0.2", "0", "2", "2"],
    ]
    assert len(make_view(picture, ViewSpec(where=parse_filter("timeout>0")))) == 1
