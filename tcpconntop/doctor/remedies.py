"""Commands that fix a machine that cannot trace, by problem and distribution."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

DISTRIBUTIONS = ("debian", "ubuntu", "fedora", "arch", "alpine")

ANY_DISTRIBUTION = "any"
"""Every distribution, in `_COMMANDS`."""

_KERNEL = {
    "debian": "apt install linux-image-$(dpkg --print-architecture) && reboot",
    "ubuntu": "apt install linux-image-generic && reboot",
    "fedora": "dnf install kernel && reboot",
    "arch": "pacman -S linux && reboot",
    "alpine": "apk add linux-lts && reboot",
}

_COMMANDS: dict[str, dict[str, str]] = {
    "bcc": {
        "debian": "apt install python3-bpfcc",
        "ubuntu": "apt install python3-bpfcc",
        "fedora": "dnf install python3-bcc",
        "arch": "pacman -S python-bcc",
        "alpine": "apk add py3-bcc",
    },
    "kernel": _KERNEL,
    "tracefs": {ANY_DISTRIBUTION: "mount -t tracefs tracefs /sys/kernel/tracing"},
    "sysfs": {ANY_DISTRIBUTION: "mount -t sysfs sysfs /sys"},
    "cgroups": {ANY_DISTRIBUTION: "mount -t cgroup2 cgroup2 /sys/fs/cgroup"},
    "privileges": {
        ANY_DISTRIBUTION: 'sudo "$(command -v tcpconntop)"',
        "alpine": 'doas "$(command -v tcpconntop)"',
    },
    "container": {ANY_DISTRIBUTION: "docker run --cap-add BPF --cap-add PERFMON …"},
    "memlock": {ANY_DISTRIBUTION: "ulimit -l unlimited"},
}
"""As root types them. The distribution's own kernel has everything that is needed."""

PROBLEMS = tuple(_COMMANDS)

_SAME_FOR_USERS = ("privileges", "container", "memlock")
"""Problems whose commands need no sudo before them."""


@dataclass(frozen=True)
class Distribution:
    """A Linux distribution.

    Attributes:
        name: its display name.
        family: the one of `DISTRIBUTIONS` that it is or derives from; None if there is none.
    """

    name: str
    family: str | None


def parse_os_release(os_release: str) -> Distribution:
    """Return the distribution of an os-release file: by its ID, or else by its ID_LIKE."""
    fields = {}
    for line in os_release.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = _unquoted(value)
    likes = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
    family = next((like for like in likes if like in DISTRIBUTIONS), None)
    return Distribution(fields.get("PRETTY_NAME") or fields.get("ID") or "unknown", family)


def remedies(problem: str) -> Mapping[str, str]:
    """Return the command that fixes a problem, by distribution, as root types it; empty if there is none."""
    commands = _COMMANDS.get(problem)
    if commands is None:
        return {}
    return {name: commands.get(name) or commands[ANY_DISTRIBUTION] for name in DISTRIBUTIONS}


def remedy(problem: str, family: str, *, as_root: bool) -> str | None:
    """Return the command for one distribution, with sudo or doas unless `as_root`; None if there is none."""
    command = remedies(problem).get(family)
    if command is None or as_root or problem in _SAME_FOR_USERS:
        return command
    become_root = "doas" if family == "alpine" else "sudo"
    return " && ".join(f"{become_root} {part}" for part in command.split(" && "))


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:  # an odd quotation mark
        return value
