"""Asks a Prometheus server over HTTP: bounded in time, bytes and queries at once; ends at once when told to.

The standard library's HTTP client, without its openers: no proxy of the environment, no redirect, no cookie
and no file of passwords has a say in where a query goes. Certificates are checked against those of the system
(SSL_CERT_FILE names others).
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from tcpconntop.core.format import printable
from tcpconntop.prometheus.server import ServerAddress
from tcpconntop.recording.untrusted import parse_json

TIMEOUT_S = 10.0
"""The longest time that a query may take, from the look-up of the name to the last byte."""

MAX_ANSWER_BYTES = 16 << 20
"""The longest answer, unpacked: 5,000 series with 30 values each take 5 MB."""

MAX_LISTS = 2_000_000
"""How many lists and objects an answer may have: each takes 56 bytes of memory or more."""

MAX_QUERIES_AT_ONCE = 4

MAX_MESSAGE = 200
"""How many characters of a server's error are shown."""

_CHUNK_BYTES = 1 << 16


class QueryError(Exception):
    """A query has no answer; the text says why, in one line, without the name of the server."""


class TooMuchError(QueryError):
    """An answer is longer than it may be: less is to be asked for at once."""


class Client:
    """A server that is asked. Its methods may be called by any thread.

    Args:
        server: where it answers.
        timeout_s: the longest time that a query may take.
    """

    def __init__(self, server: ServerAddress, timeout_s: float = TIMEOUT_S) -> None:
        self._server, self._timeout_s = server, timeout_s
        self._tls = ssl.create_default_context() if server.tls else None
        self._slots = threading.Semaphore(MAX_QUERIES_AT_ONCE)
        self._parsing = threading.Lock()  # one answer at a time: so memory is bounded
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False

    @property
    def server(self) -> ServerAddress:
        """The server."""
        return self._server

    def ask(self, what: str, parameters: Mapping[str, str]) -> list[Any]:
        """Return the result of a query.

        Args:
            what: `query` or `query_range`.
            parameters: those of Prometheus's HTTP API.

        Raises:
            QueryError: there is none.
        """
        words = urlencode({**parameters, "timeout": f"{self._timeout_s:g}s"})
        with self._slots:
            status, body = self._get(f"{self.server.path}/api/v1/{what}?{words}")
        with self._parsing:
            return _result(status, body)

    def close(self) -> None:
        """End all queries, and answer no further ones. Idempotent."""
        with self._lock:
            self._closed = True
            for connected in self._open:
                _end(connected)

    def _get(self, path: str) -> tuple[int, bytes]:
        if self._closed:
            raise QueryError("ended")
        end_s = time.monotonic() + self._timeout_s
        server = self._server
        connection = (
            http.client.HTTPSConnection(server.host, server.port, timeout=self._timeout_s, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(server.host, server.port, timeout=self._timeout_s)
        )
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "Connection": "close"}
        if server.authorization:
            headers["Authorization"] = server.authorization
        guard = None
        try:
            connection.connect()
            guard = self._guard(connection.sock, end_s - time.monotonic())
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                is_packed = response.headers.get("Content-Encoding", "").strip().lower() == "gzip"
                body = _read(response, is_packed)
            if time.monotonic() >= end_s or self._closed:  # then its end is ours
                raise TimeoutError
            if response.length:
                raise QueryError("its answer is cut off")
            return response.status, body
        except (OSError, ValueError, http.client.HTTPException) as error:
            late = time.monotonic() >= end_s - 0.01
            raise QueryError(f"no answer within {self._timeout_s:g}s" if late else _why(error)) from None
        finally:
            if guard is not None:
                guard()
            connection.close()

    def _guard(self, connected: socket.socket, timeout_s: float) -> Callable[[], None]:
        """Have a socket end when its time is over, or `close` is called; return what ends the guard.

        A timeout of the socket is not enough: a server that sends a byte now and then would never reach it.
        """
        timer = threading.Timer(max(timeout_s, 0.0), _end, (connected,))
        timer.daemon = True
        timer.start()
        with self._lock:
            self._open.add(connected)
            if self._closed:
                _end(connected)

        def done() -> None:
            timer.cancel()
            with self._lock:
                self._open.discard(connected)

        return done


def _end(connected: socket.socket) -> None:
    """Have whoever waits for a socket see its end; of a TLS one too, whose own method unwraps it first."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _read(response: http.client.HTTPResponse, is_packed: bool) -> bytes:
    """Return the body of an answer, unpacked, at most `MAX_ANSWER_BYTES` of it."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if is_packed else None
    parts, left = [], MAX_ANSWER_BYTES
    while data := response.read1(_CHUNK_BYTES):
        if unpacker is not None:
            try:
                data = unpacker.decompress(data, left + 1)
            except zlib.error:
                raise QueryError("its answer is damaged") from None
        left -= len(data)
        if left < 0:
            raise TooMuchError(f"its answer is longer than {MAX_ANSWER_BYTES >> 20} MiB")
        parts.append(data)
    return b"".join(parts)


def _result(status: int, body: bytes) -> list[Any]:
    """Return the result in an answer of the API.

    Raises:
        QueryError: it says that there is none, or is none.
    """
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise QueryError(
            f"it wants another user or password (HTTP {status}): https://USER@HOST and --password-file"
        )
    if 300 <= status < 400:
        raise QueryError(f"it is not there (HTTP {status}, a redirect): use the URL that it redirects to")
    document = _document(body)
    if document is None:
        what = f"HTTP {status}" if status != HTTPStatus.OK else "its answer is no JSON of one"
        raise QueryError(f"no Prometheus answers there ({what})")
    if document.get("status") != "success":
        message = document.get("error")
        text = message if isinstance(message, str) else f"HTTP {status}"
        raise QueryError(f"it answers: {printable(' '.join(text.split()))[:MAX_MESSAGE]}")
    data = document.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list):
        raise QueryError("no Prometheus answers there (its answer has no result)")
    return result


def _document(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None if it is none of Prometheus."""
    if body.count(b"[") + body.count(b"{") > MAX_LISTS:
        raise TooMuchError(f"its answer has more than {MAX_LISTS:,} lists")
    try:
        document = parse_json(body, MAX_ANSWER_BYTES)
    except (ValueError, json.JSONDecodeError):
        return None
    return document if isinstance(document, dict) and isinstance(document.get("status"), str) else None


def _why(error: OSError | ValueError | http.client.HTTPException) -> str:
    """Return why there is no connection or no answer, in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {printable(error.verify_message)}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {printable(error.reason or str(error))}"
    if isinstance(error, socket.gaierror):
        return "there is no host of that name"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and not isinstance(error, http.client.HTTPException):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return f"it does not speak HTTP ({type(error).__name__})"
