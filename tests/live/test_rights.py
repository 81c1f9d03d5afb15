"""What the interface, and a loader that stays, may still do: nothing that gives privileges back."""

from __future__ import annotations

import json
import mmap
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import way
import workload
from command import TCPCONNTOP, run
from test_lifecycle import interface

from tcpconntop.core.wire import COUNTERS, NETNS_COUNTERS, SETTINGS
from tcpconntop.kernel.landlock import landlock_version
from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

pytestmark = [
    pytest.mark.compiles,
    pytest.mark.skipif(not way.FIRST, reason="the same for all probe sets: runs with the first"),
]

NOBODY = 65534
STEAL = """
import ctypes, json, os, sys
pid, libc, found = int(sys.argv[1]), ctypes.CDLL(None, use_errno=True), []
pidfd = libc.syscall(434, pid, 0)
found += [f"descriptor {fd}" for fd in range(40) if libc.syscall(438, pidfd, fd, 0) >= 0]
found += ["attached"] if libc.ptrace(16, pid, None, None) == 0 else []
for name in ("mem", "environ", "maps", "fd/0"):
    try:
        os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
        found.append(name)
    except OSError:
        pass
print(json.dumps([os.getuid(), os.stat(f"/proc/{pid}/environ").st_uid, found]))
"""
INTERFACE_OF_NOBODY = """
import ctypes, os, sys
from tcpconntop.kernel.privileges import drop_privileges
nobody = int(sys.argv[1])
os.setgroups([])
os.setresgid(nobody, nobody, nobody)
os.setresuid(nobody, nobody, nobody)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as after an exec, with capabilities or without
drop_privileges()
print("ready", flush=True)
sys.stdin.read()
"""
TRY_TO_WRITE = """
import json, os, sys
from pathlib import Path
from tcpconntop.kernel.privileges import drop_privileges
own, others = Path(sys.argv[1]), sys.argv[2:]
os.dup2(os.openpty()[1], 0)
drop_privileges(lambda: [own])
for device in (os.ttyname(0), os.devnull):
    os.close(os.open(device, os.O_WRONLY | os.O_NOCTTY))
(own / "draft").write_text("x")
(own / "draft").replace(own / "file")
(own / "file").unlink()
(own / "folder").mkdir()
allowed = []
for number, name in enumerate(others):
    path = Path(name)
    for change in (
        lambda: os.close(os.open(path, os.O_WRONLY)),
        lambda: os.truncate(path, 0),
        lambda: path.unlink(),
        lambda: path.chmod(0o4755),
        lambda: os.chown(path, 1, 1),
        lambda: path.with_name("new").touch(),
        lambda: path.with_name("made").mkdir(),
        lambda: path.with_name("link").symlink_to(path),
        lambda: os.rename(own / "folder", path.with_name("moved")),
    ):
        try:
            change()
            allowed.append([name, change.__code__.co_firstlineno])
        except OSError:
            pass
print(json.dumps(allowed))
"""


def status(pid: int) -> list[dict[str, str]]:
    """Return the status of every thread of a process."""
    files = [task / "status" for task in Path(f"/proc/{pid}/task").iterdir()]
    return [dict(re.findall(r"^(\w+):\s*(.*)$", file.read_text(), re.MULTILINE)) for file in files]


