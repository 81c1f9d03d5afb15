"""Reading records that the loader takes from perf buffers: the shape of `RingBuffer`, over a socket."""

from __future__ import annotations

import select
import socket

import numpy as np

from tcpconntop.core.errors import EXIT_FAILED
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.kernel.forward import DATA_WAITING, MAX_MESSAGE_BYTES, READ_DONE, READ_REQUEST
from tcpconntop.kernel.launch import TracerError


class PerfBuffer:
    """The consumer of a loader that stays. For one thread.

    `connection` stays the caller's, and must outlive this object.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._asked = 0

    def wait(self, timeout_s: float) -> None:
        """Sleep until much waits (`settings.wakeup_bytes`), or the time is over."""
        self._poll.poll(timeout_s * 1000)

    def read(self) -> Events:
        """Take all records that are there, in the order in which attempts ended; may be empty.

        Raises:
            TracerError: the loader is gone.
        """
        batches = []
        try:
            self._connection.send(READ_REQUEST, socket.MSG_NOSIGNAL)
            self._asked += 1  # more than one when an exception (Ctrl-C) ended the last call
            while self._asked:
                message = self._connection.recv(MAX_MESSAGE_BYTES)
                if not message:
                    raise ConnectionResetError
                if message == READ_DONE:
                    self._asked -= 1
                elif message != DATA_WAITING:
                    batches.append(message)
        except ConnectionError as error:
            raise TracerError("the loader, which reads the perf buffers, is gone", EXIT_FAILED) from error
        events: Events = np.frombuffer(b"".join(batches), EVENT)
        # Each CPU has a buffer of its own.
        return events[np.argsort(events["end_ns"], kind="stable")]

    def close(self) -> None:
        """Nothing here is to be given back."""
