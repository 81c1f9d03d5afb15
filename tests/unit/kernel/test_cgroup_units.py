"""The units of records, read from folders with the layout of the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tcpconntop.core.wire import EVENT
from tcpconntop.kernel import cgroup_files
from tcpconntop.kernel.cgroup_files import unescape, v2_mount
from tcpconntop.kernel.cgroup_units import (
    MAX_PAUSE_S,
    MAX_WALKS,
    RESCAN_INTERVAL_S,
    STEP_INTERVAL_S,
    UnitResolver,
)

ID = "0123456789abcdef" * 4
NONE = np.empty(0, EVENT)
BEGIN_NS = 1 << 62


class Clock:
    """A clock that goes on when it is told to, and by `tick_s` whenever it is read."""

    def __init__(self, tick_s: float = 0.0) -> None:
        self.now_s, self.tick_s = 1_000.0, tick_s

    def __call__(self) -> float:
        self.now_s += self.tick_s
        return self.now_s


def machine(root: Path, processes: dict[int, str] | None = None, mount: bytes = b"cgroup") -> Path:
    """A proc folder, with the v2 hierarchy in `root/mount` and some processes' cgroup files."""
    folder = os.fsencode(root) + b"/" + mount
    Path(os.fsdecode(folder)).mkdir()
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    line = b"30 1 0:26 / %s rw shared:4 - cgroup2 cgroup2 rw\n" % folder.replace(b" ", rb"\040")
    (proc / "self" / "mountinfo").write_bytes(b"22 1 0:20 / /proc\xff rw - proc proc rw\n" + line)
    for pid, text in (processes or {}).items():
        add_process(proc, pid, text.encode())
    return proc


def add_process(proc: Path, pid: int, cgroup: bytes, ticks: int = 1) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cgroup").write_bytes(cgroup)
    (proc / str(pid) / "stat").write_text(f"{pid} (x) S " + "0 " * 18 + f"{ticks} 0\n")


def add_group(root: Path, name: bytes, mount: bytes = b"cgroup") -> int:
    """Make a v2 group; return its ID."""
    path = root / os.fsdecode(mount) / os.fsdecode(name)
    path.mkdir(parents=True)
    return path.stat().st_ino


def records(*groups: tuple[int, int]) -> np.ndarray:
    events = np.zeros(len(groups), EVENT)
    events["cgroup_id"], events["tgid"] = zip(*groups, strict=True)
    events["begin_ns"] = BEGIN_NS
    return events


def test_on_v2_the_folder_with_that_inode_names_the_unit(tmp_path: Path) -> None:
    proc = machine(tmp_path)
    group = add_group(tmp_path, b"system.slice/nginx.service")
    units = UnitResolver(proc, Clock())
    units.resolve(records((group, 100), (group, 101)))
    assert units.names[group] == "nginx.service"
    assert units.notes == ()


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
    units = UnitResolver(proc, Clock())
    events = records((root, 100), (root, 101), (root, 102), (root, 999))
    units.resolve(events)
    named = [units.names[int(group)] for group in events["cgroup_id"]]
    assert named == ["ssh.service", "docker:0123456789ab", "ssh.service", None]
    assert len(set(events["cgroup_id"].tolist())) == 3
    assert units.notes == ("the unit of 1 process is not known: gone, or hidden, before it could be read",)


def test_without_a_v2_mount_the_process_names_the_unit(tmp_path: Path) -> None:
    proc = machine(tmp_path, {100: "1:name=systemd:/system.slice/ssh.service\n"})
    (proc / "self" / "mountinfo").write_text("")
    units, events = UnitResolver(proc, Clock()), records((1, 100))
    units.resolve(events)
    assert units.names[int(events["cgroup_id"][0])] == "ssh.service"


def test_groups_that_begin_one_after_another_are_all_named_at_once(tmp_path: Path) -> None:
    """GIVEN processes that still run WHEN their groups are a second old THEN no walk has to be waited for."""
    proc, clock = machine(tmp_path), Clock()
    units = UnitResolver(proc, clock)
    for n in range(5):
        group = add_group(tmp_path, b"box/%064x" % n)
        add_process(proc, 100 + n, b"4:memory:/\n0::/box/%064x\n" % n)
        units.resolve(records((group, 100 + n)))
        assert units.names[group] == f"box:{0:012x}"
        clock.now_s += 1


