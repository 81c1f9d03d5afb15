"""The units of records, read from folders with the layout of the kernel's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcpconntop.core.wire import EVENT
from tcpconntop.kernel.cgroup_units import UnitResolver

ID = "0123456789abcdef" * 4


def machine(root: Path, processes: dict[int, str]) -> Path:
    """A proc folder, with the v2 hierarchy in `root/cgroup` and some processes' cgroup files."""
    (root / "cgroup").mkdir()
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "mountinfo").write_text(
        f"22 1 0:20 / /proc rw - proc proc rw\n30 1 0:26 / {root}/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
    )
    for pid, text in processes.items():
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "cgroup").write_text(text)
    return proc


def records(*groups: tuple[int, int]) -> np.ndarray:
    events = np.zeros(len(groups), EVENT)
    events["cgroup_id"], events["tgid"] = zip(*groups, strict=True)
    return events


def test_on_v2_the_folder_with_that_inode_names_the_unit(tmp_path: Path) -> None:
    proc = machine(tmp_path, {})
    service = tmp_path / "cgroup" / "system.slice" / "nginx.service"
    service.mkdir(parents=True)
    group = service.stat().st_ino
    units = UnitResolver(proc)
    units.resolve(records((group, 100), (group, 101)))
    assert units.names[group] == "nginx.service"


def test_on_v1_and_hybrid_the_unit_comes_from_the_process(tmp_path: Path) -> None:
    """GIVEN all processes at the v2 root WHEN /proc names their groups THEN records get new, distinct IDs."""
    proc = machine(
        tmp_path,
        {
            100: "4:memory:/x\n1:name=systemd:/system.slice/ssh.service\n0::/\n",
            101: f"4:memory:/docker/{ID}\n1:name=systemd:/\n0::/\n",
            102: "1:name=systemd:/system.slice/ssh.service\n0::/\n",
        },
    )
    root = (tmp_path / "cgroup").stat().st_ino
    units = UnitResolver(proc)
    events = records((root, 100), (root, 101), (root, 102), (root, 999))
    units.resolve(events)
    named = [units.names[int(group)] for group in events["cgroup_id"]]
    assert named == ["ssh.service", "docker:0123456789ab", "ssh.service", None]
    assert len(set(events["cgroup_id"].tolist())) == 3


def test_a_deleted_group_has_no_name(tmp_path: Path) -> None:
    units = UnitResolver(machine(tmp_path, {}))
    units.resolve(records((12345678, 100)))
    assert 12345678 not in units.names
