"""What files tell of this machine: its kernel's version, what is mounted, what is locked."""

from __future__ import annotations

import re
from pathlib import Path

from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN, Check

OLDEST_KERNEL = (5, 10)
"""The oldest kernel that is promised."""
MEMLOCK_UNUSED_SINCE = (5, 11)
"""From here on BPF maps are not held against the memory-lock limit (Linux commit 80ee81e0403c)."""
TESTED_MACHINES = ("x86_64", "aarch64")

_ROOT = Path("/")


def kernel_version(release: str) -> tuple[int, int]:
    """A kernel release's first two numbers; zeros where it has none."""
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def kernel(release: str, machine: str) -> Check:
    """Whether this kernel is one that is promised to work; others may."""
    detail = f"{release} on {machine}"
    if kernel_version(release) < OLDEST_KERNEL:
        oldest = ".".join(map(str, OLDEST_KERNEL))
        return Check(
            "kernel", "kernel", MISSING, f"{detail}: {oldest} or later is promised to work", True, "kernel"
        )
    if machine not in TESTED_MACHINES:
        return Check(
            "kernel", "kernel", UNKNOWN, f"{detail}: tried on {' and '.join(TESTED_MACHINES)} alone", True
        )
    return Check("kernel", "kernel", OK, detail, True)


def tracefs(root: Path = _ROOT) -> Check:
    """Whether tracefs is mounted, which other tracers want."""
    places = [place for place, kind in mounts(root) if kind == "tracefs"]
    if places:
        return Check("tracefs", "tracefs", OK, f"{places[0]}, not used")
    return Check("tracefs", "tracefs", MISSING, "not mounted", problem="tracefs")


def lockdown(root: Path = _ROOT) -> Check:
    """Whether the kernel is locked down so far that programs may not read its memory (kernel_lockdown(7))."""
    try:
        text = (root / "sys/kernel/security/lockdown").read_text()
    except PermissionError:
        return Check("lockdown", "lockdown", UNKNOWN, "not readable for this user")
    except OSError:
        return Check("lockdown", "lockdown", UNKNOWN, "not said here: there is no securityfs")
    found = re.search(r"\[(\w+)\]", text)
    mode = found[1] if found else "none"
    if mode == "confidentiality":
        reason = "confidentiality: no program may read the kernel's memory; boot with lockdown=integrity"
        return Check("lockdown", "lockdown", REFUSED, reason, True)
    return Check("lockdown", "lockdown", OK, mode)


def memory_lock(release: str, limit_bytes: int) -> Check:
    """Whether maps may be as large as they are; a limit of -1 is none."""
    limit = "unlimited" if limit_bytes < 0 else f"{limit_bytes >> 10} KiB"
    if kernel_version(release) >= MEMLOCK_UNUSED_SINCE:
        return Check("memlock", "memory lock", OK, f"{limit}; not asked for from Linux 5.11 on")
    if limit_bytes < 0:
        return Check("memlock", "memory lock", OK, limit, True)
    return Check("memlock", "memory lock", REFUSED, f"{limit}, and may not be raised", True, "memlock")


def ipv6(root: Path = _ROOT) -> Check:
    """Whether there is IPv6."""
    if (root / "proc/self/net/if_inet6").exists():
        return Check("ipv6", "IPv6", OK, "there")
    return Check("ipv6", "IPv6", MISSING, "not in this kernel, or disabled at boot: connects over IPv4 alone")


def cgroups(root: Path = _ROOT) -> Check:
    """Which control groups there are, by which units are told."""
    kinds = {kind for _, kind in mounts(root)} & {"cgroup", "cgroup2"}
    if not kinds:
        return Check("cgroups", "cgroups", MISSING, "not mounted: no units are told", problem="cgroups")
    names = {"cgroup": "v1", "cgroup2": "v2"}
    which = " and ".join(names[kind] for kind in sorted(kinds))
    note = "; units of v1 are told while a process runs" if "cgroup" in kinds else ""
    return Check("cgroups", "cgroups", OK, which + note)


def mounts(root: Path = _ROOT) -> list[tuple[str, str]]:
    """Place and type of what is mounted (proc_pid_mountinfo(5))."""
    try:
        lines = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    halves = [line.partition(" - ") for line in lines]
    return [(before.split()[4], after.split()[0]) for before, _, after in halves]


def os_release(root: Path = _ROOT) -> str:
    """What the distribution says of itself (os-release(5)); empty where it says nothing."""
    places = (root / "etc/os-release", root / "usr/lib/os-release")
    return next((place.read_text("utf-8", "replace") for place in places if place.is_file()), "")
