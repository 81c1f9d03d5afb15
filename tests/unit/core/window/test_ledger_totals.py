"""The ledger balances."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import Outcome

NUMBER = some.integers(0, 10**12)


@given(NUMBER, some.tuples(*[NUMBER] * len(Outcome)))
def test_given_attempts_then_they_are_the_outcomes_and_those_in_flight(in_flight, outcomes):
    ledger = Ledger(attempts=in_flight + sum(outcomes), outcomes=outcomes)
    assert ledger.in_flight == in_flight
    assert ledger.ended + ledger.in_flight == ledger.attempts
    assert ledger.failed == ledger.ended - outcomes[Outcome.OK] == sum(outcomes[1:])


def test_given_full_buffers_then_all_that_is_missing_is_lost():
    assert Ledger(lost_records=3, lost_starts=4, below_minimum=9).lost == 7


def test_given_a_fresh_ledger_then_it_is_balanced_and_completeness_is_not_known():
    ledger = Ledger()
    assert (ledger.attempts, ledger.ended, ledger.in_flight, ledger.lost) == (0, 0, 0, 0)
    assert ledger.completeness is None


def test_given_attempts_that_were_not_followed_then_more_may_be_in_flight():
    ledger = Ledger(attempts=9, outcomes=(5, 0, 0, 0, 0, 0), lost_starts=7, lost_outcomes=(0, 3, 0, 0, 1, 0))
    assert (ledger.in_flight, ledger.more_in_flight) == (4, 3)


def test_given_missing_records_then_completeness_is_of_the_rows():
    ledger = Ledger(attempts=100, outcomes=(100, 0, 0, 0, 0, 0), lost_records=20, completeness=0.8)
    missing = ledger.plus_missing(40)
    assert (missing.lost_records, missing.completeness) == (60, 0.4)
    assert ledger.plus_missing(0) is ledger
    assert Ledger(attempts=3).plus_missing(1).completeness is None
