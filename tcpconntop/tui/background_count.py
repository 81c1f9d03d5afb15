"""Reads a whole recording in the background, for the strip and the spikes.

There is no index in a file. A pass over three hours with 200 connects a second takes four to six seconds of
CPU, and to go to a moment, the recording is read up to there anyway. A file beside the recording would have
to be written with the rights of whoever opens it, and be believed the next time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from tcpconntop.core.analysis.overview import Overview, OverviewBuilder
from tcpconntop.core.errors import FatalError
from tcpconntop.core.places import Names
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.wire import Events
from tcpconntop.sources.player import Player

FIRST_S = 0.3
"""When it begins: the first picture comes before."""

WORK_S, REST_S = 0.02, 0.005
"""How long it works at a time, in seconds of CPU, and how long all else has Python for itself then."""

REPORT_S = 0.5
"""Time between two reports of what is known so far."""


class BackgroundCount(threading.Thread):
    """A daemon thread that reads a recording by itself.

    Args:
        builders: see `Player.count_all`.
        report: called in the thread with what is known so far.
        stopped: when set, the thread ends soon.
        may_work: False while it has to wait: somebody waits for something else.
    """

    def __init__(
        self,
        builders: Iterator[OverviewBuilder],
        report: Callable[[Overview], object],
        stopped: threading.Event,
        may_work: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(name="background-count", daemon=True)
        self._builders, self._report, self._stopped = builders, report, stopped
        self._may_work = may_work

    def run(self) -> None:
        """Read to the end. What cannot be read stays unknown: the replay says why."""
        if self._stopped.wait(FIRST_S):
            return
        rest_s = time.thread_time() + WORK_S
        report_s = time.monotonic() + REPORT_S
        builder: OverviewBuilder | None = None
        try:
            for builder in self._builders:
                now_s = time.monotonic()
                if now_s >= report_s:
                    self._report(builder.overview())
                    report_s = now_s + REPORT_S
                if time.thread_time() >= rest_s:
                    if self._stopped.wait(REST_S):
                        return
                    while not self._may_work():
                        if self._stopped.wait(WORK_S):
                            return
                    rest_s = time.thread_time() + WORK_S
        except FatalError:
            return
        if builder is not None:
            self._report(builder.overview())


class RecordingCount:
    """Counts a recording under one filter at a time, in the background.

    Args:
        player: plays the recording.
        report: called in a thread with what is known so far, and the text of its filter.
    """

    def __init__(self, player: Player, report: Callable[[Overview, str], object]) -> None:
        self._player, self._report = player, report
        self._where: str | None = None
        self._stopped = threading.Event()

    def count(self, where: Filter) -> None:
        """Count what a filter leaves, from the beginning, unless that is what was begun last."""
        if where.text == self._where:
            return
        self.stop()
        self._where, self._stopped = where.text, threading.Event()

        def keep(events: Events, names: Names) -> Events:
            return events[where.match_connects(events, names)] if len(events) else events

        def may_work() -> bool:
            return self._player.seek_done

        builders = self._player.count_all(keep if where.terms else None)
        BackgroundCount(
            builders, lambda overview: self._report(overview, where.text), self._stopped, may_work
        ).start()

    def stop(self) -> None:
        """Stop counting soon."""
        self._stopped.set()
