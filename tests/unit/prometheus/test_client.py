"""Asking over HTTP: whatever answers, or does not, a query ends in time, in bounds, and with one line."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import contextmanager

import pytest

from tcpconntop.prometheus.answers import MAX_LABEL, MAX_SERIES, MalformedError, parse_series
from tcpconntop.prometheus.client import MAX_ANSWER_BYTES, MAX_LISTS, Client, QueryError
from tcpconntop.prometheus.samples import read_samples
from tcpconntop.prometheus.server import ServerAddress, is_url, parse_url
from tcpconntop.prometheus.slots import Slots

OK = {"status": "success", "data": {"resultType": "vector", "result": [1]}}


ALL_SENT, MAX_DRIPS = "all sent", 250


@contextmanager
def answering(*parts, keep_open=False, drips=False):
    """Yield the address of a server that sends these bytes to whoever asks, and what it was sent."""
    heads, ended = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while not ended.is_set():
                try:
                    client = listener.accept()[0]
                except OSError:
                    return
                with client:
                    head = b""
                    while b"\r\n\r\n" not in head and (data := client.recv(65_536)):
                        head += data
                    heads.append(head.decode("latin-1"))
                    try:
                        for part in parts:
                            client.sendall(part)
                        for _ in range(MAX_DRIPS if drips else 0):
                            ended.wait(0.02)
                            client.sendall(b"a")
                        heads.append(ALL_SENT)
                        if keep_open:
                            client.recv(1)  # until the client ends it
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield ServerAddress("127.0.0.1", listener.getsockname()[1]), heads
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def http(body, status="200 OK", *headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode() + body


def ask(address, timeout_s=30.0):
    return Client(address, timeout_s).ask("query", {"query": "up"})


def test_given_a_server_when_it_is_asked_then_its_result_is_returned():
    with answering(http(OK)) as (address, heads):
        assert ask(ServerAddress(address.host, address.port, path="/prom", user="u", password="p:ä")) == [1]
    assert heads[0].startswith("GET /prom/api/v1/query?query=up&timeout=30s HTTP/1.1\r\n")
    assert "Authorization: Basic dTpwOsOk\r\n" in heads[0]


def test_given_a_proxy_in_the_environment_then_it_has_no_say(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with answering(http(OK)) as (address, _):
        assert ask(address) == [1]


def test_given_a_packed_answer_then_it_is_unpacked_and_bounded():
    with answering(http(gzip.compress(json.dumps(OK).encode()), "200 OK", "Content-Encoding: gzip")) as (
        address,
        _,
    ):
        assert ask(address) == [1]
    bomb = gzip.compress(b" " * (MAX_ANSWER_BYTES + 1))
    with (
        answering(http(bomb, "200 OK", "Content-Encoding: gzip")) as (address, _),
        pytest.raises(QueryError, match="longer than 16 MiB"),
    ):
        ask(address)


REFUSALS = {
    "not JSON": (http(b"<html>"), "no Prometheus answers there (its answer is no JSON of one)"),
    "other JSON": (http([1, 2]), "no Prometheus answers there"),
    "no result": (http({"status": "success", "data": 3}), "its answer has no result"),
    "NaN": (http(b'{"status": "success", "data": NaN}'), "is no JSON"),
    "too deep": (http(b"[" * 100_000), "is no JSON"),
    "too many lists": (http(b"[" + b"[]," * MAX_LISTS), f"more than {MAX_LISTS:,} lists"),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MAX_ANSWER_BYTES + 65_536), "longer than 16 MiB"),
    "404": (http(b"", "404 Not Found"), "no Prometheus answers there (HTTP 404)"),
    "401": (http(b"", "401 Unauthorized"), "it wants another user or password (HTTP 401)"),
    "403": (http(b"", "403 Forbidden"), "it wants another user or password (HTTP 403)"),
    "redirect": (http(b"", "302 Found", "Location: http://10.0.0.1/"), "use the URL that it redirects to"),
    "error": (
        http({"status": "error", "error": "a\x1b[2J\nb" + "c" * 999}, "422 Unprocessable"),
        "it answers: a·[2J b" + "c" * 191,
    ),
    "not HTTP": (b"SSH-2.0-OpenSSH\r\n", "it does not speak HTTP"),
    "nothing": (b"", "it does not speak HTTP"),
    "cut off": (http(OK)[:-1], "its answer is cut off"),
    "damaged": (http(b"no gzip", "200 OK", "Content-Encoding: gzip"), "its answer is damaged"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1_000, "it does not speak HTTP"),
}


@pytest.mark.parametrize(("answer", "why"), REFUSALS.values(), ids=REFUSALS)
def test_given_an_answer_that_is_none_then_the_error_says_why(answer, why):
    with answering(answer) as (address, _), pytest.raises(QueryError) as raised:
        ask(address)
    assert why in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


def test_given_a_server_that_is_not_there_then_the_error_says_so():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(QueryError, match="connection refused"):
        ask(ServerAddress("127.0.0.1", port))


def test_given_a_certificate_that_nobody_knows_then_nothing_is_asked(tmp_path):
    import ssl

    from tcpconntop.prometheus.client import _why

    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    assert _why(error) == "its certificate is not trusted: self-signed certificate"
    client = Client(ServerAddress("example.org", 443, tls=True))
    assert client._tls.verify_mode is ssl.CERT_REQUIRED
    assert client._tls.check_hostname


@pytest.mark.parametrize(
    ("parts", "options"),
    [
        ((), {"keep_open": True}),
        ((b"HTTP/1.1 200 OK\r\n\r\n{",), {"keep_open": True}),
        ((b"HTTP/1.1 200 OK\r\n\r\n{",), {"drips": True}),
    ],
    ids=["silent", "begun", "dripping"],
)
def test_given_a_server_that_goes_on_for_ever_then_a_query_has_an_end(parts, options):
    with (
        answering(*parts, **options) as (address, heads),
        pytest.raises(QueryError, match=r"no answer within 0\.2s"),
    ):
        ask(address, 0.2)
    assert ALL_SENT not in heads or not options.get("drips")  # it was not heard to its end


def test_given_a_query_that_waits_when_the_client_is_closed_then_it_ends_at_once():
    with answering(b"HTTP/1.1 200 OK\r\n", keep_open=True) as (address, heads):
        client, ends = Client(address, 3600), []

        def wait():
            with pytest.raises(QueryError) as raised:
                client.ask("query", {"query": "up"})
            ends.append(raised.value)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        while not heads:
            thread.join(0.01)
        client.close()
        thread.join(60)
        assert len(ends) == 1
        with pytest.raises(QueryError):
            client.ask("query", {"query": "up"})


@pytest.mark.parametrize(
    ("text", "password", "name", "authorization"),
    [
        ("http://prometheus:9090", None, "prometheus:9090", ""),
        ("HTTPS://prometheus/a/", None, "prometheus:443/a", ""),
        ("http://[::1]:9090", None, "[::1]:9090", ""),
        ("https://u%40x:p%2F@h", None, "h:443", "Basic dUB4OnAv"),
        ("https://u@h", "secret", "h:443", "Basic dTpzZWNyZXQ="),
    ],
)
def test_given_an_url_then_the_address_is_in_it(text, password, name, authorization):
    assert is_url(text)
    address = parse_url(text, password)
    assert (address.name, address.authorization) == (name, authorization)
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http://h:x",
        "http://h:99999",
        "http://h?q=1",
        "http://h#f",
        "http://h\n",
        "http://ä",
        "http://a b",
    ],
)
def test_given_what_is_no_url_then_it_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_url(text)


def series(values=((15, "1"),), **labels):
    return {"metric": {"__name__": "tcpconntop_connects_total", "outcome": "ok"} | labels, "values": values}


def bucket(bound, value):
    return {
        "metric": {"__name__": "tcpconntop_connect_duration_seconds_bucket", "le": bound},
        "values": [[15, value]],
    }


def native(*buckets, total="1"):
    histogram = {"count": total, "sum": "1", "buckets": buckets}
    return {"metric": {"__name__": "tcpconntop_connect_duration_seconds"}, "histograms": [[15, histogram]]}


MALFORMED = {
    "NaN": [series([[15, "NaN"]])],
    "negative": [series([[15, "-1"]])],
    "infinite": [series([[15, "+Inf"]])],
    "more than any count": [series([[15, "1e300"]])],
    "no number": [series([[15, "x"]])],
    "a number, not a text": [series([[15, 1]])],
    "no pair": [series([[15]])],
    "no list": [series(7)],
    "a time that is a list": [series([[[], "1"]])],
    "no series": [None],
    "no metric": [{"values": []}],
    "labels that are none": [{"metric": [], "values": []}],
    "a label that is no text": [series(port=443)],
    "a long label": [series(port="4" * (MAX_LABEL + 1))],
    "many labels": [series(**{f"a{n}": "" for n in range(100)})],
    "many series": [series()] * (MAX_SERIES + 1),
    "a bucket without a bound": [bucket("x", "1")],
    "a bucket that is NaN": [bucket("nan", "1")],
    "buckets that are not cumulated": [bucket("1", "5"), bucket("2", "3")],
    "a native histogram without bounds": [native([0, "nan", "1", "1"])],
    "a native histogram that goes back": [native([0, "2", "1", "1"])],
    "a native histogram with a negative count": [native([0, "1", "2", "-1"])],
    "a native histogram that is none": [native() | {"histograms": [[15, 7]]}],
    "many buckets": [native(*([0, f"{n}", f"{n + 1}", "1"] for n in range(2_000)))],
}


@pytest.mark.parametrize("result", MALFORMED.values(), ids=MALFORMED)
def test_given_an_answer_with_what_prometheus_never_sends_then_it_is_refused_as_a_whole(result):
    with pytest.raises(MalformedError):
        read_samples(result, range(0, 60, 15), Slots(()))


@pytest.mark.parametrize("time", ["15", True, 1e300, -1, None])
def test_given_a_time_that_is_none_then_an_answer_is_refused(time):
    with pytest.raises(MalformedError):
        list(parse_series([{"metric": {}, "value": [time, "1"]}]))


def test_given_labels_that_are_no_destination_then_they_are_counted_without_one():
    from tcpconntop.core.view.groups import GROUPINGS, destination_text
    from tcpconntop.prometheus.labels import Keys

    keys = Keys(3)
    for labels in (("x" * 99, "", "port", ""), ("", "10.0.0.0/99", "99999", ""), ("", "", "", "")):
        key = keys.key(labels)
        assert (destination_text(key, GROUPINGS["dest"]), int(key["dport"])) == ("-", 0)
