"""The process IDs of `-p`, with a fake /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpconntop.kernel import process as kernel_process
from tcpconntop.kernel.pids import OtherPidError, resolve_pids


class Proc:
    """A fake /proc. `inside` puts this process into a PID namespace of its own."""

    def __init__(self, root: Path, inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        (root / "self/ns").mkdir(parents=True)
        (root / "self/ns/pid").touch()
        inode = (root / "self/ns/pid").stat().st_ino
        monkeypatch.setattr(kernel_process, "INIT_PID_NAMESPACE", inode + inside)

    def process(self, pid: int | str, name: str, tgid: int | None = None, nspid: str = "") -> None:
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        tgid = pid if tgid is None else tgid
        (folder / "status").write_text(f"Name:\t{name}\nTgid:\t{tgid}\nNSpid:\t{nspid or pid}\n")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    return Proc(tmp_path, False, monkeypatch)


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    return Proc(tmp_path, True, monkeypatch)


def test_a_process_is_traced_as_given(host: Proc) -> None:
    host.process(7, "nginx")
    assert resolve_pids((7,), host.root) == ((7,), ())
    assert resolve_pids((), host.root) == ((), ())


def test_of_a_thread_the_process_is_traced_and_named(host: Proc) -> None:
    host.process(7, "nginx\x1b")
    host.process(8, "worker", tgid=7)
    pids, notes = resolve_pids((8, 7), host.root)
    assert (pids, len(notes)) == ((7,), 1)
    assert "8 is a thread of process 7 (nginx·)" in notes[0]


def test_a_process_that_is_not_there_is_told(host: Proc) -> None:
    assert resolve_pids((7,), host.root) == ((7,), ("-p 7: there is no such process now",))


def test_the_id_inside_a_container_is_translated_in_the_note(host: Proc) -> None:
    host.process(4242, "app", nspid="4242\t7")
    (note,) = resolve_pids((7,), host.root)[1]
    assert note.endswith("in a PID namespace 4242 has that ID")


def test_inside_a_pid_namespace_with_the_hosts_proc_the_number_outside_is_traced(container: Proc) -> None:
    container.process(2, "kthreadd")
    container.process("self", "python", tgid=4300, nspid="4300\t9")
    container.process(4242, "app", nspid="4242\t7")
    pids, notes = resolve_pids((7,), container.root)
    assert (pids, len(notes)) == ((4242,), 1)
    assert "4242" in notes[0]


def test_inside_a_pid_namespace_with_its_own_proc_it_cannot_be_told(container: Proc) -> None:
    container.process("self", "python", tgid=9)
    container.process(7, "app")
    with pytest.raises(OtherPidError, match=r"-p 7: .*-c"):
        resolve_pids((7,), container.root)


def test_inside_a_pid_namespace_an_unknown_id_is_taken_as_the_hosts(container: Proc) -> None:
    container.process("self", "python", tgid=9)
    pids, notes = resolve_pids((4242,), container.root)
    assert pids == (4242,)
    assert "on the host" in notes[0]
