"""The simple way, for comparison: one Python callback per record, a dict of lists, percentiles by sorting.

The path from the buffer to the dict is the same as in BCC: C code walks over the records and calls a ctypes
callback for each one. The callback is wrapped as in BCC's `open_ring_buffer`; it casts the pointer to a
Structure and reads the fields as attributes. Here the C code is the C library's linear search, `lfind`: it
calls the comparison function for every record, and the function always answers "not equal". Addresses are not
formatted; they stay bytes.
"""

from __future__ import annotations

import ctypes
from collections import defaultdict, deque
from typing import Any

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import EVENT, Events, Outcome

Key = tuple[bytes, int, int, bytes]

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_lfind = ctypes.CDLL(None).lfind
_lfind.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, _CALLBACK)


class Record(ctypes.Structure):
    """`struct event`."""

    _fields_ = (
        *(
            (name, ctypes.c_uint64)
            for name in ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns", "cgroup_id", "process_start_ns")
        ),
        *((name, ctypes.c_uint32) for name in ("netns", "tgid", "uid", "scope_id", "srtt_us")),
        *((name, ctypes.c_uint16) for name in ("syn_retransmits", "error")),
        ("saddr", ctypes.c_uint8 * 16),
        ("daddr", ctypes.c_uint8 * 16),
        *((name, ctypes.c_uint16) for name in ("lport", "dport")),
        *((name, ctypes.c_uint8) for name in ("family", "outcome")),
        ("syn_unsent", ctypes.c_uint16),
        ("comm", ctypes.c_char * 16),
        ("thread", ctypes.c_char * 16),
    )


assert ctypes.sizeof(Record) == EVENT.itemsize


class DictOfLists:
    """A rolling window, written in the simplest way."""

    def __init__(self, window_s: float = 60) -> None:
        self._window_ns = int(window_s * SECOND_NS)
        self._latency: defaultdict[Key, deque[tuple[int, float]]] = defaultdict(deque)
        self._outcomes: defaultdict[Key, list[int]] = defaultdict(lambda: [0] * len(Outcome))
        self._now_ns = 0
        self._from_c = _CALLBACK(self._called)

    def ingest(self, events: Events, now_ns: int) -> None:
        """Pass the records to the callback one by one from C code, as `ring_buffer_poll` does."""
        self._now_ns = now_ns
        n = ctypes.c_size_t(len(events))
        _lfind(None, events.tobytes(), ctypes.byref(n), EVENT.itemsize, self._from_c)

    def _called(self, ctx: int, data: int) -> int:
        answer = self._callback(ctx, data, EVENT.itemsize)
        try:
            int(answer)
        except TypeError:  # the callback returns None; BCC handles it in the same way
            return 1
        return 1

    def _callback(self, _ctx: int, data: int, _size: int) -> Any:
        event = ctypes.cast(data, ctypes.POINTER(Record)).contents
        key = (bytes(event.daddr), event.dport, event.tgid, event.comm)
        self._outcomes[key][event.outcome] += 1
        if event.outcome == Outcome.OK:
            latencies = self._latency[key]
            latencies.append((self._now_ns, (event.end_ns - event.begin_ns) / 1000))
            while latencies[0][0] <= self._now_ns - self._window_ns:
                latencies.popleft()

    def view(self, top: int = 60) -> list[tuple[float, Key]]:
        """Return the `top` keys with the highest p99, highest first."""
        ranked = []
        for key, latencies in self._latency.items():
            ordered = sorted(latency for _, latency in latencies)
            ranked.append((ordered[int(0.99 * (len(ordered) - 1))], key))
        return sorted(ranked, reverse=True)[:top]
