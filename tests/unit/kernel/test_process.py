"""Processes read from /proc: real ones, and folders that look like it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tcpconntop.kernel import process
from tcpconntop.kernel.process import UnknownProcessError, read_process, started_before


def fake(proc: Path, pid: int, comm: str, cmdline: bytes, state: str = "S", ticks: int = 500) -> None:
    """Write the files that the kernel has for a process."""
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    (proc / "stat").write_text("cpu 1 2 3\nbtime 1000\n")
    (folder / "comm").write_bytes(comm.encode() + b"\n")
    (folder / "cmdline").write_bytes(cmdline)
    (folder / "status").write_text("Name:\tx\nUid:\t1\t987654\t1\t1\n")
    (folder / "stat").write_text(f"{pid} ({comm}) {state} " + " ".join(["0"] * 18) + f" {ticks} 0 0\n")


def wait_for_arguments(pid: int) -> None:
    """Wait until the arguments of a new program can be read; the kernel sets its name a little earlier."""
    end_s = time.monotonic() + 60
    while not Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < end_s:
        time.sleep(0.001)


def test_given_a_process_when_read_then_its_values_are_right_and_when_it_ended_it_is_none():
    began = time.time()
    with subprocess.Popen(["/bin/sleep", "100"]) as child:
        wait_for_arguments(child.pid)
        info = read_process(child.pid)
        assert (info.comm, info.command) == ("sleep", "/bin/sleep 100")
        assert abs(info.started_s - began) < 60  # the kernel's boot time is rounded, and clocks are set
        assert read_process(child.pid) == info
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert read_process(child.pid) is None  # a zombie
    assert read_process(child.pid) is None


def test_given_text_from_outside_then_it_is_safe_to_show(tmp_path):
    fake(tmp_path, 7, "a) Z\x1b[31m", b"/bin/x\0\x1b]0;title\x07\0\xff\0--[red]\0")
    info = read_process(7, tmp_path)
    assert info.comm == "a) Z·[31m"
    assert info.command == "/bin/x ·]0;title· � --[red]"
    assert info.user == "uid 987654"
    assert info.started_s == 1000 + 500 / os.sysconf("SC_CLK_TCK")


def test_given_another_process_of_the_same_id_then_its_start_differs(tmp_path):
    fake(tmp_path, 7, "x", b"x\0")
    first = read_process(7, tmp_path)
    fake(tmp_path, 7, "x", b"x\0", ticks=900)
    assert read_process(7, tmp_path).start_ticks != first.start_ticks


def test_given_a_kernel_thread_then_it_has_no_command(tmp_path):
    fake(tmp_path, 2, "kthreadd", b"")
    assert read_process(2, tmp_path).command == ""


def test_given_a_process_that_proc_hides_then_it_is_not_said_to_have_ended(tmp_path, monkeypatch):
    """GIVEN files that refuse (hidepid=1) or are not there (hidepid=2) WHEN it runs THEN it is hidden."""
    fake(tmp_path, 7, "x", b"x\0")

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(UnknownProcessError, match="hidepid"):
        read_process(7, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(process, "PROC", tmp_path)
    monkeypatch.setattr(os, "kill", refused)
    with pytest.raises(UnknownProcessError, match="hidepid"):
        read_process(8, tmp_path)


def test_given_another_pid_namespace_then_whoever_has_the_number_there_is_not_taken_for_the_process(tmp_path):
    fake(tmp_path, 7, "x", b"x\0")
    (tmp_path / "self" / "ns").mkdir(parents=True)
    (tmp_path / "self" / "ns" / "pid").touch()
    with pytest.raises(UnknownProcessError, match="PID namespace"):
        read_process(7, tmp_path)


@pytest.mark.parametrize("stat", ["", "7 (x", "7 (x) S 1 2 x"])
def test_given_files_that_are_not_as_expected_then_nothing_is_raised(tmp_path, stat):
    fake(tmp_path, 7, "x", b"x\0")
    (tmp_path / "7" / "stat").write_text(stat)
    assert read_process(7, tmp_path) is None
    assert not started_before(tmp_path / "7", 1 << 62)


def test_given_no_process_then_it_is_none(tmp_path):
    assert read_process(7, tmp_path) is None
    fake(tmp_path, 7, "x", b"x\0", state="Z")
    assert read_process(7, tmp_path) is None
