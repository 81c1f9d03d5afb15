"""Read records that the loader forwards from perf buffers: the interface of `RingBuffer`, over a socket."""

from __future__ import annotations

import select
import socket

import numpy as np

from tcpconntop.core.errors import EXIT_FAILED
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.kernel.forward import DATA_WAITING, MAX_MESSAGE_BYTES, READ_DONE, READ_REQUEST
from tcpconntop.kernel.launch import TracerError


class PerfBuffer:
    """Read records from a loader that stays. For one thread.

    The caller closes `connection`, after the last use of this object.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._requests = 0

    def wait(self, timeout_s: float) -> None:
        """Sleep until `wakeup_bytes` of records wait, or for `timeout_s`."""
        self._poll.poll(timeout_s * 1000)

    def read(self) -> Events:
        """Return all waiting records, in the order in which the attempts ended; may be empty.

        Raises:
            TracerError: the loader has ended.
        """
        batches = []
        try:
            self._connection.send(READ_REQUEST, socket.MSG_NOSIGNAL)
            self._requests += 1  # 2 or more if an exception (Ctrl-C) ended the last call
            while self._requests:
                message = self._connection.recv(MAX_MESSAGE_BYTES)
                if not message:
                    raise ConnectionResetError
                if message == READ_DONE:
                    self._requests -= 1
                elif message != DATA_WAITING:
                    batches.append(message)
        except ConnectionError as error:
            raise TracerError("the loader, which reads the perf buffers, has ended", EXIT_FAILED) from error
        events: Events = np.frombuffer(b"".join(batches), EVENT)
        # Each CPU has its own buffer.
        return events[np.argsort(events["end_ns"], kind="stable")]

    def close(self) -> None:
        """Do nothing: the caller owns the connection."""
