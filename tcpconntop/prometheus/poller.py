"""Asks a Prometheus server for what its hosts have counted, step by step."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from tcpconntop.core.errors import FatalError
from tcpconntop.core.window.counted import CountedConnects, merge_counted
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.prometheus.answers import MalformedError, parse_series
from tcpconntop.prometheus.client import MAX_QUERIES_AT_ONCE, QueryError, TooMuchError
from tcpconntop.prometheus.hosts import Host, Hosts
from tcpconntop.prometheus.queries import LAST_SAMPLES, SCRAPES, Target, counters_of, target_of
from tcpconntop.prometheus.samples import read_samples
from tcpconntop.prometheus.server import ServerAddress

HISTORY_STEPS = 60
"""How many steps are read at the start, at most `MAX_WINDOW_S`: what was before is not shown."""

MAX_STEPS_BEHIND = 60
"""How many steps are made up for after a gap; what was counted before them is counted in the first one."""

DEFAULT_STEP_S = 15
"""The step where only one scrape is known."""

MAX_STEP_S = 300
"""Prometheus itself takes a series for gone that was not scraped for so long."""

SETTLE_S = 1.0
"""How long after a moment it is asked for: a scrape takes a while to be stored."""


class Asked(Protocol):
    """What answers queries: `Client`."""

    @property
    def server(self) -> ServerAddress:
        """The server."""
        ...

    def ask(self, what: str, parameters: Mapping[str, str]) -> list[Any]:
        """Return the result of a query, or raise QueryError."""
        ...


class Poller:
    """Reads all hosts of a server. Used by one thread, but for `close`.

    Args:
        client: asks the server.
        history: True to begin with what was counted before now.
        clock_s: a clock in seconds that never goes back.

    Attributes:
        hosts: the hosts.
        step_s: the time between two moments: that between two scrapes.
        until_s: the last moment that was read, as Unix time of the server.
        began_s: the first moment.

    Raises:
        FatalError: the server does not answer, or knows no exporter of ours.
    """

    def __init__(
        self, client: Asked, *, history: bool = True, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._clock_s = client, clock_s
        self.hosts = Hosts()
        self._clock_offset_s = 0.0
        try:
            scraped, self.step_s = self._last_scrapes()
            self._last_samples()  # for the clock
        except (QueryError, MalformedError) as error:
            raise FatalError(f"{client.server.name}: {error}") from None
        newest_s = self.newest_s()
        self.began_s = newest_s - (
            min(HISTORY_STEPS, MAX_WINDOW_S // self.step_s) * self.step_s if history else 0
        )
        self.until_s = self.began_s
        self.hosts.update(scraped, self.began_s - self.step_s)

    def now_s(self) -> float:
        """Return the Unix time of the server."""
        return self._clock_s() + self._clock_offset_s

    def newest_s(self) -> int:
        """Return the newest moment that can be read."""
        return int((self.now_s() - SETTLE_S) // self.step_s) * self.step_s

    def due_in_s(self) -> float:
        """Return the seconds until the next moment can be read."""
        return max(self.until_s + self.step_s + SETTLE_S - self.now_s(), 0.2)

    def poll(self) -> list[CountedConnects]:
        """Return what was counted since the last call, up to the newest moment, by time.

        Raises:
            QueryError, MalformedError: the server does not answer as it should.
        """
        self.hosts.update(self._last_samples(), self.until_s)
        newest_s = self.newest_s()
        parts: dict[int, list[CountedConnects]] = {}
        self._read_all(newest_s, parts)
        first_s, self.until_s = self.until_s, max(newest_s, self.until_s)
        return self._by_time(parts, first_s)

    def _read_all(self, newest_s: int, parts: dict[int, list[CountedConnects]]) -> None:
        """Read every host, some at once; the failure of one is its own."""
        waiting, lock = [host for host in self.hosts if host.has_news], threading.Lock()
        asked = tuple(waiting)

        def work() -> None:
            while True:
                with lock:
                    if not waiting:
                        return
                    host = waiting.pop()
                try:
                    counted = self._read_host(host, newest_s)
                except (QueryError, MalformedError) as error:
                    host.failure = str(error)
                    continue
                with lock:
                    for part in counted:
                        parts.setdefault(part.second, []).append(part)

        threads = [
            threading.Thread(target=work, name=f"query {n}", daemon=True)
            for n in range(min(MAX_QUERIES_AT_ONCE, len(waiting)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failures = [host.failure for host in asked]
        if failures and all(failures):
            raise QueryError(failures[0])

    def _read_host(self, host: Host, newest_s: int) -> list[CountedConnects]:
        """Return what one host has counted since it was read last."""
        counted: list[CountedConnects] = []
        first_s = max(host.read_until_s + self.step_s, newest_s - MAX_STEPS_BEHIND * self.step_s)
        left = range(first_s, newest_s + 1, self.step_s)
        while left:
            moments = left[: host.steps_at_once]
            try:
                samples = read_samples(self._range(host.target, moments), moments, host.slots)
            except TooMuchError:
                if len(moments) == 1:
                    raise
                host.steps_at_once = len(moments) // 2
                continue
            counted += host.take(samples, moments, self.step_s)
            left = left[len(moments) :]
        return counted

    def _range(self, target: Target, moments: Sequence[int]) -> list[Any]:
        parameters = {
            "query": counters_of(target),
            "start": str(moments[0]),
            "end": str(moments[-1]),
            "step": str(self.step_s),
        }
        return self._client.ask("query_range", parameters)

    def _by_time(self, parts: dict[int, list[CountedConnects]], first_s: int) -> list[CountedConnects]:
        """Return the counts of all hosts together, a span a step; what came late is in the first new one."""
        merged: dict[int, list[CountedConnects]] = {}
        for second in range(first_s, self.until_s, self.step_s):
            merged[second] = []
        first_s = min(first_s, self.until_s - self.step_s)  # without a new one, in the last one
        for second, of_second in parts.items():
            merged.setdefault(max(second, first_s), []).extend(of_second)
        return [
            merge_counted(of_second, second, self.step_s)
            for second, of_second in sorted(merged.items())
            if of_second
        ]

    def _last_samples(self) -> dict[Target, float]:
        """Return when each host that is scraped now was scraped last; also set the clock."""
        asked_s = self._clock_s()
        result = self._client.ask("query", {"query": LAST_SAMPLES})
        scraped = {}
        for series in parse_series(result):
            for at_s, value in series.values:
                self._clock_offset_s = at_s - (asked_s + self._clock_s()) / 2
                if 0 <= value < 1e11:
                    scraped[target_of(series.labels.items())] = value
        return scraped

    def _last_scrapes(self) -> tuple[dict[Target, float], int]:
        """Return when each host was scraped last, those that are gone included, and the time between scrapes.

        Raises:
            FatalError: there is no host.
        """
        scraped, gaps = {}, []
        for series in parse_series(self._client.ask("query", {"query": SCRAPES})):
            times = [at_s for at_s, _ in series.values]
            scraped[target_of(series.labels.items())] = times[-1]
            gaps += [later - earlier for earlier, later in pairwise(times)]
        if not scraped:
            raise FatalError(
                f"{self._client.server.name} has no metrics of tcpconntop: it must scrape tcpconntop exporter"
            )
        step_s = min(max(round(statistics.median(gaps)), 1), MAX_STEP_S) if gaps else DEFAULT_STEP_S
        return scraped, step_s
