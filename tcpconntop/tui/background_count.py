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
