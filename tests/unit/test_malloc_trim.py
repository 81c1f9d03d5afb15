"""Freed memory is returned to the system."""

from __future__ import annotations

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
