"""The loader's part of the perf transport: it keeps the perf buffers and hands on what it is asked for.

Nothing waits here: records stay in the perf buffers until they are asked for, and the kernel side counts
those that find a buffer full. So a slow interface costs records, never memory, and holds nobody up.
"""

from __future__ import annotations

import ctypes
import select
import socket
from typing import Any

READ_REQUEST = b"?"
"""From the interface: give all there is."""
READ_DONE = b"."
"""To the interface: that was all. What comes before it are messages of whole records."""
DATA_WAITING = b"!"
"""To the interface, unasked: much waits."""

MAX_MESSAGE_BYTES = 1 << 16

_PAGE = 4096
_BYTES_MIN = 1 << 18
_PERF_HEADER = 12  # header and length of a raw sample


class PerfForwarder:
    """Perf buffers of some bytes in all, read by BCC. They take records as soon as this exists.

    Args:
        bcc: the module.
        module: the compiled program.
        size: bytes of all buffers together, a power of two; each CPU gets its share, but 256 KiB at least.
        record_bytes: of one record. Samples are padded to more.
        wakeup_bytes: how much is much.
    """

    def __init__(self, bcc: Any, module: Any, size: int, record_bytes: int, wakeup_bytes: int) -> None:
        self._module = module
        self._record_bytes = record_bytes
        self._records: list[bytes] = []
        table = module["tct_events"]
        cpus = len(bcc.utils.get_online_cpus())
        share = max(_BYTES_MIN, size >> (cpus - 1).bit_length())
        table.open_perf_buffer(
            self._take, share // _PAGE, wakeup_events=max(1, wakeup_bytes // (record_bytes + _PERF_HEADER))
        )
        self._buffers = [bcc.lib.perf_reader_fd(ctypes.c_void_p(r)) for r in module.perf_buffers.values()]

    def serve(self, connection: socket.socket) -> None:
        """Answer until the other end of `connection` closes."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        while True:
            self._watch(poll)
            ready = [fd for fd, _ in poll.poll()]
            if connection.fileno() not in ready:
                connection.send(DATA_WAITING)
                for fd in self._buffers:
                    poll.unregister(fd)
                ready = [fd for fd, _ in poll.poll()]
            if not connection.recv(1):
                return
            self._answer(connection)

    def _watch(self, poll: select.poll) -> None:
        for fd in self._buffers:
            poll.register(fd, select.POLLIN)

    def _answer(self, connection: socket.socket) -> None:
        self._module.perf_buffer_consume()
        records, self._records = self._records, []
        each = MAX_MESSAGE_BYTES // self._record_bytes
        for first in range(0, len(records), each):
            connection.send(b"".join(records[first : first + each]))
        connection.send(READ_DONE)

    def _take(self, _cpu: int, data: int, _size: int) -> None:
        self._records.append(ctypes.string_at(data, self._record_bytes))
