"""The records of `Load`, made by a process of its own: what it costs is not measured with the dashboard."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events

READS_PER_S = 10
"""As many as the ring buffer is read while connects come (`kernel/session.py`)."""

PIPE_BYTES = 1 << 20


class LoadProcess:
    """A `Source` of what another process writes: `warm_s` seconds at once, and then continues in real time.

    Args:
        n_keys: number of destinations.
        per_s: records per second.
        warm_s: seconds of history at the start.
    """

    def __init__(self, n_keys: int, per_s: int, warm_s: int = 61) -> None:
        self._size, self._reads = per_s // READS_PER_S, 0
        self._begin_ns = time.monotonic_ns() - warm_s * SECOND_NS
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self._fd, writer = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        words = map(str, (n_keys, per_s, self._begin_ns))
        self._process = subprocess.Popen([sys.executable, "-m", __name__, *words], stdout=writer)
        os.close(writer)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self.info = SourceInfo("bench", "6.12.0", "", "", "synthetic")
        self.ended = False

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next tenth of a second, once they are there."""
        events = np.empty(self._size, EVENT)
        if not self._poll.poll(timeout_s * 1e3):
            return events[:0]
        unread = memoryview(events.view(np.uint8))
        while unread and (n := os.readv(self._fd, [unread])):
            unread = unread[n:]
        self._reads += 1
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        return events

    def ledger(self) -> Ledger:
        """Return the totals of all records that were read."""
        return Ledger(int(self._outcomes.sum()), tuple(int(n) for n in self._outcomes))

    def places(self) -> Places:
        """Return no names."""
        return NO_PLACES

    def units(self) -> Mapping[int, str | None]:
        """Return no names."""
        return {}

    def host(self) -> None:
        """Return None: there is no host to read facts from."""

    player = wake = None

    def now_ns(self) -> int:
        """Return the time at the end of the last step, in ns."""
        return self._begin_ns + self._reads * SECOND_NS // READS_PER_S

    def wall_offset_ns(self) -> int:
        """Return the offset from this clock to Unix time, in ns."""
        return time.time_ns() - time.monotonic_ns()

    def close(self) -> None:
        """End the other process: no more records."""
        self.ended = True
        self._process.kill()


def write(n_keys: int, per_s: int, begin_ns: int) -> None:
    """Write records to stdout, as many at a time as are read."""
    from tests.bench.load import STEP_NS, Load

    load = Load(n_keys, per_s, begin_ns=begin_ns)
    steps = SECOND_NS // STEP_NS // READS_PER_S
    with suppress(BrokenPipeError):
        while True:
            batch: list[Events] = []
            while len(batch) < steps:
                batch += [events] if len(events := load.read(1)) else []
            sys.stdout.buffer.write(b"".join(events.tobytes() for events in batch))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    write(*map(int, sys.argv[1:]))
