"""Names for the control group paths of common runtimes."""

from __future__ import annotations

import pytest

from tcpconntop.core.cgroup_names import unit_of

ID = "0123456789abcdef" * 4
SHORT = "0123456789ab"
POD = "8c6d2a1e-5f3b-4c7d-9e8f-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/", None),
        ("", None),
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-code.scope", "app-code.scope"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("/system.slice/postgresql.service/workers", "postgresql.service"),
        ("/user.slice", "/user.slice"),
        ("/build/job-7", "/build/job-7"),
        (f"/docker/{ID}", f"docker:{SHORT}"),
        (f"/system.slice/docker-{ID}.scope", f"docker:{SHORT}"),
        (f"/machine.slice/libpod-{ID}.scope/container", f"podman:{SHORT}"),
        (f"/kubepods/burstable/pod{POD}/{ID}", f"pod:{POD}/{SHORT}"),
        (
            f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{POD.replace('-', '_')}.slice"
            f"/cri-containerd-{ID}.scope",
            f"pod:{POD}/{SHORT}",
        ),
        (f"/kubepods.slice/crio-{ID}.scope", f"cri-o:{SHORT}"),
        (f"/{ID}", f"container:{SHORT}"),
    ],
)
def test_a_path_is_named_as_its_owner_would(path: str, unit: str | None) -> None:
    assert unit_of(path) == unit
