"""What is read of a server is what its exporters counted: whatever restarts, comes, goes, or stands still."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

import numpy as np
import pytest
from records import connect, random_records
from scraped import BEGAN_S, Host, Server

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import duration
from tcpconntop.core.hosts import BEHIND, GONE, LIVE, host_number
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.groups import GROUPINGS, destination_text
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S
from tcpconntop.prometheus.client import QueryError

STEP_S = 15


def scrape_all(server, at_s, *events_of_hosts):
    """Scrape all hosts at a moment, and let the time be a little later."""
    for host, events in zip(server.hosts, events_of_hosts, strict=False):
        host.scrape(at_s, *events)
    server.now_s = at_s + 2.0


def counts_of(counted):
    """Return the ended connects by host, destination, port and outcome."""
    counts = Counter()
    for part in counted:
        for key, outcomes in zip(part.keys, part.outcomes.tolist(), strict=True):
            place = (
                host_number(int(key["netns"])),
                destination_text(key, GROUPINGS["dest"]),
                int(key["dport"]),
            )
            counts.update({(*place, Outcome(n).label): count for n, count in enumerate(outcomes) if count})
    return counts


def begun(*hosts, **options):
    """Return a server whose hosts were scraped twice without a connect, and what polls it."""
    server = Server(*hosts)
    for at_s in (BEGAN_S - STEP_S, BEGAN_S):
        scrape_all(server, at_s, *([] for _ in hosts))
    poller = server.poller(history=False, **options)
    assert counts_of(poller.poll()) == {}
    return server, poller


def test_given_hosts_when_connects_end_then_each_is_counted_once_by_host_and_destination():
    server, poller = begun(Host("a:1"), Host("b:1"))
    assert poller.step_s == STEP_S
    failed = connect("10.0.0.2", 80, outcome=Outcome.REFUSED, times=5)
    scrape_all(server, BEGAN_S + 15, [connect(times=3), failed], [connect(times=7)])
    first = counts_of(poller.poll())
    assert first == {
        (1, "10.0.0.1", 443, "ok"): 3,
        (1, "10.0.0.2", 80, "refused"): 5,
        (2, "10.0.0.1", 443, "ok"): 7,
    }
    assert counts_of(poller.poll()) == {}
    scrape_all(server, BEGAN_S + 30, [connect(times=2)], [])
    scrape_all(server, BEGAN_S + 45, [connect(times=4)], [])
    counted = poller.poll()
    assert counts_of(counted) == {(1, "10.0.0.1", 443, "ok"): 6}
    assert [(part.second - BEGAN_S, part.seconds) for part in counted if len(part.keys)] == [
        (15, 15),
        (30, 15),
    ]
    ledgers = [host.counters.ledger() for host in poller.hosts]
    assert [(ledger.attempts, ledger.failed) for ledger in ledgers] == [(14, 5), (7, 0)]


@pytest.mark.parametrize("native", [False, True], ids=["classic", "native"])
def test_given_latencies_when_they_are_counted_then_percentiles_are_within_a_bucket(native):
    server, poller = begun(Host("a:1", native=native))
    events = random_records(20_000, 1, seed=3)
    window = RollingWindow(60, step_s=STEP_S)
    for n, part in enumerate(np.array_split(events, 3), 1):
        scrape_all(server, BEGAN_S + 15 * n, [part])
        for counted in poller.poll():
            window.ingest_counted(counted)
    state = window.state()
    ok = events[events["outcome"] == Outcome.OK]
    truth_s = np.sort((ok["end_ns"] - ok["begin_ns"]) / SECOND_NS)
    assert state.stats["outcomes"].sum() == len(events)
    assert state.latency.counts.sum() == len(ok)
    assert state.stats["sum_ns"].sum() == pytest.approx(truth_s.sum() * SECOND_NS, rel=1e-9)
    from tcpconntop.core.counts import quantiles_us

    qs = (0.1, 0.5, 0.9, 0.99, 0.999)
    rows = np.zeros(len(state.keys), np.int64)
    for q, us in zip(qs, quantiles_us(state.latency_pages.regroup(rows), 1, qs)[0], strict=True):
        true_s = truth_s[int(np.ceil(q * len(truth_s))) - 1]
        if native:
            assert us / 1e6 == pytest.approx(true_s, rel=0.03), (q, duration(us))
        else:
            buckets = [bisect_left(CLASSIC_BOUNDS_S, value) for value in (us / 1e6, true_s)]
            assert abs(buckets[0] - buckets[1]) <= 1, (q, duration(us), true_s)


@pytest.mark.parametrize("says_so", [True, False], ids=["it says so", "only its counters do"])
def test_given_an_exporter_that_is_restarted_then_its_counters_begin_anew(says_so):
    host = Host("a:1")
    server, poller = begun(host)
    scrape_all(server, BEGAN_S + 15, [connect(times=10)])
    assert sum(counts_of(poller.poll()).values()) == 10
    host.start(BEGAN_S + 20 if says_so else host.started_s)
    scrape_all(server, BEGAN_S + 30, [connect(times=12 if says_so else 4), connect("10.0.0.9", times=2)])
    assert counts_of(poller.poll()) == {
        (1, "10.0.0.1", 443, "ok"): 12 if says_so else 4,
        (1, "10.0.0.9", 443, "ok"): 2,
    }
    (counters,) = (host.counters for host in poller.hosts)
    assert counters.ledger().outcomes[Outcome.OK] == (24 if says_so else 16)
    assert counters.records == counters.ledger().attempts


def test_given_a_series_that_had_been_evicted_before_then_its_old_value_is_not_counted():
    host = Host("a:1", top=1)
    now_ns = 0
    host.source.now_ns = lambda: now_ns
    host.collector._source = host.source
    table = host.collector._table
    host.source.add(connect("10.0.0.1", times=50))
    host.collector.publish()
    for _ in range(40):  # 10.0.0.2 takes over the place, after the five minutes of the first one
        now_ns += 15 * SECOND_NS
        host.source.add(connect("10.0.0.2", times=9))
        host.collector.publish()
    assert [labels[0] for labels in table.snapshot().labels] == ["other", "10.0.0.2"]
    server, poller = begun(host)
    host.source.add(connect("10.0.0.1", times=3))
    table._evict(("10.0.0.2", "443", "4"))
    table._admit(("10.0.0.1", "443", "4"), now_ns)
    scrape_all(server, BEGAN_S + 15, [])
    assert sum(counts_of(poller.poll()).values()) == 0  # 53 is more than the host counted since
    scrape_all(server, BEGAN_S + 30, [connect("10.0.0.1", times=4)])
    assert counts_of(poller.poll()) == {(1, "10.0.0.1", 443, "ok"): 4}


def test_given_what_was_scraped_before_then_a_poller_begins_with_it():
    host = Host("a:1")
    server = Server(host)
    for n in range(30, -1, -1):
        scrape_all(server, BEGAN_S - STEP_S * n, [connect(times=30 - n)])
    poller = server.poller()
    assert poller.began_s == BEGAN_S - 900
    counted = poller.poll()
    assert sum(counts_of(counted).values()) == sum(range(1, 31))  # the first scrape is where it begins
    assert all(part.seconds == STEP_S and part.second % STEP_S == 0 for part in counted)


def test_given_a_host_that_appears_then_what_its_new_exporter_counted_is_counted():
    server, poller = begun(Host("a:1"))
    old, new = Host("b:1"), Host("c:1", started_s=BEGAN_S + 1)
    for host in (old, new):
        host.source.add(connect(times=5))
    server.hosts += [old, new]
    scrape_all(server, BEGAN_S + 15, [], [], [])
    assert counts_of(poller.poll()) == {(3, "10.0.0.1", 443, "ok"): 5}
    scrape_all(server, BEGAN_S + 30, [], [connect(times=2)], [connect(times=3)])
    assert counts_of(poller.poll()) == {(2, "10.0.0.1", 443, "ok"): 2, (3, "10.0.0.1", 443, "ok"): 3}


def states(server, poller, failure=""):
    pictures = [host.picture() for host in poller.hosts]
    return [
        (state.state, state.behind_s, state.note)
        for state in (p.state(server.now_s, 47, failure) for p in pictures)
    ]


def test_given_a_host_that_cannot_be_scraped_then_it_is_gone_until_it_is_back():
    killed = Host("b:1")
    server, poller = begun(Host("a:1"), killed)
    killed.gone_s = BEGAN_S + 10
    server.hosts[0].scrape(BEGAN_S + 15, connect(times=3))
    server.now_s = BEGAN_S + 17.0
    assert sum(counts_of(poller.poll()).values()) == 3
    assert states(server, poller) == [(LIVE, 0, ""), (GONE, 0, "Prometheus does not scrape it now")]
    scrape_all(server, BEGAN_S + 30, [connect(times=2)], [connect(times=7)])
    assert counts_of(poller.poll()) == {(1, "10.0.0.1", 443, "ok"): 2, (2, "10.0.0.1", 443, "ok"): 7}
    assert {state for state, _, _ in states(server, poller)} == {LIVE}


def test_given_a_server_that_is_gone_then_figures_stay_with_their_age_and_what_was_missed_is_made_up_for():
    server, poller = begun(Host("a:1"))
    server.failure = "connection refused"
    for n in range(1, 5):
        scrape_all(server, BEGAN_S + 15 * n, [connect(times=n)])
        with pytest.raises(QueryError):
            poller.poll()
    assert states(server, poller, server.failure) == [(BEHIND, 62, "connection refused")]
    server.failure = ""
    counted = poller.poll()
    assert [int(part.outcomes.sum()) for part in counted if len(part.keys)] == [1, 2, 3, 4]
    assert states(server, poller) == [(LIVE, 0, "")]


def test_given_one_host_whose_answer_fails_then_what_it_missed_is_in_the_span_that_it_comes_in():
    failing = Host("b:1")
    server, poller = begun(Host("a:1"), failing)
    answer = server.ask

    def ask(what, parameters):
        if what == "query_range" and 'instance="b:1"' in parameters["query"]:
            raise QueryError("no answer")
        return answer(what, parameters)

    server.ask = ask
    scrape_all(server, BEGAN_S + 15, [connect(times=2)], [connect(times=3)])
    assert counts_of(poller.poll()) == {(1, "10.0.0.1", 443, "ok"): 2}
    server.ask = answer
    counted = poller.poll()  # nothing is new but this
    assert counts_of(counted) == {(2, "10.0.0.1", 443, "ok"): 3}
    assert [(part.second, part.seconds) for part in counted] == [(BEGAN_S, 15)]
    server.ask = ask
    scrape_all(server, BEGAN_S + 30, [connect()], [connect(times=5)])
    poller.poll()
    server.ask = answer
    scrape_all(server, BEGAN_S + 45, [connect()], [connect(times=7)])
    counted = poller.poll()
    assert counts_of(counted) == {(1, "10.0.0.1", 443, "ok"): 1, (2, "10.0.0.1", 443, "ok"): 12}
    assert [part.second for part in counted] == [BEGAN_S + 30]


def test_given_a_long_gap_then_its_connects_are_counted_before_the_steps_that_are_made_up_for():
    server, poller = begun(Host("a:1"))
    for n in range(1, 101):
        scrape_all(server, BEGAN_S + 15 * n, [connect()])
    counted = poller.poll()
    counts = [int(part.outcomes.sum()) for part in counted if len(part.keys)]
    assert sum(counts) == 100
    assert counts[0] == 40
    assert len(counts) == 61


def test_given_a_server_without_exporters_then_it_says_what_to_do():
    with pytest.raises(FatalError, match="prometheus:9090 has no metrics of tcpconntop: it must scrape"):
        Server().poller()


@pytest.mark.parametrize(
    ("by", "texts"),
    [
        ("dest", [("10.0.0.1", 443), ("fe80::1%2", 22)]),
        ("subnet", [("10.0.0.0/24", 0), ("fe80::/64", 0)]),
        ("port", [("-", 22), ("-", 443)]),
        ("unit", [("-", 0)]),
    ],
)
def test_given_the_labels_of_an_exporter_then_keys_tell_what_they_tell(by, texts):
    server, poller = begun(Host("a:1", by=by))
    scrape_all(server, BEGAN_S + 15, [connect(), connect("fe80::1", 22, netns=9, scope_id=2)])
    keys = np.concatenate([part.keys for part in poller.poll()])
    places = poller.hosts.places()
    assert (
        sorted((destination_text(key, GROUPINGS["dest"], places), int(key["dport"])) for key in keys) == texts
    )
    assert list(poller.hosts.units().values()) == (["a.service"] if by == "unit" else [])


def test_given_connects_that_have_no_series_of_their_own_then_they_are_other():
    server, poller = begun(Host("a:1", top=1))
    scrape_all(server, BEGAN_S + 15, [connect(times=3), connect("10.0.0.2", times=2)])
    assert counts_of(poller.poll()) == {(1, "10.0.0.1", 443, "ok"): 3, (1, "other", 0, "ok"): 2}
