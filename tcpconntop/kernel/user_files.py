"""Open the files that a user names or owns: the only way in which this program reads and writes files.

What is read must be a regular file: a FIFO or a device could block, or fill the memory. Only a stream may
come from a FIFO, where its reader waits for each byte. A link is followed; it is opened with the rights of
the user (`as_caller`), so it leads nowhere that they may not go. What is written is always a new file, which
only its owner may read; a link is never followed.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

MAX_SMALL_FILE_BYTES = 1 << 20
"""Upper bound for files that are read as a whole: settings, and what the dashboard remembers."""

_OWN_DESCRIPTOR = re.compile(r"/dev/stdin|(?:/dev|/proc/self)/fd/(\d{1,6})")


def open_to_read(path: Path, *, or_fifo: bool = False) -> BinaryIO:
    """Open a regular file, or a descriptor that this process was started with, such as /dev/stdin.

    With `or_fifo` also a FIFO, for a reader that polls: reads do not wait there, and it has no end before its
    first writer has come.

    Raises:
        OSError: it cannot be opened, or is none of these.
    """
    if match := _OWN_DESCRIPTOR.fullmatch(str(path)):
        return os.fdopen(os.dup(int(match[1] or 0)), "rb")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not (stat.S_ISREG(mode) or (or_fifo and stat.S_ISFIFO(mode))):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_small_file(path: Path) -> bytes:
    """Return what is in a regular file.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger than `MAX_SMALL_FILE_BYTES`.
    """
    with open_to_read(path) as file:
        data = file.read(MAX_SMALL_FILE_BYTES + 1)
    if len(data) > MAX_SMALL_FILE_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MAX_SMALL_FILE_BYTES >> 20} MiB")
    return data


def create_private(path: Path) -> int:
    """Make a file that nobody else may read; return its descriptor, which appends.

    Raises:
        OSError: it cannot be made, or something of that name exists, be it a link that leads nowhere.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)
