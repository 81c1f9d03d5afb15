"""A machine whose names are made to hurt: mounts, control groups, processes and command lines.

Run as a program, in a mount namespace of its own (`unshare -m`), by test_hostile_names.py. It mounts, lists
what it made as one JSON line, and then makes connects and groups until its stdin is closed. It ends with a
line of how many connects it made.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

NAMES = (
    b"\x1b]0;pwn\x07\x1b[31m", b"a\nfake 1 2", b"[red]x[/]", "\u202egnp.exe".encode(), b"\xff\xfe\x80",
    "\u009b31mC1".encode(), b"=cmd|' /C ca", b"", b"-1+1", b"\tx", b"\"quote,comma", "\u2066zw".encode(),
    b"\x9b31m",
)  # fmt: skip
GROUPS = tuple(name.replace(b"\n", b" ").replace(b"/", b"%") for name in NAMES if name)
"""Names that a control group can have: no new line, no slash."""

MANY = 300
"""Groups that are made and removed over and over, while the hierarchy is walked."""

_libc = ctypes.CDLL(None, use_errno=True)


def connect(port: int, name: bytes) -> None:
    """Make a refused connect as a thread, and process, of that name."""
    _libc.prctl(15, name, 0, 0, 0)  # PR_SET_NAME
    with socket.socket() as client:
        client.connect_ex(("127.0.0.1", port))


def in_group(group: bytes, port: int, name: bytes) -> None:
    """Connect in a new group from a new process; then both go."""
    Path(os.fsdecode(group)).mkdir()
    child = os.fork()
    if not child:
        Path(os.fsdecode(group), "cgroup.procs").write_text("0")
        connect(port, name)
        os._exit(0)
    os.waitpid(child, 0)
    Path(os.fsdecode(group)).rmdir()


def run(folder: bytes, cgroups: bytes, port: int) -> None:
    """Make the mounts, then connects and groups until stdin is closed."""
    mounts = [folder + b"/mnt \\" + name for name in GROUPS]
    for mount in mounts:
        Path(os.fsdecode(mount)).mkdir()
        subprocess.run([b"mount", b"-t", b"tmpfs", b"none", mount], check=True)
    subprocess.run(["mount", "-t", "proc", "-o", "hidepid=1", "proc", "/proc"], check=True)
    top = cgroups + b"/hostile-%d" % os.getpid()
    Path(os.fsdecode(top)).mkdir()
    print(json.dumps({"mounts": len(mounts)}), flush=True)
    made = 0
    for turn in itertools.count():
        if select.select([sys.stdin], [], [], 0)[0]:
            break
        for n, name in enumerate(GROUPS):
            in_group(top + b"/%d" % turn + name + b".service", port, NAMES[(turn + n) % len(NAMES)])
            made += 1
        churn = [Path(os.fsdecode(top), f"c{n}") for n in range(MANY)]
        for path in churn:
            path.mkdir()
        for path in churn:
            path.rmdir()
    Path(os.fsdecode(top)).rmdir()
    print(json.dumps({"made": made}), flush=True)


if __name__ == "__main__":
    run(os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]), int(sys.argv[3]))
