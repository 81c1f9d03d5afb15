"""No name ends or stalls the tracing, or reaches the output as it is: mounts, groups, processes, hidepid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import way
import workload

from tcpconntop.kernel.cgroup_files import v2_mount

pytestmark = pytest.mark.compiles

WORLD = str(Path(__file__).with_name("hostile.py"))


@pytest.fixture
def cgroups() -> bytes:
    mount = v2_mount(Path("/proc"))
    if mount is None or not os.access(mount, os.W_OK):
        pytest.skip("no cgroup v2 hierarchy in which groups can be made")
    return mount


@pytest.fixture
def world(tmp_path: Path, cgroups: bytes) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A running hostile machine, and the port that it connects to."""
    with workload.closed_port() as port:
        process = subprocess.Popen(
            ["unshare", "-m", sys.executable, WORLD, str(tmp_path), os.fsdecode(cgroups), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        with process:
            try:
                made = json.loads(process.stdout.readline())
                assert made["mounts"] > 5
                yield process, port
            finally:
                process.kill()


def traced(world: subprocess.Popen[str], port: int, *arguments: str) -> subprocess.Popen[bytes]:
    """Start tcpconntop among those mounts, as a user who called sudo does, with other users' files hidden."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return subprocess.Popen(
        [
            "nsenter", "-m", f"--target={world.pid}", "--",
            sys.executable, "-m", "tcpconntop", *arguments, "-P", str(port), *way.OPTIONS,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**usual, "SUDO_UID": "65534", "SUDO_GID": "65534"},
    )  # fmt: skip


def stop(tracer: subprocess.Popen[bytes]) -> tuple[str, str]:
    tracer.send_signal(signal.SIGINT)
    out, err = (text.decode("utf-8") for text in tracer.communicate(timeout=way.DEADLINE_S))
    assert tracer.returncode == 130, err
    assert "Traceback" not in err
    for text in (out, err):
        assert {char for char in text if not char.isprintable()} <= {"\n"}
    return out, err


def wait_for(tracer: subprocess.Popen[bytes], start: bytes) -> None:
    assert tracer.stderr
    errors = b""
    for line in tracer.stderr:
        if line.startswith(start):
            return
        errors = line
    raise AssertionError(f"the tracer ended: {errors!r}")


@pytest.mark.parametrize("seconds", [1, pytest.param(600, marks=pytest.mark.long)])
def test_a_machine_full_of_hostile_names_is_traced_to_the_end(
    world: tuple[subprocess.Popen[str], int], seconds: int
) -> None:
    """GIVEN churn of hostile names WHEN it is traced in three ways THEN all end well and nothing is raw."""
    hostile, port = world
    tracers = []
    for arguments in (  # the log sees what the others see: it begins first, and is stopped last
        ("log", "--json"),
        ("-b", "-g", "process+dest", "-d", "0.5"),
        ("-b", "--json", "-g", "unit", "-d", "0.5"),
    ):
        tracers.append(traced(hostile, port, *arguments))
        wait_for(tracers[-1], b"tracing: ")
    try:
        hostile.wait(seconds)
    except subprocess.TimeoutExpired:
        assert hostile.stdin is not None
        assert hostile.stdout is not None
        hostile.stdin.close()
        assert json.loads(hostile.stdout.readline())["made"] > seconds
    outputs = [stop(tracer) for tracer in reversed(tracers)]
    documents = [json.loads(line) for line in outputs[0][0].splitlines()]
    connects = [json.loads(line) for line in outputs[2][0].splitlines()]
    last = documents[-1]
    assert last["attempts"] == sum(last["outcomes"].values()) + last["in_flight"]
    assert last["lost"] == last["in_flight"] == 0
    assert len(connects) >= last["outcomes"]["refused"] > 0


def test_short_lived_groups_side_by_side_are_named(cgroups: bytes, tmp_path: Path) -> None:
    """GIVEN three new groups one after another WHEN a process of each still runs THEN each has its name."""
    code = (
        "import socket, sys; open(sys.argv[1] + '/cgroup.procs', 'w').write('0'); "
        "socket.socket().connect_ex(('127.0.0.1', int(sys.argv[2]))); sys.stdin.read()"
    )
    top = Path(os.fsdecode(cgroups), f"box-{os.getpid()}")
    groups = [top / f"{n:064x}" for n in range(0xABC << 240, (0xABC << 240) + (3 << 236), 1 << 236)]
    with workload.closed_port() as port:
        log = subprocess.Popen(
            [sys.executable, "-m", "tcpconntop", "log", "--json", "-P", str(port), *way.OPTIONS],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        children: list[subprocess.Popen[bytes]] = []
        try:
            wait_for(log, b"tracing: ")
            assert log.stdout
            for group in groups:
                group.mkdir(parents=True)
                child = [sys.executable, "-c", code, str(group), str(port)]
                children.append(subprocess.Popen(child, stdin=subprocess.PIPE))
                document = json.loads(log.stdout.readline())
                assert document["pid"] == children[-1].pid
                assert document["unit"] == f"container:{group.name[:12]}"
            stop(log)
        finally:
            for process in (*children, log):
                process.kill()
                process.communicate()
            for group in (*groups, top):
                if group.exists():
                    group.rmdir()
