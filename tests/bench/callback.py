"""The obvious alternative: one Python callback a record, a dict of lists, percentiles by sorting.

The record is decoded as BCC's callback path does it: a pointer is cast to a ctypes Structure and its
fields are read as attributes.
"""

from __future__ import annotations

import ctypes
import ipaddress
from collections import defaultdict, deque
from itertools import count

from tcpconntop.core.wire import EVENT, Events, Outcome

Key = tuple[str, int, int, str]


class Record(ctypes.Structure):
    """`struct event`."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns", "cgroup_id")),
        *((name, ctypes.c_uint32) for name in ("netns", "tgid", "uid")),
        *((name, ctypes.c_uint16) for name in ("syn_retransmits", "error")),
        ("saddr", ctypes.c_uint8 * 16),
        ("daddr", ctypes.c_uint8 * 16),
        *((name, ctypes.c_uint16) for name in ("lport", "dport")),
        *((name, ctypes.c_uint8) for name in ("family", "outcome")),
        ("reserved", ctypes.c_uint16),
        ("comm", ctypes.c_char * 16),
    )


assert ctypes.sizeof(Record) == EVENT.itemsize


class DictOfLists:
    """A rolling window as one would write it first."""

    def __init__(self, window_s: float = 60) -> None:
        self._window_ns = int(window_s * 1e9)
        self._latency: defaultdict[Key, deque[tuple[int, float]]] = defaultdict(deque)
        self._outcomes: defaultdict[Key, list[int]] = defaultdict(lambda: [0] * len(Outcome))

    def ingest(self, events: Events, now_ns: int) -> None:
        """Hand the records to the callback one by one, as `perf_buffer_poll` does."""
        raw = events.tobytes()
        base = ctypes.cast(ctypes.c_char_p(raw), ctypes.c_void_p).value or 0
        for _, offset in zip(range(len(events)), count(0, EVENT.itemsize), strict=False):
            self._callback(0, base + offset, EVENT.itemsize, now_ns)

    def _callback(self, _cpu: int, data: int, _size: int, now_ns: int) -> None:
        event = ctypes.cast(data, ctypes.POINTER(Record)).contents
        raw = bytes(event.daddr)
        address = ipaddress.ip_address(raw[:4] if event.family == 4 else raw)
        key = (str(address), event.dport, event.tgid, event.comm.decode("utf-8", "replace"))
        self._outcomes[key][event.outcome] += 1
        if event.outcome == Outcome.OK:
            seen = self._latency[key]
            seen.append((now_ns, (event.end_ns - event.begin_ns) / 1000))
            while seen[0][0] <= now_ns - self._window_ns:
                seen.popleft()

    def view(self, top: int = 60) -> list[tuple[float, Key]]:
        """Sort all keys by p99, the greatest first."""
        ranked = []
        for key, seen in self._latency.items():
            ordered = sorted(latency for _, latency in seen)
            ranked.append((ordered[int(0.99 * (len(ordered) - 1))], key))
        return sorted(ranked, reverse=True)[:top]
