"""The records of `Load`, made by a process of its own: what it costs is not measured with the dashboard."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
from contextlib import suppress

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import EVENT, Events
from tests.bench.made_source import MadeSource, begin_before_now

READS_PER_S = 10
"""As many as the ring buffer is read while connects come (`kernel/session.py`)."""

PIPE_BYTES = 1 << 20


class LoadProcess(MadeSource):
    """A `Source` of what another process writes: `warm_s` seconds at once, and then continues in real time.

    Args:
        n_keys: number of destinations.
        per_s: records per second.
        warm_s: seconds of history at the start.
    """

    def __init__(self, n_keys: int, per_s: int, warm_s: int = 61) -> None:
        super().__init__(begin_before_now(warm_s), SECOND_NS // READS_PER_S)
        self._size = per_s // READS_PER_S
        self._fd, writer = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        words = map(str, (n_keys, per_s, self._begin_ns))
        self._process = subprocess.Popen([sys.executable, "-m", __name__, *words], stdout=writer)
        os.close(writer)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next tenth of a second, once they are there."""
        events = np.empty(self._size, EVENT)
        if not self._poll.poll(timeout_s * 1e3):
            return events[:0]
        unread = memoryview(events.view(np.uint8))
        while unread and (n := os.readv(self._fd, [unread])):
            unread = unread[n:]
        return self.deliver(events)

    def close(self) -> None:
        """End the other process: no more records."""
        super().close()
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
