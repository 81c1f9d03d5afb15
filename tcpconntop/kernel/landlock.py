"""Restrict what this process and its children may write to some folders, for good (Landlock, Linux 5.13).

Also imported by the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_CREATE_VERSION, _RULE_PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 1, 1 << 5, 1 << 7, 1 << 8
# Everything that changes a file system: write, remove, make (directory, device, file, socket, FIFO, link).
_CHANGES = _WRITE_FILE | 0x1FF0
_REFER, _TRUNCATE = 1 << 13, 1 << 14
"""From version 2 and 3 on."""

_IN_FOLDER = _WRITE_FILE | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Return the version of Landlock that this kernel offers; 0 for none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_VERSION)))


def write_only_below(folders: Iterable[Path], devices: Iterable[Path] = ()) -> bool:
    """Refuse to change files anywhere else. There is no way back; children inherit it. For one thread.

    Args:
        folders: folders in which files and folders may be made, written and removed. Missing ones are left
            out.
        devices: files that may be written.

    Returns:
        False if this kernel has no Landlock: nothing is restricted then.

    Raises:
        OSError: the kernel refuses.
    """
    version = landlock_version()
    if not version:
        return False
    handled = _CHANGES | (_REFER if version > 1 else 0) | (_TRUNCATE if version > 2 else 0)
    attributes = struct.pack("=Q", handled)
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        for path, rights in (
            *((folder, handled & _IN_FOLDER) for folder in folders),
            *((device, _WRITE_FILE) for device in devices),
        ):
            _allow(ruleset, path, rights)
        _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what does not exist, or may not be reached, needs no right
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        _checked(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return result
