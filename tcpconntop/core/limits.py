"""Choices and limits of options that code elsewhere uses too. Imports no numpy: `--help` has to be fast."""

from __future__ import annotations

PROBES = ("auto", "fentry", "kprobe", "tracepoint")
"""Values of `--probe`."""

TRANSPORTS = ("auto", "ring", "perf")
"""Values of `--transport`."""

LOADERS = ("auto", "image", "bcc")
"""Values of `--loader`."""

FILTER_LIST_MAX = 16
"""Longest list that the kernel side can filter by (`FILTER_LIST_MAX` of bpf/event.h)."""

MIN_DELAY_S, MAX_DELAY_S = 0.1, 3600.0
"""Bounds of the time between two refreshes."""

DEFAULT_MAX_KEYS = 20_000
"""Default of `--max-keys`: pairs of process and destination that are counted apart."""

MAX_IN_FLIGHT = 1 << 24
"""Upper bound of `--max-in-flight`."""

EVENT_BYTES = 144
"""Size of a record (`wire.EVENT`)."""
