"""What failed, told apart by outcome and errno."""

from __future__ import annotations

import errno as e
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from records import connect, join, random_records, snapshot_of
from records import snapshot as of_records

from tcpconntop.core.analysis.errnos import outcome_of_errno
from tcpconntop.core.analysis.failures import ERRNO_MEANINGS, MAX_NAMES, OUTCOME_MEANINGS, Failure, failures
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome, address_text

START_S = 12_000
REFUSED = {"outcome": Outcome.REFUSED, "error": e.ECONNREFUSED}
TIMEOUT = {"outcome": Outcome.TIMEOUT, "error": e.ETIMEDOUT}
CANCELLED = {"outcome": Outcome.CANCELLED}


def found_in(*parts, row=None, spec=None) -> tuple[Failure, ...]:
    return failures(Selection(make_view(of_records(*parts), spec or ViewSpec()), row))


def test_retransmissions_are_those_of_the_failed_connects_alone():
    lossy = connect(rtx=4, times=75)
    (failure,) = found_in(lossy, connect(**TIMEOUT, rtx=3))
    assert (failure.count, failure.syn_retransmits) == (1, 3)


def test_retransmissions_are_unknown_once_a_record_is_no_longer_kept():
    (failure,) = found_in(connect(**TIMEOUT, rtx=3, times=5_000))
    assert (failure.count, failure.syn_retransmits) == (5_000, None)


def told(window_s, seconds, per_second):
    window = RollingWindow(window_s)
    for second in range(START_S, START_S + seconds):
        window.ingest(per_second(second), second * SECOND_NS)
    now_ns = (START_S + seconds - 1) * SECOND_NS + SECOND_NS // 2
    span_s = window.span_s(START_S * SECOND_NS, now_ns)
    return {
        f.errno: f for f in failures(Selection(make_view(snapshot_of(window, now_ns, span_s), ViewSpec())))
    }


def test_given_records_then_every_figure_is_that_of_a_reckoning_one_by_one():
    errnos = np.array([0, 0, e.ECONNREFUSED, e.ETIMEDOUT, e.EHOSTUNREACH, e.ENETUNREACH, e.EPERM])
    records = random_records(900, 40, seed=3)
    records["error"] = np.where(records["outcome"] > 0, errnos[np.arange(900) % 7], 0)
    failed = records["outcome"] > 0
    records["outcome"][failed] = [outcome_of_errno(number) for number in records["error"][failed].tolist()]
    counts, rtx_of, destinations = Counter(), Counter(), defaultdict(Counter)
    for record in records:
        key = (record["daddr"].tobytes(), int(record["dport"]), int(record["tgid"]))
        if record["outcome"] != Outcome.OK:
            kind = (Outcome(record["outcome"]), int(record["error"]))
            rtx_of[kind] += int(record["syn_retransmits"])
            counts[kind] += 1
            destinations[kind][key] += 1
    found = found_in(records)
    assert {(f.outcome, f.errno): f.count for f in found} == counts
    assert [f.count for f in found] == sorted(counts.values(), reverse=True)
    for failure in found:
        keys = destinations[failure.outcome, failure.errno]
        assert failure.share == failure.count / 900
        assert failure.rate_hz == failure.count / 10
        assert failure.syn_retransmits == rtx_of[failure.outcome, failure.errno]
        by_place = Counter()
        for (daddr, dport, _), n in keys.items():
            by_place[f"{address_text(daddr, 4)}:{dport}"] += n
        assert len(failure.destinations.names) + failure.destinations.others == len(by_place)
        assert [by_place[name] for name in failure.destinations.names] == sorted(
            by_place.values(), reverse=True
        )[:MAX_NAMES]
        assert failure.processes == (("curl",), 0)


def test_given_a_row_then_only_its_failures_count():
    spec = ViewSpec("port", sort="dport", descending=False)
    parts = (connect(dport=1, times=3, **REFUSED), connect(dport=2, times=4, **TIMEOUT), connect(dport=3))
    for row, (outcome, n) in enumerate([(Outcome.REFUSED, 3), (Outcome.TIMEOUT, 4)]):
        found = found_in(*parts, row=row, spec=spec)
        assert [(f.outcome, f.count, f.share) for f in found] == [(outcome, n, 1.0)]
    assert found_in(*parts, row=2, spec=spec) == ()


def test_given_sockets_without_an_error_then_what_was_cancelled_is_told_from_what_failed_inside_the_call():
    found = found_in(
        connect(times=3, **CANCELLED),
        connect(times=2, outcome=Outcome.ERROR),
        connect(times=5, outcome=Outcome.ERROR, error=e.EADDRNOTAVAIL),
        connect(pid=7, times=4, outcome=Outcome.ERROR),
    )
    assert {f.title: f.count for f in found} == {"error EADDRNOTAVAIL": 5, "error": 6, "cancelled": 3}


def test_given_an_errno_without_a_name_then_its_number_is_shown():
    assert [f.title for f in found_in(connect(outcome=Outcome.ERROR, error=60_000))] == ["error 2047"]


