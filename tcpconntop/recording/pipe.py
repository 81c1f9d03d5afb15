"""Reads a pipe: what is there, without waiting for more."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import BinaryIO

CHUNK_BYTES = 1 << 18
"""The most bytes that one read returns. A pipe of Linux holds 64 KiB, a larger one up to 1 MiB."""


class Pipe:
    """The reading end of a pipe, or of whatever else can only be read forward.

    Args:
        file: nothing was read from it yet; closed together with this object.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(file.fileno(), select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def read(self, timeout_s: float | None) -> bytes | None:
        """Return what is there, waiting for it at most `timeout_s` (None: for ever).

        Returns:
            Empty at the end; None if nothing came in time, or `wake` was called.

        Raises:
            OSError: it cannot be read.
        """
        ready = {fd for fd, _ in self._poll.poll(None if timeout_s is None else 1e3 * timeout_s)}
        if self._file.fileno() in ready:
            with suppress(BlockingIOError):  # the other user of this pipe was faster
                return os.read(self._file.fileno(), CHUNK_BYTES)
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.eventfd_read(self._wake)
        return None

    def wake(self) -> None:
        """Make a waiting `read` return now. May be called from any thread, until `close`."""
        if not self._file.closed:
            os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Close it. Idempotent."""
        if not self._file.closed:
            self._file.close()
            os.close(self._wake)
