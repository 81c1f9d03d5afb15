"""Reading the BPF ring buffer without a system call or a line of Python for each record.

The kernel writes a record as an 8-byte header (length and two flag bits, page offset) and the payload, padded
to 8 bytes. All of ours have one size, hence one stride, and the kernel maps the data twice in a row, so that
what lies between the consumer's and the producer's position is always one contiguous array.
"""

from __future__ import annotations

import mmap
import select
import threading

import numpy as np

from tcpconntop.core.wire import EVENT, Events

_BUSY = 1 << 31
_DISCARDED = 1 << 30

_RECORD = np.dtype([("length", "u4"), ("page", "u4"), ("event", EVENT)])


class MemoryBarrier:
    """Orders what this thread loads and stores before the call against what it does after.

    x86 keeps loads in order by itself; arm64 does not, and Python offers no fence. Releasing a lock and
    taking it again is one: the release orders all before it, the acquisition all after it, and arm64's
    release/acquire instructions, which CPython's locks end in, are not reordered with each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        """Be the barrier; less than 1 µs."""
        self._lock.release()
        self._lock.acquire()


class RingBuffer:
    """The consumer of one ring buffer of `size` bytes. For one thread.

    `fd` stays the caller's, and must outlive this object.

    Raises:
        OSError: the descriptor is no ring buffer of that size, or may not be mapped.
    """

    def __init__(self, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._mask = size - 1
        self._consumer_map = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._producer_map = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._consumer = np.frombuffer(self._consumer_map, "u8", 1)
        self._producer = np.frombuffer(self._producer_map, "u8", 1)
        self._barrier = MemoryBarrier()
        # Edge-triggered: only the kernel's forced wake-ups end a wait, not the mere presence of data.
        self._epoll = select.epoll()
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLET)

    def wait(self, timeout_s: float) -> None:
        """Sleep until much waits (`settings.wakeup_bytes`), or the time is over."""
        self._epoll.poll(timeout_s)

    def read(self) -> Events:
        """Take all records that are complete, oldest first. Does not wait; may be empty."""
        consumed = int(self._consumer[0])
        waiting = (int(self._producer[0]) - consumed) // _RECORD.itemsize
        if not waiting:
            return np.empty(0, EVENT)
        self._barrier()  # the position was loaded before the headers are
        offset = mmap.PAGESIZE + (consumed & self._mask)
        records = np.ndarray(waiting, _RECORD, self._producer_map, offset)
        lengths = records["length"].copy()
        busy = lengths >= _BUSY
        ready = int(busy.argmax()) if busy.any() else waiting
        self._barrier()  # the headers before the payloads
        events: Events = records["event"][:ready].copy()
        discarded = lengths[:ready] & _DISCARDED != 0
        if discarded.any():
            events = events[~discarded]
        self._barrier()  # the payloads before the room is given back
        self._consumer[0] = consumed + ready * _RECORD.itemsize
        return events

    def close(self) -> None:
        """Give the mappings back. Idempotent."""
        if self._epoll.closed:
            return
        self._epoll.close()
        del self._consumer, self._producer
        self._consumer_map.close()
        self._producer_map.close()