def test_a_group_is_looked_for_again_without_another_record(tmp_path: Path) -> None:
    """GIVEN a walk a second ago, and a process that has ended WHEN time goes on THEN its group is named."""
    proc, clock = machine(tmp_path), Clock()
    units = UnitResolver(proc, clock)
    first, second = add_group(tmp_path, b"a.service"), add_group(tmp_path, b"b.service")
    units.resolve(records((first, 100)))
    clock.now_s += 1
    units.resolve(records((second, 101)))
    assert second not in units.names
    clock.now_s += RESCAN_INTERVAL_S
    units.resolve(NONE)
    assert units.names == {first: "a.service", second: "b.service", units._root_id: None}


def test_a_deleted_group_has_no_name_and_is_not_looked_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks = []
    monkeypatch.setattr(
        "tcpconntop.kernel.cgroup_units.walk_groups",
        lambda mount: walks.append(mount) or cgroup_files.walk_groups(mount),
    )
    clock = Clock()
    units = UnitResolver(machine(tmp_path), clock)
    units.resolve(records((12345678, 100)))
    assert units.notes == ()
    for _ in range(50):
        clock.now_s += RESCAN_INTERVAL_S
        units.resolve(records((12345678, 100)))
    assert 12345678 not in units.names
    assert len(walks) == MAX_WALKS
    assert units.notes == (
        "the unit of 1 control group is not known: gone, or hidden, before it could be read",
    )


def test_a_group_that_was_removed_is_named_by_the_process_that_is_still_in_it(tmp_path: Path) -> None:
    proc = machine(tmp_path, {100: "0::/job.service (deleted)\n"})
    units = UnitResolver(proc, Clock())
    units.resolve(records((12345678, 100)))
    assert units.names[12345678] == "job.service"


def test_a_process_that_has_moved_or_that_is_another_one_names_nothing(tmp_path: Path) -> None:
    """GIVEN a process in another group, and one that began after the connect THEN no wrong name is given."""
    proc = machine(tmp_path, {100: "0::/other.service\n"})
    add_group(tmp_path, b"other.service")
    add_process(proc, 101, b"0::/../else.service\n", ticks=1 << 62)
    add_process(proc, 102, b"1:name=systemd:/else.service\n", ticks=1 << 62)
    units = UnitResolver(proc, Clock())
    events = records((12345678, 100), (12345679, 101), (1, 102))
    units.resolve(events)
    assert set(units.names.values()) == {None}


def test_in_a_container_with_pids_of_its_own_no_process_is_asked_unless_it_is_checked(tmp_path: Path) -> None:
    """GIVEN PIDs that are not those of records WHEN the path has the group's ID THEN it alone is right."""
    proc = machine(tmp_path, {100: "0::/mine.service\n", 101: "1:name=systemd:/wrong.service\n0::/\n"})
    (proc / "self" / "ns").mkdir()
    (proc / "self" / "ns" / "pid").touch()  # an inode number that is not the initial namespace's
    group, units = add_group(tmp_path, b"mine.service"), UnitResolver(proc, Clock())
    events = records((group, 100), (1, 101))
    units.resolve(events)
    assert units.names == {group: "mine.service", units._root_id: None}
    assert events["cgroup_id"][1] == units._root_id
    (note,) = units.notes
    assert note.endswith("is not known: this is a PID namespace; with the host's PIDs more can be told")


@pytest.mark.parametrize("name", [b"x-\xff\xfe.service", b"a\x1b]0;x\x07.service", "\u202e.service".encode()])
def test_names_that_are_no_text_are_names_all_the_same(tmp_path: Path, name: bytes) -> None:
    """GIVEN a mount point and groups of any bytes THEN both ways of finding names work."""
    mount = b"mnt \xff\xfe"
    proc = machine(tmp_path, mount=mount)
    asked, walked = add_group(tmp_path, name, mount), add_group(tmp_path, b"w" + name, mount)
    add_process(proc, 100, b"1:name=systemd:/\xff\n0::/" + name + b"\n")
    units = UnitResolver(proc, Clock())
    units.resolve(records((asked, 100), (walked, 101)))
    text = name.decode("utf-8", "replace")
    assert (units.names[asked], units.names[walked]) == (text, f"w{text}")
    assert all(name is None or name.encode() for name in units.names.values())  # no surrogates


