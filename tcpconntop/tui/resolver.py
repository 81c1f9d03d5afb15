"""Names of addresses, looked up in the background: nobody ever waits for one.

A few daemon threads ask the system's resolver; what they found is kept for a while, and so is that there is
no name. The queue is short, and what was asked for first is dropped first: it has left the screen by then.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from tcpconntop.core.format import printable

WORKERS, QUEUE_MOST, KEPT_MOST = 3, 64, 4096
NAME_S, NO_NAME_S = 3600.0, 300.0
"""For how long a name is believed, and for how long that there is none."""

LONGEST = 253
"""Characters of a domain name at most (RFC 1035, section 2.3.4)."""


def reverse_lookup(address: str) -> str:
    """Ask the system for the name of an address; blocks.

    Raises:
        OSError: there is none, or nobody could say.
    """
    return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]


class Resolver:
    """Names of addresses. `name` is for one thread; answers arrive in others.

    Args:
        changed: called in a worker's thread when a name was found.
        ask: gives the name of an address; may block for long, and raises OSError.
        clock_s: a monotonic clock.
    """

    def __init__(
        self,
        changed: Callable[[], object],
        ask: Callable[[str], str] = reverse_lookup,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed, self._ask, self._clock_s = changed, ask, clock_s
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()  # name, and until when
        self._queue: OrderedDict[str, None] = OrderedDict()
        self._asked: set[str] = set()
        self._wake = threading.Condition()
        self._workers = 0
        self._closed = False

    def name(self, address: str) -> str:
        """Give the name of an address as far as it is known now, and have it looked up; empty for none."""
        with self._wake:
            name, until_s = self._known.get(address, ("", float("-inf")))
            if self._clock_s() >= until_s and address not in self._asked and not self._closed:
                self._queue[address] = None
                self._queue.move_to_end(address)
                if len(self._queue) > QUEUE_MOST:
                    self._queue.popitem(last=False)
                self._hire()
                self._wake.notify()
            return name  # an old one until there is another

    def close(self) -> None:
        """Ask for nothing more; does not wait for what is under way."""
        with self._wake:
            self._closed = True
            self._queue.clear()
            self._wake.notify_all()

    def _hire(self) -> None:
        if self._workers < min(WORKERS, len(self._queue) + len(self._asked)):
            self._workers += 1
            # A daemon: a name server that does not answer must not keep the process from ending.
            threading.Thread(target=self._work, name="names", daemon=True).start()

    def _work(self) -> None:
        while (address := self._next()) is not None:
            try:
                name = self._ask(address).rstrip(".")
            except (OSError, UnicodeError):
                name = ""
            self._keep(address, printable(name[:LONGEST]) if name != address else "")

    def _next(self) -> str | None:
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closed)
            if self._closed:
                return None
            address, _ = self._queue.popitem()  # the last one asked for is the likeliest to be still seen
            self._asked.add(address)
            return address

    def _keep(self, address: str, name: str) -> None:
        with self._wake:
            self._asked.discard(address)
            before = self._known.pop(address, ("", 0.0))[0]
            self._known[address] = (name, self._clock_s() + (NAME_S if name else NO_NAME_S))
            if len(self._known) > KEPT_MOST:
                self._known.popitem(last=False)
            told = name != before and not self._closed
        if told:
            self._changed()
