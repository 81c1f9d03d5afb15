"""Read control groups from /proc and from the v2 hierarchy. Nothing here raises: a name only decorates.

Paths are bytes: whoever may make a group chooses its name, which need not be UTF-8.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

Groups = dict[bytes, bytes]
"""The paths of a process's groups by hierarchy: `name=systemd`, `pids`, …; empty for v2."""

DELETED = b" (deleted)"
"""What the kernel appends to the path of a removed v2 group that a process is still in."""

_ESCAPED = re.compile(rb"\\([0-7]{3})")


def v2_mount(proc: Path) -> bytes | None:
    """Return the mount point of the v2 hierarchy; None if it is not mounted, or cannot be seen.

    A mount of the whole hierarchy is preferred to one of a part of it.
    """
    mounts = []
    try:
        lines = (proc / "self" / "mountinfo").read_bytes().split(b"\n")
    except OSError:
        return None
    for line in lines:
        before, _, after = line.partition(b" - ")
        if after.startswith(b"cgroup2 "):
            root, mount = before.split(b" ")[3:5]
            mounts.append((root != b"/", unescape(mount)))
    usable = (mount for _, mount in sorted(mounts, key=lambda part: part[0]) if inode(mount) is not None)
    return next(usable, None)


def unescape(path: bytes) -> bytes:
    r"""Return a path of /proc/self/mountinfo without its escapes: a space is `\040` there (proc(5))."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), path)


def inode(path: bytes) -> int | None:
    """Return the inode number of a path; None if it cannot be read."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - the path is bytes
    except OSError:
        return None


def read_groups(proc: Path, pid: int) -> Groups | None:
    """Return the groups of a process; None if it has ended, or if /proc hides it (hidepid)."""
    try:
        lines = (proc / str(pid) / "cgroup").read_bytes().split(b"\n")
    except OSError:
        return None
    parts = [line.split(b":", 2) for line in lines]
    return {part[1]: part[2] for part in parts if len(part) == 3}


def v1_path(groups: Groups) -> bytes | None:
    """Return the path in systemd's hierarchy, or else the first path that is not the root; or None."""
    named = groups.get(b"name=systemd") or groups.get(b"pids")
    return named if named and named != b"/" else next((p for p in groups.values() if p != b"/"), None)


def walk_groups(mount: bytes) -> Iterator[tuple[int, bytes] | None]:
    """Yield the inode number and the path of every group below a mount point of the v2 hierarchy.

    Yields None after each folder too, so that the caller can stop often. A folder takes some 30 µs; `stat` is
    not called for groups, which would take as long again. Groups may come and go meanwhile.
    """
    folders = [b""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(mount + folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        path = folder + b"/" + entry.name
                        folders.append(path)
                        yield entry.inode(), path
        except OSError:
            pass  # it was removed, or may not be read
        yield None
