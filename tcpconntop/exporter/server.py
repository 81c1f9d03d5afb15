"""A small HTTP server for strangers: bounded in bytes, time and connections.

The standard library's `http.server` bounds none of the three: a client that sends a byte now and then would
keep a thread for ever. This one answers a single request for each connection, and then closes it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import printable
from tcpconntop.exporter.requests import MAX_HEAD_BYTES, Request, RequestError, is_complete, parse_request
from tcpconntop.exporter.responses import Response, error_response

if TYPE_CHECKING:
    import ssl

MAX_CONNECTIONS = 16
"""How many connections are served side by side; a further one gets 503."""

MAX_REQUEST_S = 10.0
"""The longest time from the accept to the last byte of the answer."""

_RETRY_S = 0.1
_SEND_BYTES = 65_536


class MetricsServer:
    """Listens, and answers requests in threads of its own.

    Args:
        address: a numeric address; empty for all addresses, IPv4 and IPv6.
        port: the port; 0 for any that is free.
        max_request_s: the longest time that a connection may take.
        tls: the TLS context; None for HTTP without TLS.

    Attributes:
        port: the port that it listens on.

    Raises:
        FatalError: it cannot listen there.
    """

    def __init__(
        self,
        address: str,
        port: int,
        max_request_s: float = MAX_REQUEST_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        try:
            self._listener = _listen(address, port)
        except OSError as error:  # create_server() adds the address to the text
            where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            raise FatalError(
                f"cannot listen on {printable(where)}: {os.strerror(error.errno or 0)}"
            ) from None
        self.port: int = self._listener.getsockname()[1]
        self._max_request_s, self._tls = max_request_s, tls
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._stop = threading.Event()

    def start(self, respond: Callable[[Request], Response]) -> None:
        """Answer requests from now on."""
        threading.Thread(target=self._accept, args=(respond,), name="accept", daemon=True).start()

    def close(self) -> None:
        """Stop listening. Connections that are open end with the process. Idempotent."""
        self._stop.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept()
        self._listener.close()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self, respond: Callable[[Request], Response]) -> None:
        while not self._stop.is_set():
            try:
                connection = self._listener.accept()[0]
            except OSError:  # too many open files, or the client has gone
                self._stop.wait(_RETRY_S)
                continue
            if not self._slots.acquire(blocking=False):
                with connection, suppress(OSError):
                    connection.setblocking(False)
                    connection.send(error_response(HTTPStatus.SERVICE_UNAVAILABLE).encode())
                continue
            try:
                threading.Thread(
                    target=self._serve, args=(connection, respond), name="request", daemon=True
                ).start()
            except RuntimeError:  # no more threads are allowed
                connection.close()
                self._slots.release()

    def _serve(self, connection: socket.socket, respond: Callable[[Request], Response]) -> None:
        end_s = time.monotonic() + self._max_request_s
        try:
            with suppress(OSError), self._secured(connection, end_s) as stream:  # too slow, or it has gone
                _send(stream, _answer(_read_head(stream, end_s), respond), end_s)
                stream.shutdown(socket.SHUT_WR)
        finally:
            self._slots.release()

    def _secured(self, connection: socket.socket, end_s: float) -> socket.socket:
        """Return the connection itself, or TLS over it once the client has shaken hands."""
        if self._tls is None:
            return connection
        with connection:  # the TLS socket takes the descriptor over
            _set_timeout(connection, end_s)
            return self._tls.wrap_socket(connection, server_side=True)


def _answer(head: bytes, respond: Callable[[Request], Response]) -> bytes:
    """Return the answer to what was received; nothing if nothing was."""
    if not head:
        return b""
    if not is_complete(head):
        too_long = len(head) >= MAX_HEAD_BYTES
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_long else HTTPStatus.BAD_REQUEST
        return error_response(status).encode()
    try:
        request = parse_request(head)
    except RequestError as error:
        return error_response(error.status).encode()
    return respond(request).encode(head_only=request.method == "HEAD")


def _read_head(connection: socket.socket, end_s: float) -> bytes:
    """Return what comes until the head of the request is complete, it is too long, or nothing more comes.

    Raises:
        TimeoutError: that took until `end_s`, on the monotonic clock.
    """
    head = b""
    while not is_complete(head) and len(head) < MAX_HEAD_BYTES:
        _set_timeout(connection, end_s)
        data = connection.recv(MAX_HEAD_BYTES - len(head))
        if not data:
            break
        head += data
    return head


def _send(connection: socket.socket, data: bytes, end_s: float) -> None:
    """Send all of it; raise TimeoutError if that takes until `end_s`."""
    left = memoryview(data)
    while left:
        _set_timeout(connection, end_s)
        left = left[connection.send(left[:_SEND_BYTES]) :]


def _set_timeout(connection: socket.socket, end_s: float) -> None:
    """Bound the next call on a connection by `end_s`; raise TimeoutError if that has passed."""
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    connection.settimeout(left_s)


def _listen(address: str, port: int) -> socket.socket:
    """Return a listening socket."""
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=64)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, backlog=64, dualstack_ipv6=True)
    return socket.create_server(("0.0.0.0", port), backlog=64)  # noqa: S104 - all addresses were asked for
