"""The server before strangers: pages, errors, and bounds of bytes, time and connections."""

from __future__ import annotations

import gzip
import socket
import time
from contextlib import ExitStack, suppress

import pytest
from exporting import Records
from records import connect

from tcpconntop.core.errors import FatalError
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.requests import MAX_HEAD_BYTES, Request, RequestError, parse_request, quality_of
from tcpconntop.exporter.responses import STALLED_S, Pages
from tcpconntop.exporter.server import MAX_CONNECTIONS, MetricsServer, _read_head

DEADLINE_S = 30


@pytest.fixture
def collector():
    return Collector(Records(connect(times=3)), "dest", 10)


@pytest.fixture
def pages(collector):
    return Pages(lambda: collector.latest)


@pytest.fixture
def port(pages):
    with MetricsServer("127.0.0.1", 0) as server:
        server.start(pages.respond)
        yield server.port


def exchange(port, request):
    """Send bytes and say that no more come; return everything that is answered."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
        with suppress(OSError):  # it may have answered and closed before all was sent
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while data := client.recv(65536):
                answer += data
        except ConnectionResetError:  # what it had not read was too long
            pass
        return answer


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/metrics", 200, b"tcpconntop_attempts_total 3\n"),
        ("/metrics?x=1", 200, b"tcpconntop_attempts_total 3\n"),
        ("/-/healthy", 200, b"healthy"),
        ("/", 200, b'href="/metrics"'),
        ("/etc/passwd", 404, b"Not Found"),
        ("/../../etc/passwd", 404, b"Not Found"),
        ("/metrics/", 404, b"Not Found"),
        ("//metrics", 404, b"Not Found"),
    ],
)
def test_pages(port, path, status, says):
    head, _, body = exchange(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    assert says in body


def test_head_is_get_without_the_page(port):
    head, _, body = exchange(port, b"HEAD /metrics HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")
    assert (head.startswith(b"HTTP/1.1 200"), body) == (True, b"")
    assert int(head.partition(b"Content-Length: ")[2].split()[0]) > 1000


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 999999999\r\n\r\nx", 405),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405),
        (b"GET /metrics HTTP/2.0\r\n\r\n", 505),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET  /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET http://x/metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"G\x00T / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /metrics HTTP/1.1\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * MAX_HEAD_BYTES, 431),
    ],
)
def test_what_is_no_request_gets_an_error_and_the_next_one_its_page(port, request_, status):
    answer = exchange(port, request_)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) or (status == 431 and not answer)
    assert b" 200 OK" in exchange(port, b"GET /metrics HTTP/1.1\r\n\r\n")


def test_a_head_that_never_ends_is_not_read_to_its_end():
    near, far = socket.socketpair()
    with near, far:
        near.sendall(b"a" * (MAX_HEAD_BYTES + 1000))
        near.shutdown(socket.SHUT_WR)
        assert len(_read_head(far, time.monotonic() + DEADLINE_S)) == MAX_HEAD_BYTES


def test_nothing_sent_is_nothing_answered(port):
    assert exchange(port, b"") == b""


def test_a_client_that_sends_a_byte_now_and_then_loses_its_connection(pages):
    """The time is that of the whole request, whatever comes meanwhile."""
    with MetricsServer("127.0.0.1", 0, max_request_s=0.3) as server:
        server.start(pages.respond)
        client = socket.create_connection(("127.0.0.1", server.port), DEADLINE_S)
        with client, pytest.raises(OSError, match=r"reset|Broken pipe"):
            trickle(client)


def trickle(client):
    """Send a byte every 20 ms until the other side closes the connection; then raise OSError."""
    client.settimeout(0.02)
    for _ in range(DEADLINE_S * 50):
        client.send(b"G")
        with suppress(TimeoutError):
            if client.recv(1) == b"":
                raise ConnectionResetError("reset")


def test_a_client_that_reads_nothing_loses_its_connection(collector):
    """GIVEN answers that fill every buffer WHEN nobody reads THEN the threads come back all the same."""
    pages = Pages(lambda: collector.latest)
    large = pages.respond(Request("GET", "/"))
    large = type(large)(large.status, b"x" * (64 << 20))
    with MetricsServer("127.0.0.1", 0, max_request_s=0.3) as server, ExitStack() as stack:
        server.start(lambda request: large if request.path == "/large" else pages.respond(request))
        for _ in range(MAX_CONNECTIONS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), DEADLINE_S))
            client.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        while b" 200 OK" not in exchange(server.port, b"GET / HTTP/1.1\r\n\r\n"):
            pass  # 503 until they have been given up


def test_more_connections_than_are_served_get_an_error_and_later_a_page(port):
    with ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_S))
            for _ in range(MAX_CONNECTIONS)
        ]
        # Each is accepted in order: when the next one is answered, these are being served.
        assert b" 503 " in exchange(port, b"GET / HTTP/1.1\r\n\r\n")
        for client in idle:
            client.close()
        while b" 200 OK" not in exchange(port, b"GET / HTTP/1.1\r\n\r\n"):
            pass


def test_a_port_that_is_taken_is_one_line(port):
    with pytest.raises(FatalError, match=rf"cannot listen on 127.0.0.1:{port}: Address already in use"):
        MetricsServer("127.0.0.1", port)


def test_it_listens_on_every_address_only_when_asked_to(pages):
    with MetricsServer("", 0) as everywhere:
        everywhere.start(pages.respond)
        assert b" 200 OK" in exchange(everywhere.port, b"GET / HTTP/1.1\r\n\r\n")


def test_a_page_is_made_once_for_each_snapshot(collector, pages):
    first = pages.respond(Request("GET", "/metrics")).body
    assert pages.respond(Request("GET", "/metrics")).body is first
    packed = pages.respond(Request("GET", "/metrics", {"accept-encoding": "deflate, gzip"}))
    assert ("Content-Encoding", "gzip") in packed.headers
    assert gzip.decompress(packed.body) == first
    collector.publish()
    assert pages.respond(Request("GET", "/metrics")).body is not first


def test_a_tracer_that_stands_still_is_not_healthy(collector):
    pages = Pages(lambda: collector.latest, lambda: collector.latest.taken_s + STALLED_S)
    assert pages.respond(Request("GET", "/-/healthy")).status == 503
    assert b"\ntcpconntop_tracing 0\n" in pages.respond(Request("GET", "/metrics")).body


def test_headers_are_joined_and_case_does_not_matter():
    request = parse_request(b"GET /a?b HTTP/1.1\nACCEPT: x\nAccept:y\n\nbody")
    assert request == Request("GET", "/a", {"accept": "x, y"})


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"\xff\xff \xff \xff\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"]
)
def test_damage_is_an_error_and_no_exception_of_another_kind(data):
    with pytest.raises(RequestError):
        parse_request(data)


@pytest.mark.parametrize(
    ("header", "quality"),
    [
        ("gzip", 1), ("deflate, gzip;q=0.5", 0.5), ("gzip;q=0", 0), ("gzip;q=x", 0), ("gzip;q=nan", 0),
        ("gzip;q=7", 0), ("GZIP", 1), ("", 0), ("gzipped", 0), ("x-gzip", 0),
    ],
)  # fmt: skip
def test_weights(header, quality):
    assert quality_of(header, "gzip") == quality