def test_given_names_then_processes_of_one_name_are_one_and_the_busiest_come_first():
    parts = [connect(pid=pid, comm="nginx", times=2, **REFUSED) for pid in range(1, 6)]
    parts += [connect(comm=f"p{n}", times=n, **REFUSED) for n in range(1, 12) if n != 10]
    (failure,) = found_in(*parts)
    assert failure.processes == (("p11", "nginx", "p9", "p8", "p7", "p6", "p5", "p4"), 3)
    assert failure.destinations == (("10.0.0.1:443",), 0)


def test_given_foreign_names_then_they_are_safe_to_show_and_v6_addresses_have_brackets():
    (failure,) = found_in(connect(comm="\x1b[31m[red]evil", daddr="fd00::1", **REFUSED))
    assert failure.processes.names == ("·[31m[red]evil",)
    assert failure.destinations.names == ("[fd00::1]:443",)


def test_given_a_minute_then_the_first_and_the_last_are_known_to_the_second():
    def per_second(second):
        at = second - START_S
        return join(
            connect(),
            connect(times=int(at in (12, 30, 41)), **REFUSED),
            connect(times=int(at == 59), **TIMEOUT),
            connect(times=int(at == 50), **CANCELLED),
        )

    found = told(60, 60, per_second)  # the last second is half over
    assert (found[e.ECONNREFUSED].first_s, found[e.ECONNREFUSED].last_s) == (47.5, 17.5)
    assert (found[0].first_s, found[0].last_s) == (9.5, 8.5)
    assert (found[e.ETIMEDOUT].first_s, found[e.ETIMEDOUT].last_s) == (0.5, 0.0)


@pytest.mark.parametrize("window_s", [900, *(pytest.param(s, marks=pytest.mark.long) for s in (300, None))])
def test_given_a_long_window_then_the_ages_are_off_by_a_slice_at_most(window_s):
    seen_at = (40, 70, 111)
    found = told(
        window_s, 290,
        lambda second: join(connect(), connect(times=int(second - START_S in seen_at), **REFUSED)),
    )[e.ECONNREFUSED]  # fmt: skip
    assert found.count == 3
    assert 289.5 - 40 <= found.first_s <= 289.5 - 40 + 10
    assert 289.5 - 112 - 10 <= found.last_s <= 289.5 - 111


def test_given_no_end_then_what_is_older_than_the_slices_has_no_age():
    kinds = {3: REFUSED, 980: REFUSED, 4: TIMEOUT, 990: CANCELLED}
    nothing = connect(times=0)

    def per_second(second):
        at = second - START_S
        return connect(**kinds[at]) if at in kinds else connect() if at % 10 == 0 else nothing

    found = told(None, 1000, per_second)
    assert math.isnan(found[e.ECONNREFUSED].first_s)
    assert found[e.ECONNREFUSED].last_s == 18.5
    assert math.isnan(found[e.ETIMEDOUT].first_s)
    assert math.isnan(found[e.ETIMEDOUT].last_s)
    assert (found[0].first_s, found[0].last_s) == (9.5, 8.5)


@pytest.mark.parametrize(("before_s", "began_before"), [(61, True), (110, True), (0, False), (200, False)])
def test_given_a_failure_just_before_the_window_then_the_first_in_it_is_not_the_first(before_s, began_before):
    def per_second(second):
        ago_s = START_S + 290 - second
        return join(connect(), connect(times=int(ago_s in (30, before_s)), **REFUSED))

    found = told(60, 290, per_second)[e.ECONNREFUSED]
    assert (found.count, found.first_s, found.began_before) == (1, 29.5, began_before)


def test_given_no_failure_then_there_is_none():
    assert found_in(connect(times=4)) == ()


def test_given_equal_counts_then_the_latest_comes_first():
    found = told(
        60, 20,
        lambda second: join(
            connect(times=int(second == START_S + 4), **REFUSED),
            connect(times=int(second == START_S + 9), **TIMEOUT),
        ),
    )  # fmt: skip
    assert list(found) == [e.ETIMEDOUT, e.ECONNREFUSED]


def test_every_outcome_that_is_a_failure_has_a_meaning_and_an_errno_may_have_a_better_one():
    assert set(OUTCOME_MEANINGS) == set(Outcome) - {Outcome.OK}
    assert all(outcome_of_errno(number) in (Outcome.ERROR, Outcome.UNREACHABLE) for number in ERRNO_MEANINGS)
    refused, forbidden = found_in(connect(times=2, **REFUSED), connect(outcome=Outcome.ERROR, error=e.EPERM))
    assert refused.meaning == "a reset answered: nothing listens there, or a firewall rejects it"
    assert forbidden.meaning == "a firewall or a security policy of this machine forbids it"


def test_an_error_that_is_not_known_has_no_cause():
    """GIVEN errors without an errno, or with one that has no text THEN no cause is claimed."""
    error = {"outcome": Outcome.ERROR}
    unknown, other = found_in(connect(times=2, **error), connect(**error, error=e.ECONNABORTED))
    assert unknown.meaning == "it failed; no errno is known that tells why"
    assert other.meaning == "the kernel reported this error"
