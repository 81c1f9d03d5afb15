"""Drop privileges for good.

Only for a process with one thread: capabilities belong to threads, and new threads inherit them.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.kernel.landlock import write_only_below
from tcpconntop.kernel.seccomp import refuse_system_calls

CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
"""The capabilities that tracing may use, by name (linux/capability.h)."""

_ALL_USERS = ["0", "0", str((1 << 32) - 1)]
"""The uid_map of the initial user namespace (user_namespaces(7))."""

_SETUID_AND_SETGID = 1 << 6 | 1 << 7
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Caller:
    """The user who runs this process, and the privileges.

    Attributes:
        capabilities: the names of `CAPABILITIES` that are in the effective set.
        is_root: True if root typed the command, False if a user did with sudo.
        in_user_namespace: True if the capabilities are valid only in a user namespace (a rootless container).
    """

    capabilities: tuple[str, ...]
    is_root: bool
    in_user_namespace: bool = False

    @property
    def may_trace(self) -> bool:
        """True with CAP_BPF and CAP_PERFMON, or with CAP_SYS_ADMIN, which includes both."""
        return "CAP_SYS_ADMIN" in self.capabilities or {"CAP_BPF", "CAP_PERFMON"} <= {*self.capabilities}


def caller() -> Caller:
    """Return the user and privileges of this process. Call it before privileges are dropped."""
    held = _effective(Path("/proc/thread-self/status"))
    names = tuple(name for name, number in CAPABILITIES.items() if held & 1 << number)
    is_root = os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") == "0"
    return Caller(names, is_root, Path("/proc/self/uid_map").read_text().split() != _ALL_USERS)


def has_privileges() -> bool:
    """True if the effective capabilities of this process are enough to trace."""
    return caller().may_trace


def drop_privileges(writable: Callable[[], Iterable[Path]] = tuple) -> None:
    """Become the user who called sudo, if any; drop all capabilities, with no way to get any back.

    Files are then opened with that user's own rights. A user who may not read this Python (a virtual
    environment of root) could not import anything, so the process then keeps the user ID of root, without its
    capabilities. `no_new_privs` stops set-user-ID programs from giving privileges back.

    Whoever keeps the user ID of root owns root's files: such a process may write only in the folders of
    `writable`, where the kernel has Landlock. Some system calls are refused (see `seccomp`), and no other
    process may look into this one.

    Args:
        writable: returns the folders; called with the user ID that this process will have.

    Raises:
        OSError: the kernel refused a step.
        RuntimeError: a thread still has a capability: there was more than one thread.
    """
    _drop_bounding_set()  # as root: it needs a capability that the change of the user ID drops
    uid = int(os.environ.get("SUDO_UID", "0"))
    gid = int(os.environ.get("SUDO_GID", uid))
    if uid and os.geteuid() == 0 and _may_become_others() and _can_import(uid, gid):
        _become(uid, gid)
    give_everything_up(writable())


def give_everything_up(writable: Iterable[Path] = ()) -> None:
    """Do what `drop_privileges` does, but keep the user ID.

    Raises:
        OSError, RuntimeError: as `drop_privileges`.
    """
    _drop_bounding_set()
    _empty_capability_sets()
    _call("prctl", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if any(_effective(thread / "status") for thread in Path("/proc/self/task").iterdir()):
        raise RuntimeError("a thread kept its capabilities: call drop_privileges() before starting threads")
    if os.geteuid() == 0:
        write_only_below(writable, (Path(os.devnull), *_terminals()))
    refuse_system_calls(unix_sockets=os.geteuid() != 0)
    hide_process()


def _empty_capability_sets() -> None:
    _call("prctl", _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", _libc.capset(header, (ctypes.c_uint32 * 6)()))


def _terminals() -> list[Path]:
    """Return the terminals that this process was started with: the dashboard opens them again."""
    return [Path(os.ttyname(number)) for number in range(3) if os.isatty(number)]


def hide_process() -> None:
    """Stop other processes of this user from reading our memory or taking descriptors; allow no core dump."""
    _call("prctl", _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def become_caller() -> None:
    """Get the rights that the user of this process has at a shell: all of root's for root without sudo.

    A user who called sudo gets none of root's. Where root may not become that user, everything is given up.

    Raises:
        OSError, RuntimeError: as `drop_privileges`.
    """
    uid = int(os.environ.get("SUDO_UID", "0"))
    if os.geteuid() == 0 and uid:
        if not _may_become_others():
            give_everything_up()
            return
        _become(uid, int(os.environ.get("SUDO_GID", uid)))
    if os.geteuid():
        _empty_capability_sets()


@contextmanager
def as_caller() -> Iterator[None]:
    """Open files with the rights of the user who called sudo, within a `with` block. For one thread."""
    uid = int(os.environ.get("SUDO_UID", "0"))
    if not uid or os.geteuid() != 0 or not _may_become_others():
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


def _may_become_others() -> bool:
    """True with CAP_SETUID and CAP_SETGID: root in a container may lack them."""
    return _effective(Path("/proc/thread-self/status")) & _SETUID_AND_SETGID == _SETUID_AND_SETGID


def _can_import(uid: int, gid: int) -> bool:
    """True if this user may read the standard library, this package and numpy."""
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
    """Empty the bounding set: an exec cannot give back what is not in it.

    Without CAP_SETPCAP the kernel refuses, and only `no_new_privs` protects.
    """
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1  # the kernel refuses the first unknown number


def _effective(status: Path) -> int:
    """Return the effective capabilities of a /proc status file as a bit mask."""
    lines = status.read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def _call(name: str, result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
