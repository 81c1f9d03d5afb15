"""Open a kprobe that exists as long as its descriptor; one that is written to tracefs would stay.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

KPROBE_PMU = Path("/sys/bus/event_source/devices/kprobe/type")
NO_KPROBES = "no kprobes in this kernel"

_ONLINE_CPUS = Path("/sys/devices/system/cpu/online")
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_IOC_ENABLE, _PERF_IOC_SET_BPF = 0x2400, 0x40042408
# The part of struct perf_event_attr that kprobes need (PERF_ATTR_SIZE_VER1): type, size, config, period,
# three fields that stay 0, wake-up, bp_type, address of the function's name, offset in the function.
_ATTRIBUTES = struct.Struct("=IIQQ3QIIQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def open_kprobe(program: int, function: str, on_return: bool) -> int:
    """Run a program at the begin or at the return of a kernel function. Return the perf event.

    Raises:
        OSError: this kernel has no kprobes, or cannot put one on this function.
    """
    if not KPROBE_PMU.exists():
        raise OSError(0, NO_KPROBES)
    name = ctypes.create_string_buffer(function.encode())
    kind = int(KPROBE_PMU.read_text())
    attributes = _ATTRIBUTES.pack(
        kind, _ATTRIBUTES.size, int(on_return), 1, 0, 0, 0, 0, 0, ctypes.addressof(name), 0
    )
    cpu = int(_ONLINE_CPUS.read_text().split(",")[0].split("-")[0])  # any: the program runs on all CPUs
    number = _PERF_EVENT_OPEN[os.uname().machine]
    event: int = _libc.syscall(number, attributes, -1, cpu, -1, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC))
    if event < 0:
        raise OSError(ctypes.get_errno(), "not opened")
    for request, argument in ((_PERF_IOC_SET_BPF, program), (_PERF_IOC_ENABLE, 0)):
        if _libc.ioctl(event, ctypes.c_ulong(request), argument) < 0:
            error = OSError(ctypes.get_errno(), "not attached")
            os.close(event)
            raise error
    return event
