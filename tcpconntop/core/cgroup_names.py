"""What a control group is to people: a systemd unit, a container, a pod."""

from __future__ import annotations

import re

# A container's id is 64 hexadecimal digits: alone, below its runtime's name (the cgroupfs driver), or in a
# scope that begins with the runtime's name (the systemd driver).
_CONTAINER = re.compile(
    r"(?:/(?P<below>[a-z]+)/|(?P<before>[a-z-]+)-|/)(?P<id>[0-9a-f]{64})(?:\.scope)?(?:/|$)"
)
_POD = re.compile(r"pod(?P<uid>[0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})")
_UNIT = re.compile(r".+\.(?:service|scope|socket|mount|swap)")
_RUNTIMES = {"cri-containerd": "containerd", "crio": "cri-o", "libpod": "podman"}
SHORT_ID = 12
"""Digits of a container's id, as the runtimes' own tools shorten it."""


def unit_of(path: str) -> str | None:
    """Name the unit that a control group belongs to.

    `/system.slice/nginx.service` is `nginx.service`; a container is `docker:0123456789ab` (or another
    runtime's name), one of a pod `pod:UID/0123456789ab`; a group that nobody named is its own path.

    Args:
        path: as the third field of /proc/PID/cgroup spells it.

    Returns:
        The name, or None for the root, which names nothing.
    """
    container = _CONTAINER.search(path)
    if container:
        short = container["id"][:SHORT_ID]
        if pod := _POD.search(path):
            return f"pod:{pod['uid'].replace('_', '-')}/{short}"
        runtime = container["before"] or container["below"] or "container"
        return f"{_RUNTIMES.get(runtime, runtime)}:{short}"
    parts = [part for part in path.split("/") if part]
    return next((part for part in reversed(parts) if _UNIT.fullmatch(part)), path if parts else None)
