"""The checks that read files: each kind of machine is a small tree of files."""

from __future__ import annotations

import pytest

from tcpconntop.doctor import machine
from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN


def tree(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def mountinfo(*mounted):
    return "".join(
        f"30 1 0:2{i} / {place} rw,relatime - {kind} {kind} rw\n" for i, (place, kind) in enumerate(mounted)
    )


@pytest.mark.parametrize(
    ("release", "architecture", "status"),
    [
        ("6.18.44-fc", "x86_64", OK),
        ("5.10.0-28-amd64", "aarch64", OK),
        ("5.9.16", "x86_64", MISSING),
        ("4.18.0-553.el8", "x86_64", MISSING),
        ("7.2.0", "riscv64", UNKNOWN),
        ("odd", "x86_64", MISSING),
    ],
)
def test_kernel(release, architecture, status):
    check = machine.check_kernel(release, architecture)
    assert check.status == status
    assert release in check.detail
    assert architecture in check.detail


def test_tracefs(tmp_path):
    assert machine.check_tracefs(tmp_path).status == MISSING
    tree(tmp_path, proc__self__mountinfo=mountinfo(("/proc", "proc"), ("/sys/kernel/tracing", "tracefs")))
    assert machine.check_tracefs(tmp_path).status == OK
    assert "/sys/kernel/tracing" in machine.check_tracefs(tmp_path).detail


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("[none] integrity confidentiality\n", OK),
        ("none [integrity] confidentiality\n", OK),
        ("none integrity [confidentiality]\n", REFUSED),
    ],
)
def test_lockdown(tmp_path, text, status):
    assert machine.check_lockdown(tmp_path).status == UNKNOWN
    assert machine.check_lockdown(tree(tmp_path, sys__kernel__security__lockdown=text)).status == status


@pytest.mark.parametrize(
    ("release", "limit", "status"),
    [("5.10.1", -1, OK), ("5.10.1", 65536, REFUSED), ("5.11.0", 65536, OK), ("6.1", -1, OK)],
)
def test_memory_lock(release, limit, status):
    check = machine.check_memory_lock(release, limit)
    assert check.status == status
    assert ("unlimited" if limit < 0 else "64 KiB") in check.detail


def test_ipv6(tmp_path):
    assert machine.check_ipv6(tmp_path).status == MISSING
    assert machine.check_ipv6(tree(tmp_path, proc__self__net__if_inet6="")).status == OK


@pytest.mark.parametrize(
    ("kinds", "status", "begins"),
    [
        ((), MISSING, "not mounted"),
        (("cgroup2",), OK, "v2"),
        (("cgroup",), OK, "v1;"),
        (("cgroup", "cgroup2"), OK, "v1 and v2"),
    ],
)
def test_cgroups(tmp_path, kinds, status, begins):
    tree(
        tmp_path,
        proc__self__mountinfo=mountinfo(("/", "ext4"), *(("/sys/fs/cgroup", kind) for kind in kinds)),
    )
    check = machine.check_cgroups(tmp_path)
    assert check.status == status
    assert check.detail.startswith(begins)


def test_given_os_release_in_etc_then_it_goes_before_the_vendors(tmp_path):
    assert machine.read_os_release(tmp_path) == ""
    (tmp_path / "usr" / "lib").mkdir(parents=True)
    (tmp_path / "usr" / "lib" / "os-release").write_text("ID=vendor")
    assert machine.read_os_release(tmp_path) == "ID=vendor"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text("ID=etc")
    assert machine.read_os_release(tmp_path) == "ID=etc"
