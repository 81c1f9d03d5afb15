"""Check what every command relies on, so that an odd environment is named and not what it leads to.

Imports neither numpy nor threads: it runs first.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from tcpconntop.core.errors import EXIT_FAILED, EXIT_UNSUPPORTED, EXIT_USAGE, FatalError

MIN_DESCRIPTORS = 64
"""File descriptors that tracing needs: the loader sends some 30."""

SMALL_MEMORY_BYTES = 2 << 30
"""A limit of the address space below this one may be why something cannot be loaded."""


def check_environment(proc: Path = Path("/proc")) -> None:
    """Check the variables of sudo, and /proc.

    Raises:
        FatalError: one of them cannot be used.
    """
    for name in ("SUDO_UID", "SUDO_GID"):
        value = os.environ.get(name, "0")
        if not (value.isascii() and value.isdecimal() and int(value) < (1 << 32) - 1):
            raise FatalError(f"{name} is '{value}', which is no ID: unset it, or use sudo", EXIT_USAGE)
    if not (proc / "self" / "status").exists():
        raise FatalError("/proc is not mounted: mount -t proc proc /proc", EXIT_UNSUPPORTED)


def check_descriptors() -> None:
    """Raise the soft limit of file descriptors where that is allowed, and if it is too low to trace.

    Raises:
        FatalError: the hard limit is too low.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= MIN_DESCRIPTORS:
        return
    if hard != resource.RLIM_INFINITY and hard < MIN_DESCRIPTORS:
        needed = f"tracing needs {MIN_DESCRIPTORS} file descriptors"
        raise FatalError(f"{needed}, and the limit is {hard}: raise it (ulimit -n {MIN_DESCRIPTORS})")
    resource.setrlimit(resource.RLIMIT_NOFILE, (MIN_DESCRIPTORS, hard))


def memory_limit_hint() -> str:
    """Return what to add to the reason of a failure where memory is limited; else an empty string."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or limit >= SMALL_MEMORY_BYTES:
        return ""
    return f"; memory is limited to {limit >> 20} MB here (ulimit -v), which may be why"


def out_of_memory() -> FatalError:
    """Return the error for a program that got no more memory."""
    return FatalError(f"there is not enough memory{memory_limit_hint()}", EXIT_FAILED)
