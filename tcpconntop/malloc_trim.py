"""Returns freed memory to the system.

Large arrays are allocated and freed all the time. glibc keeps what was freed: without this, the resident
memory of a busy window is half as large again.

Large arrays get pages of their own, which the system has back at once. By itself glibc stops that after the
first of them; then an array that is a little larger than the last one, as the sums of the window are each
second, finds no room among the freed ones. And the heap is one for all threads: by itself glibc gives each
its own, and what one has freed is of no use to the others. What both buy: 15 MB with 10,000 destinations,
in the same CPU time.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

LARGE_BYTES = 1 << 21
"""Bytes from which an array has pages of its own. The system clears them: much less would cost CPU time."""

TOP_BYTES = 1 << 23
"""Free bytes at the end of the heap that stay until `trim_heap`: what a refresh needs for a moment."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Numbers of the parameters in mallopt(3)."""


def limit_heap() -> None:
    """Keep less of what is freed; does nothing without glibc. Call it before other threads start."""
    if _malloc_trim() is not None:
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, TOP_BYTES)
        mallopt(_M_ARENA_MAX, 1)


def trim_heap() -> None:
    """Return free pages of the heap to the system. Takes a few ms; does nothing without glibc."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
