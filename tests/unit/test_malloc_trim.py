"""Freed memory is returned to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tcpconntop.malloc_trim import trim_heap

PAGE = 4096


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_given_many_freed_arrays_between_others_when_trimmed_then_they_are_not_resident():
    arrays = [np.ones(8 * PAGE, np.uint8) for _ in range(2_000)]
    kept = arrays[::10]
    del arrays
    before = resident_pages()
    trim_heap()
    assert resident_pages() < before - 8 * 900
    assert all(array.all() for array in kept)


LARGE = """
import tcpconntop.malloc_trim as heap
heap.limit_heap()

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

bytearray(b"x") * (16 << 20)  # by itself, glibc keeps arrays of up to this size from now on
arrays = [bytearray(b"x") * (heap.LARGE_BYTES + n) for n in range(9)]
before, last = resident(), arrays.pop()
del arrays
assert resident() < before - 8 * heap.LARGE_BYTES * 9 // 10
"""


def test_given_a_limited_heap_when_large_arrays_are_freed_then_they_are_not_resident():
    subprocess.run([sys.executable, "-c", LARGE], check=True)
