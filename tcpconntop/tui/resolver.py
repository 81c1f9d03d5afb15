"""Names of addresses, looked up in the background: the caller never waits.

A few daemon threads ask the system's resolver. Names are cached for an hour, and for five minutes that an
address has none. The queue is short and drops its oldest address first, which has left the screen by then.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from tcpconntop.core.format import printable

MAX_THREADS, MAX_QUEUE, MAX_CACHE = 3, 64, 4096
NAME_S, NO_NAME_S = 3600.0, 300.0
"""How long a name is cached, and how long its absence, in seconds."""

MAX_NAME = 253
"""The longest domain name, in characters (RFC 1035, section 2.3.4)."""


def reverse_lookup(address: str) -> str:
    """Return the name of an address from the system's resolver; blocks.

    Raises:
        OSError: there is none, or the lookup failed.
    """
    return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]


class Resolver:
    """Looks up names of addresses. Call `name` from one thread only.

    Args:
        changed: called in a lookup thread when the name of an address has changed.
        ask: returns the name of an address; may block for long, may raise OSError.
        clock_s: a monotonic clock.
    """

    def __init__(
        self,
        changed: Callable[[], object],
        ask: Callable[[str], str] = reverse_lookup,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed, self._ask, self._clock_s = changed, ask, clock_s
        self._cache: OrderedDict[str, tuple[str, float]] = OrderedDict()  # address -> name, valid until
        self._queue: OrderedDict[str, None] = OrderedDict()
        self._pending: set[str] = set()
        self._wake = threading.Condition()
        self._threads = 0
        self._closed = False

    def name(self, address: str) -> str:
        """Return the cached name of an address, or an empty string, and look it up if it is not cached."""
        with self._wake:
            name, until_s = self._cache.get(address, ("", float("-inf")))
            if self._clock_s() >= until_s and address not in self._pending and not self._closed:
                self._queue[address] = None
                self._queue.move_to_end(address)
                if len(self._queue) > MAX_QUEUE:
                    self._queue.popitem(last=False)
                self._start_thread()
                self._wake.notify()
            return name  # an expired one until the new lookup ends

    def close(self) -> None:
        """Start no more lookups; does not wait for the ones that run."""
        with self._wake:
            self._closed = True
            self._queue.clear()
            self._wake.notify_all()

    def _start_thread(self) -> None:
        if self._threads < min(MAX_THREADS, len(self._queue) + len(self._pending)):
            self._threads += 1
            # A daemon: a name server that does not answer must not keep the process from ending.
            threading.Thread(target=self._work, name="names", daemon=True).start()

    def _work(self) -> None:
        while (address := self._next()) is not None:
            try:
                name = self._ask(address).rstrip(".")
            except (OSError, UnicodeError):
                name = ""
            self._store(address, printable(name[:MAX_NAME]) if name != address else "")

    def _next(self) -> str | None:
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closed)
            if self._closed:
                return None
            address, _ = (
                self._queue.popitem()
            )  # the last address asked for is the likeliest to be visible still
            self._pending.add(address)
            return address

    def _store(self, address: str, name: str) -> None:
        with self._wake:
            self._pending.discard(address)
            before = self._cache.pop(address, ("", 0.0))[0]
            self._cache[address] = (name, self._clock_s() + (NAME_S if name else NO_NAME_S))
            if len(self._cache) > MAX_CACHE:
                self._cache.popitem(last=False)
            changed = name != before and not self._closed
        if changed:
            self._changed()
