"""The filter of system calls, run here by a small interpreter of classic BPF, and by the kernel."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import subprocess
import sys

import pytest

from tcpconntop.kernel.seccomp import NEW_NAMESPACES, REFUSED, TERMINAL_INPUT, filter_instructions

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OTHER_ARCH = 0x40000003  # i386
ALLOWED, REFUSED_RESULT, UNKNOWN_CALL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
CALLS = {
    "x86_64": {"read": 0, "clone": 56, "ioctl": 16, "socket": 41, "execve": 59, "socketpair": 53},
    "aarch64": {"read": 63, "clone": 220, "ioctl": 29, "socket": 198, "execve": 221, "socketpair": 199},
}
THREAD_FLAGS = 0x3D0F00


def decide(machine: str, number: int, *arguments: int, arch: int = 0, unix_sockets: bool = False) -> int:
    """Return what the filter returns for a system call."""
    words = (arguments + (0,) * 6)[:6]
    data = struct.pack("<IIQ6Q", number, arch or ARCH[machine], 0, *words)
    code = [struct.unpack("=HBBI", one) for one in filter_instructions(machine, unix_sockets=unix_sockets)]
    at, loaded = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            loaded = struct.unpack_from("<I", data, value)[0]
            continue
        holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[operation]
        at += if_true if holds else if_false


LISTED = (
    "bpf", "ptrace", "perf_event_open", "process_vm_readv", "process_vm_writev", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "kcmp", "mount", "umount2", "move_mount", "open_tree", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr", "pivot_root", "chroot", "init_module", "finit_module",
    "delete_module", "kexec_load", "kexec_file_load", "add_key", "request_key", "keyctl", "userfaultfd",
    "setns", "unshare", "io_uring_setup", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown",
    "lchown", "fchownat", "setxattr", "fsetxattr",
)  # fmt: skip
NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)


def test_the_filter_has_what_security_md_lists() -> None:
    assert set(LISTED) <= REFUSED.keys()
    assert sum(NAMESPACES) == NEW_NAMESPACES


@pytest.mark.parametrize("machine", ARCH)
def test_what_gives_privileges_back_is_refused_and_nothing_else(machine: str) -> None:
    column = list(ARCH).index(machine)
    numbers = {name: both[column] for name, both in REFUSED.items() if both[column] >= 0}
    assert {name for name, number in numbers.items() if decide(machine, number) != REFUSED_RESULT} == set()
    for name in ("read", "execve", "socketpair"):
        assert decide(machine, CALLS[machine][name]) == ALLOWED
    refused = {number for number in range(1000) if decide(machine, number, 99) == REFUSED_RESULT}
    assert refused == set(numbers.values())


@pytest.mark.parametrize("machine", ARCH)
def test_arguments_decide_where_the_call_itself_is_needed(machine: str) -> None:
    call = CALLS[machine]
    assert decide(machine, call["clone"], THREAD_FLAGS) == ALLOWED
    for bit in range(32):
        if NEW_NAMESPACES >> bit & 1:
            assert decide(machine, call["clone"], THREAD_FLAGS | 1 << bit) == REFUSED_RESULT
    assert decide(machine, 435) == UNKNOWN_CALL  # clone3: the C library then uses clone
    assert decide(machine, call["ioctl"], 0, 0x5413) == ALLOWED  # TIOCGWINSZ
    assert {decide(machine, call["ioctl"], 0, request) for request in TERMINAL_INPUT} == {REFUSED_RESULT}
    assert decide(machine, call["socket"], socket.AF_INET) == ALLOWED
    assert decide(machine, call["socket"], socket.AF_UNIX) == REFUSED_RESULT
    assert decide(machine, call["socket"], socket.AF_UNIX, unix_sockets=True) == ALLOWED


@pytest.mark.parametrize("machine", ARCH)
def test_numbers_of_another_architecture_are_refused(machine: str) -> None:
    assert decide(machine, CALLS[machine]["read"], arch=OTHER_ARCH) == REFUSED_RESULT
    if machine == "x86_64":
        assert decide(machine, 1 << 30 | CALLS[machine]["read"]) == REFUSED_RESULT  # x32


PROGRAM = """
import ctypes, errno, json, os, threading
from tcpconntop.kernel.seccomp import REFUSED, refuse_system_calls
libc = ctypes.CDLL(None, use_errno=True)
column = ("x86_64", "aarch64").index(os.uname().machine)
def codes():
    found = {}
    for name, numbers in REFUSED.items():
        if numbers[column] >= 0:
            result = libc.syscall(numbers[column], *[ctypes.c_long(-1)] * 6)
            found[name] = ctypes.get_errno() if result < 0 else 0
    return found
before = codes()
assert refuse_system_calls()
results = [before, codes()]
thread = threading.Thread(target=lambda: results.append(codes()))
thread.start()
thread.join()
print(json.dumps(results), flush=True)
if os.fork() == 0:
    print(json.dumps([codes()]), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(os.uname().machine not in ARCH, reason="no filter for this machine")
def test_the_kernel_refuses_them_in_every_thread_and_child() -> None:
    """GIVEN calls with senseless arguments WHEN the filter is on THEN each is refused unread."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    (before, *others), children = map(json.loads, done.stdout.splitlines())
    assert len({code for code in before.values() if code != errno.EPERM}) > 1
    for after in (*others, *children):
        assert {name for name, code in after.items() if code != errno.EPERM} == set()
