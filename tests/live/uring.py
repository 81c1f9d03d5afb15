"""Connect with io_uring. Run as `python uring.py NAME WAY PORT…`: it prints an error number each, 0 for none.

WAY is `now`, `worker` (a thread of the kernel's connects) or `poll` (another one reads the queue). The
process takes NAME.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import sys
from pathlib import Path

SETUP, ENTER = 425, 426
IORING_OP_CONNECT, IOSQE_ASYNC = 16, 1 << 4
SETUP_SQPOLL, ENTER_GETEVENTS, ENTER_SQ_WAKEUP = 1 << 1, 1 << 0, 1 << 1
SQ_RING, CQ_RING, ENTRIES = 0, 0x8000000, 0x10000000
PARAMETERS_BYTES, ENTRY_BYTES, COMPLETION_BYTES = 120, 64, 16
IDLE_MS = 1000

_libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def connect(way: str, port: int) -> int:
    """Connect to a port of 127.0.0.1; return the error number."""
    parameters = ctypes.create_string_buffer(
        struct.pack("5I", 0, 0, SETUP_SQPOLL if way == "poll" else 0, 0, IDLE_MS), PARAMETERS_BYTES
    )
    ring = call(SETUP, 4, parameters)
    submitted, completed = (struct.unpack_from("8I", parameters, at) for at in (40, 80))
    array, completions = submitted[6], completed[5]
    queue = mmap.mmap(ring, array + 4 * 4, offset=SQ_RING)
    done = mmap.mmap(ring, completions + 8 * COMPLETION_BYTES, offset=CQ_RING)
    entries = mmap.mmap(ring, 4 * ENTRY_BYTES, offset=ENTRIES)
    address = ctypes.create_string_buffer(
        struct.pack("=H", socket.AF_INET) + struct.pack("!HI8x", port, 0x7F000001), 16
    )
    with socket.socket() as client:
        flags = IOSQE_ASYNC if way == "worker" else 0
        entry = struct.pack(
            "BBHiQQ", IORING_OP_CONNECT, flags, 0, client.fileno(), 16, ctypes.addressof(address)
        )
        entries[: len(entry)] = entry
        struct.pack_into("I", queue, array, 0)
        struct.pack_into("I", queue, submitted[1], 1)  # the tail
        wake = ENTER_SQ_WAKEUP if way == "poll" else 0
        call(ENTER, ring, int(way != "poll"), 1, ENTER_GETEVENTS | wake, None, 0)
        _, result, _ = struct.unpack_from("QiI", done, completions)
    return -int(result)


def main() -> None:
    Path("/proc/self/comm").write_text(sys.argv[1])
    for port in sys.argv[3:]:
        print(connect(sys.argv[2], int(port)))


if __name__ == "__main__":
    main()
