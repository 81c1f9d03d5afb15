"""A second way to read an opened file, for another thread: with a position of its own."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO

MAX_ZEROS = 1 << 26
"""After so many zeros in a row the file is taken to end: no recording has them, but a sparse file has."""


class OwnPosition(io.RawIOBase):
    """Reads an opened file with pread(2): so nobody else's position moves, and no name is opened again.

    It is closed by itself, whatever becomes of the other file.

    Args:
        file: the opened file.

    Raises:
        OSError: it is no regular file.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._fd = os.dup(file.fileno())
        self._position = self._zeros = 0
        os.pread(self._fd, 0, 0)  # not a pipe

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, and return it."""
        size = os.fstat(self._fd).st_size if whence == io.SEEK_END else 0
        before = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: size}[whence]
        self._position = max(before + offset, 0)
        self._zeros = 0
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes there were."""
        view = memoryview(buffer).cast("B")
        n = os.preadv(self._fd, [view], self._position)
        self._position += n
        self._zeros = self._zeros + n if bytes(view[:n]).count(0) == n else 0
        return 0 if self._zeros > MAX_ZEROS else n

    def close(self) -> None:
        """Close it. Idempotent."""
        if not self.closed:
            os.close(self._fd)
        super().close()
