"""Filters by how a single connect ended."""

from __future__ import annotations

from errno import ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT

import pytest
from records import connect, join

from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.wire import Outcome

EVENTS = join(
    connect(),
    connect(outcome=Outcome.REFUSED, error=ECONNREFUSED),
    connect(outcome=Outcome.TIMEOUT, error=ETIMEDOUT, dport=80),
    connect(outcome=Outcome.UNREACHABLE, error=EHOSTUNREACH),
    connect(outcome=Outcome.UNREACHABLE, error=ENETUNREACH, dport=80),
    connect(outcome=Outcome.CANCELLED),
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("result=refused", [1]),
        ("!result=ok", [1, 2, 3, 4, 5]),
        ("result=refused,timeout", [1, 2]),
        ("result=unreachable dport=80", [4]),
        ("errno=ENETUNREACH", [4]),
        ("errno=enetunreach,110", [2, 4]),
        ("errno=0", [0, 5]),
        ("errno=0 !result=ok", [5]),
        ("result=ok result=refused", []),
    ],
)
def test_single_connects_are_chosen_by_how_they_ended(text, kept):
    mask = parse_filter(text, of_connects=True).match_connects(EVENTS)
    assert [index for index, is_kept in enumerate(mask) if is_kept] == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("result=reset", "no result is called 'reset'; there are: ok, refused, timeout"),
        ("result=", "no result is called ''"),
        ("result~ref", "'result' cannot be compared with '~'"),
        ("errno>3", "'errno' cannot be compared with '>'"),
        ("errno=EWHAT", "no errno is called 'EWHAT'; ECONNREFUSED and 111"),
        ("errno=99999", "no errno is called '99999'"),
        ("reason=x", "no field is called 'reason'; there are: .*result, errno$"),
    ],
)
def test_what_is_no_result_is_refused(text, message):
    with pytest.raises(FilterError, match=message):
        parse_filter(text, of_connects=True)


def test_rows_have_no_single_result():
    with pytest.raises(FilterError, match="'result' is of single connects: log, record and export"):
        parse_filter("result=refused")
