"""Read the perf buffers in the loader process, and send their records on request.

Records stay in the perf buffers until they are requested, and the BPF program counts those that find a buffer
full. So a slow reader loses records, but costs no memory and delays nothing.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import select
import socket
from typing import Any

READ_REQUEST = b"?"
"""To the loader: send all records that there are."""
READ_DONE = b"."
"""From the loader: the request is answered. The messages before it hold whole records."""
DATA_WAITING = b"!"
"""From the loader, without a request: `wakeup_bytes` of records wait."""

MAX_MESSAGE_BYTES = 1 << 16
"""Size of the largest message on the loader's socket."""

_PAGE_BYTES = 4096
_MIN_BUFFER_BYTES = 1 << 18
_PERF_HEADER_BYTES = 12  # header and length of a raw sample


class PerfForwarder:
    """The perf buffers of all CPUs, read by BCC. They collect records from the creation of this object on.

    Args:
        bcc: BCC's module.
        module: the compiled program.
        size: bytes of all buffers together, a power of two; each CPU gets an equal share, at least 256 KiB.
        record_bytes: size of one record. Samples are padded to more.
        wakeup_bytes: how many bytes of records may wait before `DATA_WAITING` is sent.
    """

    def __init__(self, bcc: Any, module: Any, size: int, record_bytes: int, wakeup_bytes: int) -> None:
        self._module = module
        self._record_bytes = record_bytes
        self._records: list[bytes] = []
        table = module["tct_events"]
        cpus = len(bcc.utils.get_online_cpus())
        share = max(_MIN_BUFFER_BYTES, size >> (cpus - 1).bit_length())
        wakeup_events = max(1, wakeup_bytes // (record_bytes + _PERF_HEADER_BYTES))
        table.open_perf_buffer(self._add_record, share // _PAGE_BYTES, wakeup_events=wakeup_events)
        self._buffers = [bcc.lib.perf_reader_fd(ctypes.c_void_p(r)) for r in module.perf_buffers.values()]

    def serve(self, connection: socket.socket) -> None:
        """Answer requests until the other end of `connection` is closed."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        while True:
            for fd in self._buffers:
                poll.register(fd, select.POLLIN)
            ready = [fd for fd, _ in poll.poll()]
            if connection.fileno() not in ready:
                connection.send(DATA_WAITING)
                for fd in self._buffers:  # one message is enough: now wait only for the request
                    poll.unregister(fd)
                poll.poll()
            if not connection.recv(1):
                return
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        self._module.perf_buffer_consume()
        records, self._records = self._records, []
        per_message = MAX_MESSAGE_BYTES // self._record_bytes
        for first in range(0, len(records), per_message):
            connection.send(b"".join(records[first : first + per_message]))
        connection.send(READ_DONE)

    def _add_record(self, _cpu: int, data: int, _size: int) -> None:
        self._records.append(ctypes.string_at(data, self._record_bytes))