def test_groups_that_go_during_the_walk_end_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = machine(tmp_path)
    groups = [add_group(tmp_path, b"slice/g%d/inner" % n) for n in range(50)]
    stays = add_group(tmp_path, b"stays.service")
    real, removed = os.scandir, []

    def scandir(path: bytes) -> object:
        if path.endswith(b"/slice"):
            for n in range(0, 50, 2):
                Path(os.fsdecode(path), f"g{n}", "inner").rmdir()
        elif path.endswith(b"/g1"):
            removed.append(path)
            raise PermissionError(13, "not yours")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    clock = Clock()
    units = UnitResolver(proc, clock)
    units.resolve(records((stays, 1), *((group, 2) for group in groups)))
    assert removed
    assert units.names[stays] == "stays.service"
    assert {units.names.get(group) for group in groups[3::2]} == {
        f"/slice/g{n}/inner" for n in range(3, 50, 2)
    }


@pytest.mark.parametrize("missing", ["self/mountinfo", "100/cgroup", "100/stat", "self"])
def test_what_proc_does_not_show_ends_nothing(tmp_path: Path, missing: str) -> None:
    """GIVEN files that cannot be read (no /proc, hidepid, a process that ends) THEN there is no name."""
    proc = machine(tmp_path, {100: "1:name=systemd:/system.slice/ssh.service\n0::/\n"})
    (proc / missing).rename(tmp_path / "away")
    if missing != "self":
        (proc / missing).mkdir()  # an error that is none of those for a file that is not there
    units = UnitResolver(proc, Clock())
    units.resolve(records((1, 100), (1 << 40, 100)))
    assert 1 << 40 not in units.names


def test_many_groups_are_walked_a_little_at_a_time(tmp_path: Path) -> None:
    """GIVEN a clock that goes on by 1 ms a look WHEN 300 groups are walked THEN no call takes 20 ms."""
    proc = machine(tmp_path)
    groups = [add_group(tmp_path, b"slice/g%d" % n) for n in range(300)]
    clock = Clock(tick_s=0.001)
    units = UnitResolver(proc, clock)
    units.resolve(records((groups[-1], 1), (12345678, 2)))
    calls = 0
    while units._walk is not None:
        before_s = clock.now_s
        units.resolve(NONE)
        assert clock.now_s - before_s < 0.020
        clock.now_s += STEP_INTERVAL_S
        calls += 1
    assert calls > 30
    assert groups[-1] in units.names
    assert units._next_walk_s > clock.now_s + 10  # a walk that took long is not begun again soon


@pytest.mark.parametrize(("tick_s", "pause_s"), [(0.0001, 6.0), (0.02, MAX_PAUSE_S)])
def test_the_pause_after_a_walk_has_an_upper_bound(tmp_path: Path, tick_s: float, pause_s: float) -> None:
    """GIVEN a walk that took long WHEN a minute is over THEN a group that began meanwhile is named."""
    proc, clock = machine(tmp_path), Clock(tick_s)
    for n in range(100):
        add_group(tmp_path, b"slice/g%d" % n)
    units = UnitResolver(proc, clock)
    units.resolve(records((12345678, 1)))
    while units._walk is not None:
        clock.now_s += STEP_INTERVAL_S
        units.resolve(NONE)
    late = add_group(tmp_path, b"late.service")
    units.resolve(records((late, 3)))
    assert late not in units.names  # the pause has begun
    clock.now_s += pause_s
    while late not in units.names:
        clock.now_s += STEP_INTERVAL_S
        units.resolve(NONE)
        assert units._walk is not None or late in units.names


def test_asking_many_processes_at_once_has_an_end(tmp_path: Path) -> None:
    """GIVEN 10,000 new processes and a slow clock THEN some are asked at their next record only."""
    proc, clock = machine(tmp_path), Clock(tick_s=0.001)
    units = UnitResolver(proc, clock)
    units.resolve(records(*((1, pid) for pid in range(1, 10_000))))
    assert len(units._id_of_process) < 100


def test_a_mount_of_the_whole_hierarchy_is_preferred(tmp_path: Path) -> None:
    proc = machine(tmp_path)
    (tmp_path / "part").mkdir()
    info = proc / "self" / "mountinfo"
    lines = [
        f"1 1 0:26 /docker {tmp_path}/part rw - cgroup2 x rw",
        f"1 1 0:26 / {tmp_path}/gone rw - cgroup2 x rw",
    ]
    info.write_text("\n".join([*lines, info.read_bytes().decode("utf-8", "replace")]))
    assert v2_mount(proc) == os.fsencode(tmp_path) + b"/cgroup"
    assert unescape(rb"/a\040b\134\011") == b"/a b\\\t"
