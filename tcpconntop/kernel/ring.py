"""Read the BPF ring buffer as numpy arrays: no system call and no Python code per record.

The kernel writes a record as an 8-byte header (length and two flag bits, page offset) and the payload, padded
to 8 bytes. All records here have one size, and the kernel maps the data twice in a row. Of the second time
only the first page is mapped here, for the record that goes over the end: the kernel counts mapped pages as
memory of this process, each as often as it is mapped. So what is between the consumer's and the producer's
position is one contiguous array, or two.

Copying out a record takes about 90 ns, against 2.8 µs with BCC's callback and its decoding.
"""

from __future__ import annotations

import mmap
import os
import select
import threading

import numpy as np

from tcpconntop.core.wire import EVENT, Events

_BUSY = 1 << 31
_DISCARDED = 1 << 30

_RECORD = np.dtype([("length", "u4"), ("page", "u4"), ("event", EVENT)])


class MemoryBarrier:
    """A memory barrier: loads and stores before the call are complete before those after it.

    x86 keeps loads in order; arm64 does not, and Python has no fence. Releasing a lock and acquiring it again
    is one: the release orders everything before it, the acquisition everything after it, and the
    release/acquire instructions of arm64, which CPython's locks use, are not reordered with each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        """Run the barrier; takes less than 1 µs."""
        self._lock.release()
        self._lock.acquire()


class RingBuffer:
    """Read one ring buffer of `size` bytes. For one thread.

    The caller closes `fd`, after the last use of this object.

    Raises:
        OSError: the descriptor is not a ring buffer of that size, or may not be mapped.
    """

    def __init__(self, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._size = size
        self._consumer_map = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._producer_map = mmap.mmap(fd, 2 * page + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._consumer = np.frombuffer(self._consumer_map, "u8", 1)
        self._producer = np.frombuffer(self._producer_map, "u8", 1)
        self._barrier = MemoryBarrier()
        # Edge-triggered: a wait ends at a forced wake-up, not already because there is data.
        self._epoll = select.epoll()
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLET)
        self._wish = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wish, select.EPOLLIN)
        self._wish_lock = threading.RLock()  # a signal handler may wake while its own thread closes

    def wait(self, timeout_s: float) -> bool:
        """Sleep until about `wakeup_bytes` of records wait, until `wake` is called, or for `timeout_s`.

        Return True if `wake` was called.
        """
        woken = any(fd == self._wish for fd, _ in self._epoll.poll(timeout_s))
        if woken:
            os.eventfd_read(self._wish)
        return woken

    def wake(self) -> None:
        """End the running `wait`, or else the next one. From any thread, and from a signal handler."""
        with self._wish_lock:
            if self._wish >= 0:
                os.eventfd_write(self._wish, 1)

    def is_empty(self) -> bool:
        """True if no record waits."""
        return int(self._producer[0]) == int(self._consumer[0])

    def read(self) -> Events:
        """Return a copy of all complete records, oldest first. Does not wait; may be empty."""
        before = int(self._consumer[0])
        events = self._read_to_end()
        if before // self._size == int(self._consumer[0]) // self._size:
            return events
        return np.concatenate((events, self._read_to_end()))

    def _read_to_end(self) -> Events:
        """Return a copy of the complete records up to the one that goes over the end of the data."""
        consumed = int(self._consumer[0])
        start = consumed % self._size
        waiting = min(int(self._producer[0]) - consumed, self._size - start + _RECORD.itemsize - 1)
        waiting //= _RECORD.itemsize
        if not waiting:
            return np.empty(0, EVENT)
        self._barrier()  # load the position before the headers
        records = np.ndarray(waiting, _RECORD, self._producer_map, mmap.PAGESIZE + start)
        lengths = records["length"].copy()
        busy = lengths >= _BUSY
        ready = int(busy.argmax()) if busy.any() else waiting
        self._barrier()  # load the headers before the payloads
        events: Events = records["event"][:ready].copy()
        discarded = lengths[:ready] & _DISCARDED != 0
        if discarded.any():
            events = events[~discarded]
        self._barrier()  # load the payloads before the space is released
        self._consumer[0] = consumed + ready * _RECORD.itemsize
        return events

    def close(self) -> None:
        """Unmap the buffer. Idempotent."""
        if self._epoll.closed:
            return
        self._epoll.close()
        with self._wish_lock:
            wish, self._wish = self._wish, -1
            os.close(wish)
        del self._consumer, self._producer
        self._consumer_map.close()
        self._producer_map.close()
