"""What mends a machine that cannot trace: commands, by problem and distribution."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

DISTRIBUTIONS = ("debian", "ubuntu", "fedora", "arch", "alpine")

ANY_DISTRIBUTION = "any"
"""Stands for every distribution in `_COMMANDS`."""

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
"""As root would type them. A kernel of the distribution's own has everything that is needed."""

PROBLEMS = tuple(_COMMANDS)

_AS_THEY_ARE = ("privileges", "container", "memlock")
"""Problems whose commands are not for root's shell alone."""


@dataclass(frozen=True)
class Distribution:
    """A Linux distribution.

    Attributes:
        name: as it calls itself, for people.
        family: one of `DISTRIBUTIONS`, or None where it is like none of them.
    """

    name: str
    family: str | None


def parse_os_release(os_release: str) -> Distribution:
    """Tell the distribution by the text of /etc/os-release: by its ID, or else by what it is like."""
    fields = {}
    for line in os_release.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = _unquoted(value)
    likes = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
    family = next((like for like in likes if like in DISTRIBUTIONS), None)
    return Distribution(fields.get("PRETTY_NAME") or fields.get("ID") or "unknown", family)


def commands(problem: str) -> Mapping[str, str]:
    """The command that mends a problem, by distribution, as root types it; empty for an unknown problem."""
    known = _COMMANDS.get(problem, {})
    return {name: known.get(name) or known[ANY_DISTRIBUTION] for name in DISTRIBUTIONS} if known else {}


def command(problem: str, family: str, *, as_root: bool) -> str | None:
    """Likewise, for one distribution and for who types it: root, or somebody who first becomes root."""
    known = commands(problem).get(family)
    if known is None or as_root or problem in _AS_THEY_ARE:
        return known
    become = "doas" if family == "alpine" else "sudo"
    return " && ".join(f"{become} {part}" for part in known.split(" && "))


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:  # an odd quotation mark
        return value
