"""The search for names of interfaces and network namespaces, with a fake /proc."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from records import connect, join

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Events
from tcpconntop.sources import place_names
from tcpconntop.sources.place_names import PlaceNames

IF_INET6 = "fe80000000000000fc00fffe0000000{0} {0:02x} 40 20 80 {1:>8}\n"
STAT = "{pid} (a) b) S" + " 0" * 18 + " 0" + " 0" * 30


class Machine:
    """Processes in namespaces: each namespace has one if_inet6 file, and each process a hard link to it."""

    def __init__(self, root: Path) -> None:
        self.root, self.proc, self.run_netns = root, root / "proc", root / "netns"
        self.run_netns.mkdir()

    def interfaces(self, namespace: str, *names: str) -> None:
        text = "".join(IF_INET6.format(index, name) for index, name in enumerate(names, 1))
        (self.root / namespace).write_text(text)

    def process(self, pid: int | str, namespace: str) -> None:
        """Add a process; its ns/net link is missing, because without privileges it cannot be read."""
        folder = self.proc / str(pid)
        (folder / "net").mkdir(parents=True)
        os.link(self.root / namespace, folder / "net/if_inet6")
        (folder / "stat").write_text(STAT.format(pid=pid))

    def names(self) -> PlaceNames:
        return PlaceNames(self.proc, self.run_netns)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(place_names, "LOOK_INTERVAL_S", 0.0)
    machine = Machine(tmp_path)
    machine.interfaces("home", "lo", "eth0")
    machine.process("thread-self", "home")
    machine.interfaces("container", "lo", "va", "vb")
    return machine


def link_local(netns: int, scope_id: int, pid: int) -> Events:
    return connect("fe80::1", netns=netns, scope_id=scope_id, pid=pid, end_ns=10**9 * SECOND_NS)


def test_interfaces_have_the_names_of_their_namespace(machine: Machine) -> None:
    machine.process(7, "container")
    names = machine.names()
    names.resolve(join(link_local(50, 2, 7), link_local(50, 3, 7), connect(netns=50)))
    assert [names.places.interface(50, index) for index in (2, 3, 9)] == ["va", "vb", "9"]


def test_a_process_that_has_gone_leaves_the_index_until_another_one_connects(machine: Machine) -> None:
    names = machine.names()
    names.resolve(link_local(50, 2, 7))
    assert names.places.interfaces == {(50, 2): ""}
    machine.process(8, "container")
    names.resolve(link_local(50, 2, 8))
    assert names.places.interface(50, 2) == "va"


def test_a_thread_in_another_namespace_than_its_process_is_not_believed(machine: Machine) -> None:
    """GIVEN the namespaces of two records, and one file for both WHEN named THEN the second has no name."""
    machine.process(7, "container")
    names = machine.names()
    names.resolve(link_local(50, 2, 7))
    names.resolve(link_local(60, 2, 7))
    assert names.places.interfaces[60, 2] == ""


def test_an_interface_with_a_new_name_has_it_from_then_on(machine: Machine) -> None:
    machine.process(7, "container")
    names = machine.names()
    names.resolve(link_local(50, 2, 7))
    machine.interfaces("container", "lo", "wan\x1b")
    names.resolve(link_local(50, 2, 7))
    assert names.places.interface(50, 2) == "wan·"


def test_namespaces_have_the_names_of_ip_netns(machine: Machine) -> None:
    (machine.run_netns / "blue").touch()
    inode = (machine.run_netns / "blue").stat().st_ino
    names = machine.names()
    names.resolve(join(connect(netns=inode), connect(netns=inode + 1)))
    assert names.places.namespace(inode) == "blue"
    assert names.places.namespace(inode + 1) == str(inode + 1)


def test_no_folder_no_process_and_no_records_are_no_error(tmp_path: Path) -> None:
    names = PlaceNames(tmp_path / "no proc", tmp_path / "no netns")
    names.resolve(join())
    names.resolve(link_local(50, 2, 7))
    assert names.places.interface(50, 2) == "2"
    assert len(np.unique(list(names.places.namespaces))) == 0
