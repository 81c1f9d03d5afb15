"""A source of the connects of many hosts, as a Prometheus server has scraped them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tcpconntop.core.places import Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.counted import CountedConnects
from tcpconntop.core.window.ledger import Ledger, sum_of_ledgers
from tcpconntop.core.window.snapshot import PROMETHEUS, SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.prometheus.answers import MalformedError
from tcpconntop.prometheus.client import TIMEOUT_S, Client, QueryError
from tcpconntop.prometheus.hosts import common_edges_us
from tcpconntop.prometheus.poller import SETTLE_S, Poller
from tcpconntop.prometheus.server import ServerAddress

PRECISION = "within a bucket"

EXACT = (
    "percentiles are exact to a bucket of the exporters' histograms, times to {step_s}s, the time between "
    "two scrapes; processes, minimum, maximum and single connects are not known to Prometheus"
)

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0

MAX_WAITING = 1_000
"""How many time spans wait to be taken."""


class PrometheusSource:
    """A `CountedSource`: counts of connects, read by a thread that asks a server after each scrape.

    What has come is shown as it came: if the server does not answer, the figures stay, and the state of each
    host says how old they are. The clock is that of the last moment that was read.

    Args:
        server: where it answers.
        history: True to begin with what was counted in the last minutes.
        notes: what is to be said about it, a line each.
        say: called with a line for the user when the state of the server has changed; None makes it a note.

    Raises:
        FatalError: the server does not answer, or has no metrics of ours.
    """

    def __init__(
        self,
        server: ServerAddress,
        *,
        history: bool = True,
        notes: tuple[str, ...] = (),
        say: Callable[[str], object] | None = None,
    ) -> None:
        self._server, self._say = server, say
        self._client = Client(server)
        self._lock = threading.Lock()
        self._news, self._closing = threading.Event(), threading.Event()
        self._waiting: list[CountedConnects] = []
        self._failure, self._until_ns = "", 0
        self._poller = Poller(self._client, history=history)
        self._hosts = tuple(host.picture() for host in self._poller.hosts)
        self._names = self._poller.hosts.places(), self._poller.hosts.units()
        self._edges_us: tuple[float, ...] = ()
        self.step_s = self._poller.step_s
        self._now_ns = self._poller.began_s * SECOND_NS
        self._notes = (*notes, EXACT.format(step_s=self.step_s))
        self._thread = threading.Thread(target=self._run, name="prometheus", daemon=True)
        self._thread.start()
        self._news.wait(TIMEOUT_S)  # what there is now is in the first picture

    @property
    def info(self) -> SourceInfo:
        """The server, and the state of each host."""
        with self._lock:
            now_s, late_s = self._poller.now_s(), 3 * self.step_s + 2 * SETTLE_S
            hosts = tuple(host.state(now_s, late_s, self._failure) for host in self._hosts)
            kinds = {host.is_native for host in self._hosts if host.edges_s}
            edges_us = self._edges_us
        left_out = self._poller.hosts.left_out
        notes = self._notes
        if left_out:
            notes = (*notes, f"{left_out} more hosts are left out: {len(hosts)} can be shown together")
        if self._failure and self._say is None:
            notes = (*notes, f"{self._server.name}: {self._failure}")
        buckets = "native and classic" if len(kinds) > 1 else "native" if True in kinds else "classic"
        n_hosts = f"{len(hosts)} host{'s' * (len(hosts) != 1)}"
        return SourceInfo(
            f"{n_hosts} at {self._server.name}",
            "",
            "",
            "",
            PROMETHEUS,
            notes,
            hosts=hosts,
            precision=f"{PRECISION} ({buckets})",
            bucket_edges_us=edges_us,
        )

    @property
    def ended(self) -> bool:
        """True once it is closed."""
        return self._closing.is_set()

    def read(self, timeout_s: float) -> Events:
        """Wait for news at most `timeout_s`; return no record, as there are none."""
        if timeout_s > 0 and not self._waiting and not self.ended:
            self._news.wait(timeout_s)
        self._news.clear()
        return np.empty(0, EVENT)

    def take_counted(self) -> Sequence[CountedConnects]:
        """Return what has come since the last call, in order of time."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._now_ns = max(self._now_ns, self._until_ns)
        return taken

    player = None
    """None: a server has no end that it could be played to."""

    def wake(self) -> None:
        """Make a waiting `read` return now."""
        self._news.set()

    def ledger(self) -> Ledger:
        """Return the totals of all hosts, since the begin of what is shown."""
        with self._lock:
            return sum_of_ledgers([host.ledger for host in self._hosts])

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the units."""
        return self._names[1]

    def places(self) -> Places:
        """Return the names of the hosts and of their interfaces."""
        return self._names[0]

    def host(self) -> None:
        """Return None: facts of other hosts are not scraped."""

    def now_ns(self) -> int:
        """Return the last moment that was read, as Unix time."""
        return self._now_ns

    def wall_offset_ns(self) -> int:
        """Return 0: the clock is Unix time."""
        return 0

    def close(self) -> None:
        """Stop, without waiting for an answer. Idempotent."""
        self._closing.set()
        self._client.close()
        self._news.set()

    # In the thread

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._closing.is_set():
            counted, failure = self._poll()
            self._took(counted, failure)
            if failure:
                self._closing.wait(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
            else:
                self._closing.wait(self._poller.due_in_s())
                retry_s = FIRST_RETRY_S

    def _poll(self) -> tuple[list[CountedConnects], str]:
        try:
            return self._poller.poll(), ""
        except (QueryError, MalformedError) as error:
            return [], str(error)

    def _took(self, counted: list[CountedConnects], failure: str) -> None:
        with self._lock:
            self._waiting = [*self._waiting, *counted][-MAX_WAITING:]
            self._until_ns = max(self._until_ns, self._poller.until_s * SECOND_NS - 1)
            self._hosts = tuple(host.picture() for host in self._poller.hosts)
            self._names = self._poller.hosts.places(), self._poller.hosts.units()
            self._edges_us = common_edges_us(self._hosts)
            changed, self._failure = failure != self._failure, failure
        if changed and self._say is not None and not self._closing.is_set():
            self._say(f"{self._server.name}: {f'gone: {failure}' if failure else 'live'}")
        self._news.set()
