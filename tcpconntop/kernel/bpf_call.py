"""The bpf(2) system call: create maps, load programs, attach them.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct

MAP_CREATE, MAP_UPDATE, PROG_LOAD, RAW_TRACEPOINT_OPEN, MAP_FREEZE, LINK_CREATE = 0, 2, 5, 17, 22, 28
"""Commands (enum bpf_cmd)."""

TYPE_KPROBE, TYPE_RAW_TRACEPOINT, TYPE_TRACING = 2, 17, 26
"""Types of programs (enum bpf_prog_type)."""

ATTACH_FENTRY, ATTACH_FEXIT, ATTACH_KPROBE_MULTI = 24, 25, 42
"""Ways to attach (enum bpf_attach_type)."""

KPROBE_MULTI_RETURN = 1

_NUMBER = {"x86_64": 321, "aarch64": 280}
_LICENSE = ctypes.create_string_buffer(b"GPL")
_LOG_BYTES = 1 << 20
_NAME_BYTES = 15

_libc = ctypes.CDLL(None, use_errno=True)


def call(command: int, attributes: bytes) -> int:
    """Call bpf(2). Return its result, a descriptor for most commands.

    Args:
        command: one of the commands above.
        attributes: the members of `union bpf_attr` that the command uses; the kernel takes the others as 0.

    Raises:
        OSError: the kernel refused.
    """
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result: int = _libc.syscall(_NUMBER[os.uname().machine], command, buffer, len(attributes))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def raise_memory_lock_limit() -> None:
    """Allow as much locked memory as the kernel lets us: kernels before 5.11 count maps as locked memory."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def create_map(name: str, kind: int, key_bytes: int, value_bytes: int, entries: int, flags: int) -> int:
    """Create a map. Return its descriptor.

    Raises:
        OSError: the kernel refused.
    """
    numbers = struct.pack("=5I", kind, key_bytes, value_bytes, entries, flags)
    return call(MAP_CREATE, numbers + struct.pack("=II16s", 0, 0, name.encode()[:_NAME_BYTES]))


def write_map(map_fd: int, key: int, value: bytes) -> None:
    """Write one entry of a map whose keys are 32-bit numbers.

    Raises:
        OSError: the kernel refused.
    """
    key_buffer, value_buffer = ctypes.c_uint32(key), ctypes.create_string_buffer(value, len(value))
    addresses = ctypes.addressof(key_buffer), ctypes.addressof(value_buffer)
    call(MAP_UPDATE, struct.pack("=IIQQQ", map_fd, 0, *addresses, 0))


def freeze_map(map_fd: int) -> None:
    """Allow only programs to write a map from now on.

    Raises:
        OSError: the kernel refused.
    """
    call(MAP_FREEZE, struct.pack("=I", map_fd))


def load_program(name: str, kind: int, code: bytes, attach_type: int = 0, function_id: int = 0) -> int:
    """Load a program. Return its descriptor.

    Args:
        name: shown by tools that list programs.
        kind: its type.
        code: the instructions, with the descriptors of their maps.
        attach_type: how it will be attached, where the type asks for it.
        function_id: BTF number of the kernel function that fentry and fexit programs are for.

    Raises:
        OSError: the kernel refused. Its verifier's last words are in `filename`, where it gave any: they cost
            time, so they are asked for in a second try only.
    """

    def attempt(log: ctypes.Array[ctypes.c_char] | None) -> int:
        code_buffer = ctypes.create_string_buffer(code, len(code))
        attributes = struct.pack(
            "=IIQQIIQII16sIIIIQIIQII",
            kind,
            len(code) // 8,
            ctypes.addressof(code_buffer),
            ctypes.addressof(_LICENSE),
            1 if log else 0,
            len(log) if log else 0,
            ctypes.addressof(log) if log else 0,
            0,  # kern_version
            0,  # prog_flags
            name.encode()[:_NAME_BYTES],
            0,  # prog_ifindex
            attach_type,
            0,  # prog_btf_fd
            0,  # func_info_rec_size
            0,  # func_info
            0,  # func_info_cnt
            0,  # line_info_rec_size
            0,  # line_info
            0,  # line_info_cnt
            function_id,
        )
        return call(PROG_LOAD, attributes)

    try:
        return attempt(None)
    except OSError as error:
        log = ctypes.create_string_buffer(_LOG_BYTES)
        try:
            return attempt(log)
        except OSError:
            lines = log.value.decode("utf-8", "replace").splitlines()[-8:]
            raise OSError(error.errno, error.strerror, "\n".join(lines)) from None


def open_raw_tracepoint(program_fd: int, name: str = "") -> int:
    """Attach a raw tracepoint program, or without a name an fentry or fexit one. Return the link.

    Raises:
        OSError: the kernel refused.
    """
    buffer = ctypes.create_string_buffer(name.encode())
    address = ctypes.addressof(buffer) if name else 0
    return call(RAW_TRACEPOINT_OPEN, struct.pack("=QII", address, program_fd, 0))


def open_kprobe_multi(program_fd: int, function: str, on_return: bool) -> int:
    """Attach a program to a kernel function with fprobe (Linux 5.18). Return the link.

    Raises:
        OSError: the kernel refused.
    """
    symbol = ctypes.create_string_buffer(function.encode())
    symbols = (ctypes.c_uint64 * 1)(ctypes.addressof(symbol))
    flags = KPROBE_MULTI_RETURN if on_return else 0
    return call(
        LINK_CREATE,
        struct.pack(
            "=4I2I3Q", program_fd, 0, ATTACH_KPROBE_MULTI, 0, flags, 1, ctypes.addressof(symbols), 0, 0
        ),
    )
