"""Checks of this machine that read files: the kernel's version, mounts, lockdown, limits."""

from __future__ import annotations

import re
from pathlib import Path

from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN, Check

OLDEST_KERNEL = (5, 10)
"""The oldest supported kernel."""
MEMLOCK_UNUSED_SINCE = (5, 11)
"""The first kernel that does not count BPF maps as locked memory (Linux commit 80ee81e0403c)."""
TESTED_MACHINES = ("x86_64", "aarch64")

_ROOT = Path("/")


def kernel_version(release: str) -> tuple[int, int]:
    """Return the first two numbers of a kernel release; zeros if it has none."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def check_kernel(release: str, machine: str) -> Check:
    """Check that this kernel is supported; others may work."""
    detail = f"{release} on {machine}"
    if kernel_version(release) < OLDEST_KERNEL:
        oldest = ".".join(map(str, OLDEST_KERNEL))
        return Check("kernel", "kernel", MISSING, f"{detail}: {oldest} or later is supported", True, "kernel")
    if machine not in TESTED_MACHINES:
        tested = " and ".join(TESTED_MACHINES)
        return Check("kernel", "kernel", UNKNOWN, f"{detail}: tested only on {tested}", True)
    return Check("kernel", "kernel", OK, detail, True)


def check_tracefs(root: Path = _ROOT) -> Check:
    """Check that tracefs is mounted. Tracing does not use it; other tracers need it."""
    folders = [folder for folder, kind in mounts(root) if kind == "tracefs"]
    if folders:
        return Check("tracefs", "tracefs", OK, f"{folders[0]}, not used")
    return Check("tracefs", "tracefs", MISSING, "not mounted", problem="tracefs")


def check_lockdown(root: Path = _ROOT) -> Check:
    """Check that lockdown still lets BPF programs read kernel memory (kernel_lockdown(7))."""
    try:
        text = (root / "sys/kernel/security/lockdown").read_text()
    except PermissionError:
        return Check("lockdown", "lockdown", UNKNOWN, "not readable for this user")
    except OSError:
        return Check("lockdown", "lockdown", UNKNOWN, "cannot be read: securityfs is not mounted")
    match = re.search(r"\[(\w+)\]", text)
    mode = match[1] if match else "none"
    if mode == "confidentiality":
        reason = "confidentiality: no program may read kernel memory; boot with lockdown=integrity"
        return Check("lockdown", "lockdown", REFUSED, reason, True)
    return Check("lockdown", "lockdown", OK, mode)


def check_memory_lock(release: str, limit_bytes: int) -> Check:
    """Check that the memory-lock limit has room for the maps; a limit of -1 is unlimited."""
    limit = "unlimited" if limit_bytes < 0 else f"{limit_bytes >> 10} KiB"
    if kernel_version(release) >= MEMLOCK_UNUSED_SINCE:
        since = ".".join(map(str, MEMLOCK_UNUSED_SINCE))
        return Check("memlock", "memory lock", OK, f"{limit}; not needed since Linux {since}")
    if limit_bytes < 0:
        return Check("memlock", "memory lock", OK, limit, True)
    return Check("memlock", "memory lock", REFUSED, f"{limit}, and may not be raised", True, "memlock")


def check_ipv6(root: Path = _ROOT) -> Check:
    """Check that the kernel has IPv6."""
    if (root / "proc/self/net/if_inet6").exists():
        return Check("ipv6", "IPv6", OK, "available")
    detail = "not in this kernel, or disabled at boot: only IPv4 connects are traced"
    return Check("ipv6", "IPv6", MISSING, detail)


def check_cgroups(root: Path = _ROOT) -> Check:
    """Check which versions of control groups are mounted; units are read from them."""
    kinds = {kind for _, kind in mounts(root)} & {"cgroup", "cgroup2"}
    if not kinds:
        return Check("cgroups", "cgroups", MISSING, "not mounted: units are not known", problem="cgroups")
    names = {"cgroup": "v1", "cgroup2": "v2"}
    versions = " and ".join(names[kind] for kind in sorted(kinds))
    note = "; with v1, a unit is known only while its process runs" if "cgroup" in kinds else ""
    return Check("cgroups", "cgroups", OK, versions + note)


def mounts(root: Path = _ROOT) -> list[tuple[str, str]]:
    """Return folder and type of each mounted file system (proc_pid_mountinfo(5))."""
    try:
        lines = (root / "proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    halves = [line.partition(" - ") for line in lines]
    return [(before.split()[4], after.split()[0]) for before, _, after in halves]


def read_os_release(root: Path = _ROOT) -> str:
    """Return the text of os-release(5); empty if there is none."""
    files = (root / "etc/os-release", root / "usr/lib/os-release")
    return next((file.read_text("utf-8", "replace") for file in files if file.is_file()), "")
