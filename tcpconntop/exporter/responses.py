"""The pages of the exporter: which one a request gets, and what is in it. Knows no sockets."""

from __future__ import annotations

import gzip
import html
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from tcpconntop import __version__
from tcpconntop.exporter import protobuf_format, text_format
from tcpconntop.exporter.families import Family, metric_families
from tcpconntop.exporter.requests import Request, quality_of
from tcpconntop.exporter.snapshot import MetricsSnapshot

STALLED_S = 15.0
"""The age of a snapshot from which on the tracer is taken to have stopped."""


class Format(NamedTuple):
    """A format of metrics: its type in HTTP, and what encodes it."""

    content_type: str
    encode: Callable[[Iterable[Family]], bytes]


TEXT = Format(text_format.CONTENT_TYPE, text_format.encode)
PROTOBUF = Format(protobuf_format.CONTENT_TYPE, protobuf_format.encode)

_HTML, _PLAIN = "text/html; charset=utf-8", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Response:
    """What a request gets.

    Attributes:
        status: the status.
        body: the page.
        content_type: its type.
        headers: further headers.
    """

    status: HTTPStatus
    body: bytes
    content_type: str = _PLAIN
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, *, head_only: bool = False) -> bytes:
        """Return the response as it is sent; `head_only` leaves out the page, but not its length."""
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if head_only else head + self.body


def error_response(status: HTTPStatus) -> Response:
    """Return the page of an error."""
    headers = (("Allow", "GET, HEAD"),) if status is HTTPStatus.METHOD_NOT_ALLOWED else ()
    return Response(status, f"{status.value} {status.phrase}\n".encode("ascii"), headers=headers)


class Pages:
    """Answers requests. Any thread may call `respond`.

    A page is made at most once for each snapshot and format, however many scrapes there are.

    Args:
        latest: returns the newest snapshot, without waiting.
        now_s: Unix time, for the age of a snapshot.
    """

    def __init__(self, latest: Callable[[], MetricsSnapshot], now_s: Callable[[], float] = time.time) -> None:
        self._latest, self._now_s = latest, now_s
        self._lock = threading.Lock()
        self._made_of: tuple[MetricsSnapshot, bool] | None = None
        self._made: dict[tuple[Format, bool], bytes] = {}

    def respond(self, request: Request) -> Response:
        """Return what a request gets."""
        snapshot = self._latest()
        tracing = abs(self._now_s() - snapshot.taken_s) < STALLED_S
        if request.path == "/metrics":
            return self._metrics(request, snapshot, tracing)
        if request.path == "/-/healthy":
            if tracing:
                return Response(HTTPStatus.OK, b"tcpconntop is healthy\n")
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"tcpconntop has stopped tracing\n")
        if request.path == "/":
            return Response(HTTPStatus.OK, _landing_page(snapshot), _HTML)
        return error_response(HTTPStatus.NOT_FOUND)

    def _metrics(self, request: Request, snapshot: MetricsSnapshot, tracing: bool) -> Response:
        packed = quality_of(request.headers.get("accept-encoding", ""), "gzip") > 0
        wanted = _format_for(request.headers.get("accept", ""))
        body = self._body(snapshot, tracing, wanted, packed)
        headers = (("Vary", "Accept, Accept-Encoding"), *((("Content-Encoding", "gzip"),) if packed else ()))
        return Response(HTTPStatus.OK, body, wanted.content_type, headers)

    def _body(self, snapshot: MetricsSnapshot, tracing: bool, wanted: Format, packed: bool) -> bytes:
        with self._lock:
            if self._made_of != (snapshot, tracing):
                self._made_of, self._made = (snapshot, tracing), {}
            if (wanted, False) not in self._made:
                self._made[wanted, False] = wanted.encode(metric_families(snapshot, tracing=tracing))
            if packed and (wanted, True) not in self._made:
                self._made[wanted, True] = gzip.compress(self._made[wanted, False], 1, mtime=0)
            return self._made[wanted, packed]


def _format_for(accept: str) -> Format:
    """Return the format that an Accept header asks for: protobuf only if it is named, and not after text."""
    protobuf = quality_of(accept, protobuf_format.MEDIA_TYPE, **protobuf_format.PARAMETERS)
    return PROTOBUF if protobuf > 0 and protobuf >= quality_of(accept, "text/plain") else TEXT


def _landing_page(snapshot: MetricsSnapshot) -> bytes:
    host = html.escape(snapshot.info.host)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>tcpconntop on {host}</title><h1>tcpconntop on {host}</h1>"
        f"<p>TCP connects, traced by tcpconntop {html.escape(__version__)}.</p>"
        '<ul><li><a href="/metrics">Metrics</a></li><li><a href="/-/healthy">Health</a></li></ul>\n'
    ).encode()
