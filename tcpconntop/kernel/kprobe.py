"""Open a kprobe that exists as long as its descriptor; one that is written to tracefs would stay.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from tcpconntop.kernel.perf_event import open_perf_event

KPROBE_PMU = Path("/sys/bus/event_source/devices/kprobe/type")
NO_KPROBES = "no kprobes in this kernel"

_PERF_IOC_ENABLE, _PERF_IOC_SET_BPF = 0x2400, 0x40042408

_libc = ctypes.CDLL(None, use_errno=True)


def open_kprobe(program: int, function: str, on_return: bool) -> int:
    """Run a program at the begin or at the return of a kernel function. Return the perf event.

    Raises:
        OSError: this kernel has no kprobes, or cannot put one on this function.
    """
    if not KPROBE_PMU.exists():
        raise OSError(0, NO_KPROBES)
    event = open_perf_event(int(KPROBE_PMU.read_text()), int(on_return), function)
    for request, argument in ((_PERF_IOC_SET_BPF, program), (_PERF_IOC_ENABLE, 0)):
        if _libc.ioctl(event, ctypes.c_ulong(request), argument) < 0:
            error = OSError(ctypes.get_errno(), "not attached")
            os.close(event)
            raise error
    return event