def has_nothing(pid: int) -> bool:
    """True if no thread of a process has a capability, or could get one."""
    return all(
        {thread[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        and (thread["NoNewPrivs"], thread["Seccomp"]) == ("1", "2")
        for thread in status(pid)
    )


@pytest.mark.parametrize("transport", ["ring", pytest.param("perf", marks=pytest.mark.long)])
def test_the_interface_gets_links_and_four_maps(transport: str) -> None:
    with open_session(spawn_loader(), TraceRequest(transport=transport)) as session:
        kinds = {name: str(Path(f"/proc/self/fd/{fd}").readlink()) for name, fd in session.fds.items()}
        maps = {name for name, kind in kinds.items() if kind == "anon_inode:bpf-map"}
        assert maps == {"map:tct_events", "map:tct_counters", "map:tct_netns", "map:tct_settings"}
        assert all(name in maps or name.startswith("link:") for name in kinds)
        assert "anon_inode:bpf-prog" not in kinds.values()


def test_what_asks_a_prometheus_has_nothing():
    """The command waits for an answer: by then it has given everything up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(way.DEADLINE_S)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with subprocess.Popen([*TCPCONNTOP, "fleet", url, "-b"], stderr=subprocess.DEVNULL) as process:
            try:
                with server.accept()[0]:
                    assert has_nothing(process.pid)
            finally:
                process.kill()


@pytest.mark.parametrize(("name", "record"), [("tct_counters", COUNTERS), ("tct_netns", NETNS_COUNTERS)])
def test_nobody_can_write_the_counters(name: str, record: Any) -> None:
    """GIVEN the counters WHEN even root writes them THEN the kernel refuses, however it is tried."""
    with open_session(spawn_loader(), way.request()) as session:
        descriptor = session.fds[f"map:{name}"]
        with pytest.raises(PermissionError):
            mmap.mmap(descriptor, record.itemsize, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        assert workload.update_map(descriptor, record.itemsize) == "EPERM"
        assert workload.update_map(session.fds["map:tct_settings"], SETTINGS.itemsize) == "0"


def test_every_process_that_stays_has_given_everything_up() -> None:
    """GIVEN root and perf buffers WHEN tracing runs THEN neither process has anything, in any thread."""
    with interface("open", SUDO_UID="0", TCPCONNTOP_TEST_TRANSPORT="perf") as (process, reported):
        assert reported["transport"] == "perf"
        for pid in (process.pid, reported["loader"]):
            assert len(status(pid)) > 1
            assert has_nothing(pid)


def test_no_process_of_the_same_user_looks_into_the_interface() -> None:
    """GIVEN an interface of a user WHEN another process of that user attacks it THEN it gets nothing."""
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUDO_")}
    with subprocess.Popen(
        [sys.executable, "-c", INTERFACE_OF_NOBODY, str(NOBODY)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert status(process.pid)[0]["Uid"].split() == [str(NOBODY)] * 4
        command = [*become, "/usr/bin/python3", "-c", STEAL, str(process.pid)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
        uid, owner, found = json.loads(done.stdout)
        process.kill()  # it may have been stopped
    assert (uid, found) == (NOBODY, [])
    assert owner == 0  # so the kernel says that the process is protected


def test_root_without_capabilities_writes_only_to_its_folders(tmp_path: Path) -> None:
    if not landlock_version():
        pytest.skip("this kernel has no Landlock")
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "file").write_text("mine")
    core_pattern = "/proc/sys/kernel/core_pattern"
    done = subprocess.run(
        [sys.executable, "-c", TRY_TO_WRITE, str(own), str(other / "file"), core_pattern],
        capture_output=True, text=True, check=True, env={**os.environ, "SUDO_UID": "0"},
    )  # fmt: skip
    assert json.loads(done.stdout) == []
    assert [file.name for file in other.iterdir()] == ["file"]
    assert (other / "file").read_text() == "mine"


def test_root_records_into_a_folder(tmp_path: Path) -> None:
    """GIVEN root WHEN it records with rotation THEN that works, although other folders are closed."""
    rotation = ("--rotate-age", "1s", "--keep", "2", "--for", "1s")
    done = run("record", str(tmp_path / "r"), *rotation, *way.OPTIONS)
    assert done.returncode == 0, done.stderr
    assert {written.stat().st_mode & 0o777 for written in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "-b"),
        pytest.param(("export", "--format", "csv"), marks=pytest.mark.long),
        pytest.param(("log", "--replay"), marks=pytest.mark.long),
        ("check", "--assert", "p99<1s", "--replay"),
    ],
)
def test_a_sudo_rule_reads_no_file_of_root(command: tuple[str, ...], tmp_path: Path) -> None:
    """GIVEN a user who may run this with sudo WHEN they name a file of root THEN it is not opened."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    sudo = ("env", "-u", "XDG_CONFIG_HOME", f"SUDO_UID={NOBODY}", f"SUDO_GID={NOBODY}")
    done = run(*command, str(secret), prefix=sudo)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"tcpconntop: cannot read {secret}: Permission denied\n"
    assert "not a recording" in run(*command, str(secret)).stderr  # root's own rights


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "sparse"])
def test_a_settings_file_neither_blocks_nor_fills_memory(kind: str, tmp_path: Path) -> None:
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    done = run("-b", "--config", str(path))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert re.fullmatch(rf"tcpconntop: {path}: it is (not a regular file|larger than 1 MiB)\n", done.stderr)


def test_the_variables_of_python_decide_nothing_as_root(tmp_path: Path) -> None:
    """GIVEN PYTHONPATH with traps WHEN root starts the program THEN none of them is imported."""
    for name in ("argparse", "json", "numpy", "signal", "subprocess", "textual"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('trapped')")
    command = [str(Path(TCPCONNTOP[0]).with_name("tcpconntop")), "-b", "-n", "1", "-d", "0.2", *way.OPTIONS]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "trapped" not in done.stderr
