"""Returns freed memory to the system.

Large arrays are allocated and freed all the time. glibc keeps what was freed: without this, the resident
memory of a busy window is half as large again.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def trim_heap() -> None:
    """Return free pages of the heap to the system. Takes a few ms; does nothing without glibc."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
