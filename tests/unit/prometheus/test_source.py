"""The whole way: a server over HTTP, the source, the engine, and what tables, JSON and findings say."""

from __future__ import annotations

import json
import threading
import time
from argparse import Namespace
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from records import connect, random_records
from scraped import Host, Server

from tcpconntop.commands.targets import open_server
from tcpconntop.core.analysis.explain import explain, nothing_found_text
from tcpconntop.core.analysis.failures import failures
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.errors import FatalError
from tcpconntop.core.view.assertions import evaluate, parse_assertion
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.hosts_of_row import hosts_of_row
from tcpconntop.core.view.loss_bounds import metric_bounds
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.summary import overall_metrics
from tcpconntop.core.wire import Outcome
from tcpconntop.engine import Engine
from tcpconntop.options import UsageError
from tcpconntop.outputs.batch import Batch, table_text
from tcpconntop.outputs.document import view_document
from tcpconntop.prometheus.client import QueryError
from tcpconntop.prometheus.server import ServerAddress
from tcpconntop.prometheus.source import PrometheusSource

STEP_S = 10


@contextmanager
def served(server):
    """Yield the address at which a server answers over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            server.now_s = time.time()
            try:
                result = server.ask(url.path.removeprefix("/api/v1/"), dict(parse_qsl(url.query)))
                body = json.dumps({"status": "success", "data": {"result": result}}).encode()
            except QueryError as error:
                body = json.dumps({"status": "error", "error": str(error)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield ServerAddress("127.0.0.1", http.server_port)
        finally:
            http.shutdown()
            thread.join(60)


def scraped(*hosts):
    """Scrape hosts in the last minute; each has the connects that are given with it, at the fourth scrape."""
    newest_s = int(time.time() - 2) // STEP_S * STEP_S
    for host, events in hosts:
        host.started_s = newest_s - 86_400
        for n in range(6):
            host.scrape(newest_s - STEP_S * (5 - n), *(events if n == 3 else ()))
    return Server(*(host for host, _ in hosts))


def snapshots(server, spec=None, count=1):
    """Return the first snapshot of a server, and the JSON that `-b` prints."""
    out = StringIO()
    with served(server) as address:
        source, seen = PrometheusSource(address), []
        batch = Batch(spec or ViewSpec("dest"), out, as_json=True, limit=count)

        def publish(snapshot):
            seen.append(snapshot)
            batch.publish(snapshot)

        engine = Engine(source, publish, 60, 0.1)
        batch.on_done = engine.stop
        engine.run()
    return seen[0], [json.loads(line) for line in out.getvalue().splitlines()]


def mixed():
    """Return a server of two hosts: quick and refused connects, and on the second host slow ones."""
    refused = connect("10.0.0.2", 80, outcome=Outcome.REFUSED, error=111, times=20)
    lost = connect("10.0.0.3", 443, latency_ns=1_005_000_000, rtx=1, times=5)
    unreachable = connect("10.0.0.9", 443, outcome=Outcome.UNREACHABLE, error=113, times=2)
    return scraped(
        (Host("a:1"), [connect(times=30), refused, unreachable]),
        (Host("b:1"), [connect(times=70), connect("10.0.0.3", times=95), lost]),
    )


def test_given_two_hosts_when_shown_then_counts_are_exact_and_what_is_not_known_is_null():
    snapshot, (document,) = snapshots(mixed())
    assert document["source"] == "prometheus"
    assert document["percentiles"] == "within a bucket (classic)"
    assert document["host"].startswith("2 hosts at 127.0.0.1:")
    assert document["attempts"] == 222
    assert document["outcomes"] == dict.fromkeys(document["outcomes"], 0) | {
        "ok": 200,
        "refused": 20,
        "unreachable": 2,
    }
    assert [(host["name"], host["state"], host["attempts"]) for host in document["hosts"]] == [
        ("a:1", "live", 52),
        ("b:1", "live", 170),
    ]
    rows = {row["daddr"]: row for row in document["rows"]}
    both = rows["10.0.0.1"]
    assert (both["count"], both["hosts"], both["host"], both["dport"]) == (100, 2, None, 443)
    for name in ("min_us", "max_us", "last_us", "netns", "namespaces"):
        assert both[name] is None
    assert 100 < both["p50_us"] <= 250  # 250 µs, in the bucket that ends there
    assert both["mean_us"] == pytest.approx(250)
    assert (rows["10.0.0.3"]["host"], rows["10.0.0.3"]["syn_retransmits"]) == ("b:1", 5)
    assert 1_000_000 < rows["10.0.0.3"]["p99_us"] <= 1_015_000
    text = table_text(make_view(snapshot, ViewSpec("dest")))
    assert "(within a bucket (classic))" in text
    began = time.strftime("%H:%M:%S", time.localtime(snapshot.began_ns / 1e9))
    assert f"  since {began}: attempts 222  ok 200  refused 20  unreachable 2  in flight 0  lost 0\n" in text
    assert "hosts: a:1 live, attempts 52, lost 0; b:1 live, attempts 170, lost 0" in text
    header, *lines = (line.split() for line in text.splitlines()[3:] if line)
    assert {line[header.index("PROCESS")] for line in lines if "hosts" not in line} == {"-"}
    assert {line[-1] for line in lines} == {"-"}  # the greatest latency


def test_given_a_grouping_by_what_prometheus_does_not_know_then_it_is_not_made_up():
    snapshot, (document,) = snapshots(mixed(), ViewSpec("process"))
    (row,) = document["rows"]
    assert (row["pid"], row["comm"], row["count"]) == (None, None, 222)
    view = make_view(snapshot, ViewSpec("process"))
    assert [COLUMNS[name].text(view, 0) for name in ("pid", "comm", "max")] == ["-", "-", "-"]
    (row,) = view_document(make_view(snapshot, ViewSpec("unit")))["rows"]
    assert row["unit"] is None


def test_given_counts_when_explained_then_findings_name_no_process_and_no_exact_latency():
    snapshot, _ = snapshots(mixed())
    selection = Selection(make_view(snapshot, ViewSpec("dest")))
    found = {finding.kind: f"{finding.title}: {finding.evidence}" for finding in explain(selection, str)}
    assert found["refused"].startswith("10.0.0.2:80 refuses every connect: 20 refused")
    assert found["lost-syns"].startswith("5 of 100 connects to 10.0.0.3:443 lost a SYN: ")
    assert not any("by -" in text or "PID" in text for text in found.values())
    unchecked = nothing_found_text(selection).partition("not checked: ")[2]
    for words in ("slow-address (no process is known)", "first SYN (no single connect is known)"):
        assert words in unchecked
    kinds = {(failure.title, failure.count): failure for failure in failures(selection)}
    assert kinds.keys() == {("refused ECONNREFUSED", 20), ("unreachable", 2)}
    assert {failure.processes.names for failure in kinds.values()} == {("-",)}
    assert np.isfinite(selection.quantiles_us).all()


def test_given_rows_of_other_and_of_no_address_then_their_hosts_cannot_be_filtered():
    snapshot, (document,) = snapshots(scraped((Host("a:1", top=1), [connect(times=3), connect("10.0.0.2")])))
    other = next(row for row in document["rows"] if row.get("other"))
    assert (other["daddr"], other["dport"], other["family"], other["count"]) == (None, None, None, 1)
    view = make_view(snapshot, ViewSpec("dest"))
    assert sorted(hosts_of_row(view, row, view.spec) is None for row in range(2)) == [False, True]
    snapshot, (document,) = snapshots(scraped((Host("a:1", by="subnet"), [connect(times=3)])))
    (row,) = document["rows"]
    assert (row["daddr"], row["dport"], row["family"]) == ("10.0.0.0/24", None, 4)
    view = make_view(snapshot, ViewSpec("dest"))
    shown = make_view(snapshot, hosts_of_row(view, 0, view.spec))
    assert [int(count) for count in shown.metrics["count"]] == [3]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("p50<260us", "ok"),
        ("p50<150us", "unknown"),
        ("p50<=99us", "failed"),
        ("max<1000s", "unknown"),
        ("count=100", "ok"),
        ("mean<1ms", "ok"),
        ("fail<1%", "ok"),
    ],
)
def test_given_a_bound_within_a_bucket_then_nobody_can_tell(text, verdict):
    snapshot, _ = snapshots(scraped((Host("a:1"), [connect(latency_ns=120_000, times=100)])))
    metrics = overall_metrics(snapshot, Filter())
    result = evaluate(parse_assertion(text), metrics, metric_bounds(snapshot, Filter(), metrics))
    assert result.verdict == verdict, result.reason


def test_given_native_histograms_then_that_is_said_and_bounds_are_as_narrow():
    idle = Host("b:1", by="port"), []
    server = scraped((Host("a:1", native=True), [random_records(5_000, 3)]), idle)
    idle[0].scrapes = [(at_s, samples[-1:]) for at_s, samples in idle[0].scrapes]  # without any bucket
    snapshot, (document,) = snapshots(server)
    assert document["percentiles"] == "within a bucket (native)"
    metrics = overall_metrics(snapshot, Filter())
    least, greatest = metric_bounds(snapshot, Filter(), metrics)["p90"]
    assert least < metrics["p90"] < greatest < 1.08 * least


def test_given_a_server_that_fails_then_the_last_figures_stay_and_it_is_said_once():
    server, said = mixed(), []
    with served(server) as address:
        source = PrometheusSource(address, say=said.append)
        assert source.ledger().attempts == 222
        server.failure = "overloaded"
        source._poller.due_in_s = lambda: 0.0
        source._closing.wait = threading.Event().wait  # the thread goes on at once
        source._poller.until_s -= STEP_S
        for _ in range(2):
            source._took(*source._poll())
        assert source.ledger().attempts == 222
        assert said == [f"{address.name}: gone: it answers: overloaded"]
        server.failure = ""
        source._took(*source._poll())
        assert said[-1] == f"{address.name}: live"
        source.close()
        assert source.ended


def test_given_less_time_than_two_scrapes_then_check_says_how_long_it_needs():
    server = mixed()
    with served(server) as address:
        args = Namespace(command="check", prometheus=address, for_s=2 * STEP_S - 1)
        with pytest.raises(UsageError, match="--for must be at least 20s: the hosts are scraped every 10s"):
            open_server(args, None, ())
        args.for_s += 1
        source = open_server(args, None, ())
        assert source.ledger().attempts == 0  # only from now on
        source.close()


def test_given_a_source_that_waits_for_an_answer_when_closed_then_it_does_not_wait():
    server, asked, go_on = mixed(), threading.Event(), threading.Event()
    with served(server) as address:
        source = PrometheusSource(address)
        answer = server.ask

        def hang(*question):
            asked.set()
            go_on.wait(60)
            return answer(*question)

        server.ask = hang
        waiting = threading.Thread(target=source._poll, daemon=True)
        waiting.start()
        assert asked.wait(60)
        source.close()
        waiting.join(60)
        assert not waiting.is_alive()
        go_on.set()


def test_given_a_server_that_is_no_prometheus_then_the_command_ends_with_one_line():
    server = Server()
    with served(server) as address:
        with pytest.raises(FatalError, match="has no metrics of tcpconntop"):
            PrometheusSource(address)
        server.failure = "x"
        with pytest.raises(FatalError, match=f"^{address.name}: it answers: x$"):
            PrometheusSource(address)
