"""The lengths of windows and of the slices that they are made of."""

from __future__ import annotations

WINDOWS: dict[str, float | None] = {"10s": 10, "1m": 60, "5m": 300, "15m": 900, "all": None}
"""The windows by name, in seconds; None is everything since the start."""

SLICE_LENGTHS_S = {60: 1, 300: 10, 900: 30}
"""Length of slices by the age up to which it applies, in seconds. Each is a multiple of the one before."""

MAX_WINDOW_S = max(SLICE_LENGTHS_S)
"""The longest rolling window, and how long slices are kept, in seconds."""
