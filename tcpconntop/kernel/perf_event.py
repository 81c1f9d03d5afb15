"""Open a perf event: for kprobes, and to ask whether perf buffers are allowed.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

TYPE_SOFTWARE, CONFIG_BPF_OUTPUT = 1, 10
"""Type and number of the events that carry the records of BPF programs (enum perf_type_id, perf_sw_ids)."""

_ONLINE_CPUS = Path("/sys/devices/system/cpu/online")
_NUMBER = {"x86_64": 298, "aarch64": 241}
_FLAG_FD_CLOEXEC = 8
# The part of struct perf_event_attr that kprobes need (PERF_ATTR_SIZE_VER1): type, size, config, period, type
# of samples, two fields that stay 0, wake-up, bp_type, address of the name of the function, offset in it.
_ATTRIBUTES = struct.Struct("=IIQQ3QIIQQ")
_SAMPLE_RAW = 1 << 10

_libc = ctypes.CDLL(None, use_errno=True)


def open_perf_event(kind: int, config: int, name: str = "") -> int:
    """Open an event of all processes on one CPU: the program of a kprobe runs on all. Return its descriptor.

    Args:
        kind: its type; those of kprobes and the like are in /sys.
        config: its number within the type, or the flags of a kprobe.
        name: the function of a kprobe.

    Raises:
        OSError: the kernel refused.
    """
    function = ctypes.create_string_buffer(name.encode())
    address = ctypes.addressof(function) if name else 0
    samples = 0 if name else _SAMPLE_RAW
    attributes = _ATTRIBUTES.pack(kind, _ATTRIBUTES.size, config, 1, samples, 0, 0, 0, 0, address, 0)
    cpu = int(_ONLINE_CPUS.read_text().split(",")[0].split("-")[0])
    number = _NUMBER[os.uname().machine]
    event: int = _libc.syscall(number, attributes, -1, cpu, -1, ctypes.c_ulong(_FLAG_FD_CLOEXEC))
    if event < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return event
