"""The ring buffer reader, over a file with the layout of the kernel's."""

from __future__ import annotations

import mmap
import os
import select
from collections.abc import Iterator

import numpy as np
import pytest

from tcpconntop.core.wire import EVENT
from tcpconntop.kernel.ring import RingBuffer

SIZE = 1 << 13
STRIDE = 8 + EVENT.itemsize
BUSY, DISCARDED = 1 << 31, 1 << 30


class FakeRing:
    """A file with the layout of a BPF ring buffer. The second copy of the data is written as well."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * mmap.PAGESIZE + 2 * SIZE)
        self.memory = mmap.mmap(self.fd, 0)
        self.produced = 0

    def put(self, begin_ns: int, flags: int = 0) -> int:
        """Append a record. Return its position."""
        record = np.zeros((), EVENT)
        record["begin_ns"] = begin_ns
        position = self.produced
        self.write(position, np.uint32(EVENT.itemsize | flags).tobytes() + bytes(4) + record.tobytes())
        self.produced += STRIDE
        self.memory[mmap.PAGESIZE : mmap.PAGESIZE + 8] = np.uint64(self.produced).tobytes()
        return position

    def finish(self, position: int, flags: int = 0) -> None:
        """Commit or discard a busy record."""
        self.write(position, np.uint32(EVENT.itemsize | flags).tobytes())

    def write(self, position: int, content: bytes) -> None:
        for number, byte in enumerate(content):
            offset = 2 * mmap.PAGESIZE + (position + number) % SIZE
            self.memory[offset] = self.memory[offset + SIZE] = byte

    @property
    def consumed(self) -> int:
        return int(np.frombuffer(self.memory[:8], "u8")[0])


class NoEpoll:
    """A plain file cannot be polled."""

    closed = False

    def register(self, fd: int, events: int) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fake() -> Iterator[FakeRing]:
    fake = FakeRing()
    yield fake
    fake.memory.close()
    os.close(fake.fd)


@pytest.fixture
def ring(fake: FakeRing, monkeypatch: pytest.MonkeyPatch) -> Iterator[RingBuffer]:
    monkeypatch.setattr(select, "epoll", NoEpoll)
    ring = RingBuffer(fake.fd, SIZE)
    yield ring
    ring.close()


def begins(ring: RingBuffer) -> list[int]:
    return list(map(int, ring.read()["begin_ns"]))


def test_nothing(ring: RingBuffer) -> None:
    assert begins(ring) == []


def test_records_are_taken_once(fake: FakeRing, ring: RingBuffer) -> None:
    for number in (2, 3, 5):
        fake.put(number)
    assert begins(ring) == [2, 3, 5]
    assert fake.consumed == fake.produced
    assert begins(ring) == []


def test_a_busy_record_holds_back_those_behind_it(fake: FakeRing, ring: RingBuffer) -> None:
    """GIVEN a record that is being written WHEN reading THEN only records before it are returned."""
    fake.put(2)
    busy = fake.put(3, BUSY)
    fake.put(5)
    assert begins(ring) == [2]
    assert begins(ring) == []
    assert fake.consumed == busy
    fake.finish(busy)
    assert begins(ring) == [3, 5]


def test_discarded_records_are_skipped(fake: FakeRing, ring: RingBuffer) -> None:
    fake.put(2, DISCARDED)
    fake.put(3)
    busy = fake.put(5, BUSY)
    fake.put(7)
    assert begins(ring) == [3]
    fake.finish(busy, DISCARDED)
    assert begins(ring) == [7]
    assert fake.consumed == fake.produced


def test_the_reader_wraps_around(fake: FakeRing, ring: RingBuffer) -> None:
    """Records that cross the end are whole, many times over."""
    sent, got = [], []
    for number in range(5 * SIZE // STRIDE):
        fake.put(number)
        sent.append(number)
        if number % 7 == 6:
            got += begins(ring)
    assert got + begins(ring) == sent


def test_all_that_waits_comes_at_once(fake: FakeRing, ring: RingBuffer) -> None:
    """GIVEN a ring that is full from its middle on WHEN reading THEN those after its end come too."""
    for number in range(20):
        fake.put(number)
    assert len(begins(ring)) == 20
    sent = list(range(SIZE // STRIDE))
    for number in sent:
        fake.put(number)
    assert begins(ring) == sent
    assert fake.consumed == fake.produced


def test_a_batch_is_a_copy(fake: FakeRing, ring: RingBuffer) -> None:
    """GIVEN a batch WHEN its space is written again THEN the batch does not change."""
    fake.put(2)
    batch = ring.read()
    for number in range(SIZE // STRIDE):
        fake.put(100 + number)
    assert batch["begin_ns"].tolist() == [2]
