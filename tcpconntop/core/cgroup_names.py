"""Readable names of control groups: systemd units, containers, pods."""

from __future__ import annotations

import re

# A container's id is 64 hexadecimal digits: alone, below the name of its runtime (cgroupfs driver), or in a
# scope whose name begins with the runtime (systemd driver).
_CONTAINER = re.compile(
    r"(?:/(?P<below>[a-z]+)/|(?P<before>[a-z-]+)-|/)(?P<id>[0-9a-f]{64})(?:\.scope)?(?:/|$)"
)
_POD = re.compile(r"pod(?P<uid>[0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})")
_UNIT = re.compile(r".+\.(?:service|scope|socket|mount|swap)")
_RUNTIMES = {"cri-containerd": "containerd", "crio": "cri-o", "libpod": "podman"}
SHORT_ID = 12
"""Digits of a container's id that are shown; the tools of the runtimes show as many."""


def unit_of(path: str) -> str | None:
    """Return the unit that a control group belongs to.

    `/system.slice/nginx.service` is `nginx.service`. A container is `docker:0123456789ab` (or another
    runtime), or `pod:UID/0123456789ab` if it belongs to a pod. Any other group is named by its path.

    Args:
        path: as in the third field of /proc/PID/cgroup.

    Returns:
        The name; None for the root.
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
