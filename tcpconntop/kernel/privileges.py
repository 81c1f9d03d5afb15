"""Giving privileges up, for good.

Only for a process with one thread: capabilities belong to threads, and later threads inherit what is left.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
"""Those that tracing may need, by name (linux/capability.h)."""

_ALL_USERS = ["0", "0", str((1 << 32) - 1)]
"""What the first user namespace maps (user_namespaces(7))."""

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Caller:
    """Who runs this.

    Attributes:
        capabilities: those of the tracing ones that are in the effective set, by name.
        is_root: whether root typed the command, not somebody by sudo.
        in_user_namespace: whether the capabilities hold in a user namespace alone (a rootless container).
    """

    capabilities: tuple[str, ...]
    is_root: bool
    in_user_namespace: bool = False

    @property
    def may_trace(self) -> bool:
        """Whether CAP_BPF and CAP_PERFMON are there, or CAP_SYS_ADMIN, which stands for both."""
        return "CAP_SYS_ADMIN" in self.capabilities or {"CAP_BPF", "CAP_PERFMON"} <= {*self.capabilities}


def caller() -> Caller:
    """Tell who runs this, as long as privileges are not dropped."""
    held = _effective(Path("/proc/thread-self/status"))
    names = tuple(name for name, number in CAPABILITIES.items() if held & 1 << number)
    is_root = os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") == "0"
    return Caller(names, is_root, Path("/proc/self/uid_map").read_text().split() != _ALL_USERS)


def has_privileges() -> bool:
    """Whether this process may trace: CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, in its effective set."""
    return caller().may_trace


def drop_privileges() -> None:
    """Become the user who called sudo, or else stay who we are, with no capability and no way to gain any.

    The user's own rights then decide on files; a user who may not read the Python that runs here (a virtual
    environment of root) would not get far, so then we stay root, by name. `no_new_privs` keeps set-user-ID
    programs from undoing it.

    Raises:
        OSError: the kernel refused a step.
        RuntimeError: a thread still holds a capability: there was more than one.
    """
    _drop_bounding_set()
    uid = int(os.environ.get("SUDO_UID", "0"))
    gid = int(os.environ.get("SUDO_GID", uid))
    if uid and os.geteuid() == 0 and _can_import(uid, gid):
        _become(uid, gid)
    _call("prctl", _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", _libc.capset(header, (ctypes.c_uint32 * 6)()))
    _call("prctl", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if any(_effective(thread / "status") for thread in Path("/proc/self/task").iterdir()):
        raise RuntimeError(
            "a thread kept its capabilities: drop_privileges() must come before the first thread"
        )


@contextmanager
def as_caller() -> Iterator[None]:
    """Have no more rights on files than the user who called sudo, for a while. For one thread."""
    uid = int(os.environ.get("SUDO_UID", "0"))
    if not uid or os.geteuid() != 0:
        yield
        return
    gid, groups = int(os.environ.get("SUDO_GID", uid)), os.getgroups()
    os.setgroups(_groups_of(uid, gid))
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _can_import(uid: int, gid: int) -> bool:
    """Whether this user may read the standard library, this package and what it is installed with."""
    numpy = importlib.util.find_spec("numpy")
    files = (os.__file__, __file__, numpy and numpy.origin)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        return all(os.access(file, os.R_OK, effective_ids=True) for file in files if file)
    finally:
        os.seteuid(0)
        os.setegid(0)


def _become(uid: int, gid: int) -> None:
    os.setgroups(_groups_of(uid, gid))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _groups_of(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:  # a user without an entry in the user database
        return [gid]


def _drop_bounding_set() -> None:
    """What is not in this set cannot come back by exec.

    Refused without CAP_SETPCAP; `no_new_privs` then holds alone.
    """
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1  # the kernel refuses the first number that it does not know


def _effective(status: Path) -> int:
    """The effective capability set in a /proc status file, as a bit mask."""
    lines = status.read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def _call(name: str, result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
