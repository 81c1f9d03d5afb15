"""Refuse system calls that this program never makes, for this process and every child, for good.

A filter in classic BPF, which the kernel runs before each system call. Also imported by the loader process:
only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
"""Number of seccomp(2)."""

# Numbers on x86-64 and on arm64; -1 where there is no such call.
REFUSED: dict[str, tuple[int, int]] = {
    # Programs, maps and memory of the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "userfaultfd": (323, 282),
    # Calls that this filter would not see.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    # Mounts and namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    # Keys.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Rights of files: whoever keeps the user ID of root could make a program set-user-ID.
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "open_by_handle_at": (304, 265),
}
"""The system calls that are refused with EPERM, whatever their arguments."""

_CLONE, _CLONE3, _IOCTL, _SOCKET = (56, 220), (435, 435), (16, 29), (41, 198)
NEW_NAMESPACES = 0x7E020000
"""The flags of clone(2) that make a namespace; in a user namespace a process gets all capabilities."""
TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: they type into the shell that the terminal belongs to."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_X32_BIT = 0x40000000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCH = 0, 4
"""Offsets in struct seccomp_data."""

_SET_MODE_FILTER = 1
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def refuse_system_calls(*, unix_sockets: bool = False) -> bool:
    """Install the filter. There is no way back; children inherit it. Sets no_new_privs.

    Args:
        unix_sockets: True if this process may still connect to UNIX sockets. Services such as systemd and
            Docker take orders of the user ID of root there. Pairs of connected sockets are always allowed.

    Returns:
        False if this machine has no such filters: nothing is refused then.

    Raises:
        OSError: the kernel refuses the filter.
    """
    machine = os.uname().machine
    if machine not in _SECCOMP or struct.calcsize("P") < 8:
        return False
    program = b"".join(filter_instructions(machine, unix_sockets=unix_sockets))
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: number of instructions, address
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 or (
        _libc.syscall(_SECCOMP[machine], _SET_MODE_FILTER, 0, header) != 0
    ):
        code_of_error = ctypes.get_errno()
        if code_of_error in (errno.ENOSYS, errno.EINVAL):
            return False
        raise OSError(code_of_error, f"seccomp: {os.strerror(code_of_error)}")
    return True


def filter_instructions(machine: str, *, unix_sockets: bool = False) -> list[bytes]:
    """Return the filter as instructions of classic BPF (struct sock_filter)."""
    column = ("x86_64", "aarch64").index(machine)
    refuse = _ERRNO | errno.EPERM
    code = [
        # Another architecture's numbers mean other calls.
        _instruction(_LOAD, _ARCH),
        _instruction(_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _instruction(_RETURN, refuse),
        _instruction(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        code += _if(_AT_LEAST, _X32_BIT, [_instruction(_RETURN, refuse)])
    for numbers in REFUSED.values():
        number = numbers[column]
        if number >= 0:
            code += _if(_EQUAL, number, [_instruction(_RETURN, refuse)])
    # A filter cannot read the flags of clone3(2); C libraries then use clone(2).
    code += _if(_EQUAL, _CLONE3[column], [_instruction(_RETURN, _ERRNO | errno.ENOSYS)])
    code += _if(_EQUAL, _CLONE[column], _if_argument(0, _ANY_BIT, (NEW_NAMESPACES,), refuse))
    code += _if(_EQUAL, _IOCTL[column], _if_argument(1, _EQUAL, TERMINAL_INPUT, refuse))
    if not unix_sockets:
        code += _if(_EQUAL, _SOCKET[column], _if_argument(0, _EQUAL, (int(socket.AF_UNIX),), refuse))
    return [*code, _instruction(_RETURN, _ALLOW)]


def _instruction(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _if(test: int, value: int, body: list[bytes]) -> list[bytes]:
    """Return `body` as what runs only if the test of the loaded word holds."""
    return [_instruction(test, value, 0, len(body)), *body]


def _if_argument(index: int, test: int, values: tuple[int, ...], refuse: int) -> list[bytes]:
    """Return the instructions that refuse a call for its argument, or else allow it. Little-endian."""
    code = [_instruction(_LOAD, 16 + 8 * index)]
    for value in values:
        code += _if(test, value, [_instruction(_RETURN, refuse)])
    return [*code, _instruction(_RETURN, _ALLOW)]
