"""Destinations that time out, cannot be reached, or fail."""

from __future__ import annotations

import pytest
from explaining import findings
from records import connect, join

from tcpconntop.core.analysis.explain import Severity
from tcpconntop.core.wire import Outcome

TIMEOUT = {"outcome": Outcome.TIMEOUT, "error": 110}
UNREACHABLE = {"outcome": Outcome.UNREACHABLE, "error": 113}


def test_a_destination_that_does_not_answer():
    (found,) = findings(connect(**TIMEOUT, times=4), connect(**UNREACHABLE))["unanswered"]
    assert found.title == "10.0.0.1:443 does not answer: 4 connects timed out, none succeeded"
    assert "(ETIMEDOUT)" in found.evidence
    assert found.severity is Severity.BAD


def test_a_destination_that_cannot_be_reached_now_and_then():
    (found,) = findings(connect(**UNREACHABLE, times=3), connect(times=97))["unanswered"]
    assert found.title == "3 of 100 connects to 10.0.0.1:443 (3.0%) failed as unreachable"
    assert found.severity is Severity.WARN


def test_a_destination_of_which_nothing_came_before_the_application_gave_up():
    left = [connect(outcome=Outcome.CANCELLED, rtx=2, latency_ns=ms * 1_000_000) for ms in (3100, 4500, 7300)]
    (found,) = findings(*left)["unanswered"]
    assert found.title == "10.0.0.1:443 does not answer: 3 connects were given up, none succeeded"
    assert "unanswered" not in findings(*left, connect(times=3))


def test_an_error_of_this_host():
    (found,) = findings(connect(outcome=Outcome.ERROR, error=1, times=5))["unanswered"]
    assert "(EPERM)" in found.evidence


def test_an_error_without_errno_is_not_explained():
    """GIVEN errors whose errno no probe saw THEN neither this machine nor anything else is blamed."""
    (found,) = findings(connect(outcome=Outcome.ERROR, times=5))["unanswered"]
    assert found.evidence == (
        "all 5 ended at 12:03:10; no errno is known that tells why: the socket had none when the"
        " attempt ended; by curl"
    )


@pytest.mark.parametrize(
    "events",
    [
        connect(**TIMEOUT),
        join(connect(**TIMEOUT, times=2), connect(times=9)),
        join(connect(**TIMEOUT, times=3), connect(times=500)),
        connect(outcome=Outcome.CANCELLED, times=3),
        connect(outcome=Outcome.REFUSED, error=111, times=9),
    ],
)
def test_too_little_or_something_else(events):
    assert "unanswered" not in findings(events)
