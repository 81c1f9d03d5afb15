"""Where connects are made: network namespaces, and processes as filters name them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import way
import workload
from command import Known, run, tcpconntop

HERE = Path(__file__).parent
CONNECTS = """
import os, socket, sys
import network
network.bring_loopback_up()
server = socket.create_server(("127.0.0.1", int(sys.argv[1]))) if sys.argv[2] == "listen" else None
for _ in range(int(sys.argv[3])):
    socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1])))
print(os.stat("/proc/self/ns/net").st_ino, flush=True)
sys.stdin.read()
"""


@contextmanager
def elsewhere(port: int, what: str, times: int) -> Iterator[int]:
    """Connect to 127.0.0.1 in a new network namespace; yield its inode number, which is used again later."""
    command = ["unshare", "--net", sys.executable, "-c", CONNECTS, str(port), what, str(times)]
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate("", way.DEADLINE_S)
        assert process.returncode == 0


def test_the_same_address_in_two_namespaces_is_told_apart(known: Known, tmp_path: Path) -> None:
    """GIVEN 5 connects that succeed and 3 that are refused WHEN grouped THEN both are one row, or two."""
    file = str(tmp_path / "where.rec")
    with (
        tcpconntop("log", "--json", "-P", known.ports, "--record", file) as log,
        elsewhere(known.closed, "listen", 5) as good,
        elsewhere(known.closed, "none", 3) as bad,
    ):
        lines = [json.loads(line) for line in log.interrupt()[0]]
    assert Counter((line["netns"], line["result"]) for line in lines) == {
        (good, "ok"): 5,
        (bad, "refused"): 3,
    }
    rows = {}
    for group in ("dest", "netns+dest"):
        replay = run("replay", file, "-b", "-n", "1", "-w", "all", "-d", "3600", "--json", "-g", group)
        document = json.loads(replay.stdout.splitlines()[-1])
        rows[group] = [
            (row["netns"], row["namespaces"], row["ok"], row["failed"]) for row in document["rows"]
        ]
    assert rows["dest"] == [(None, 2, 5, 3)]
    assert sorted(rows["netns+dest"]) == sorted([(good, 1, 5, 0), (bad, 1, 0, 3)])
    one = run("log", "--json", "--replay", file, "--filter", f"netns={bad}")
    assert len(one.stdout.splitlines()) == 3


def test_of_a_thread_the_process_is_traced() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    with workload.listener() as server, tcpconntop("log", "--json", "-p", str(thread.native_id)) as log:
        workload.connect(server, 3)
        lines = [json.loads(line) for line in log.interrupt()[0]]
    end.set()
    thread.join()
    assert [line["pid"] for line in lines] == [os.getpid()] * 3


def test_a_process_that_has_ended_is_told_and_is_no_error() -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    result = run("-b", "-n", "1", "-d", "0.2", "-p", str(ended.pid), *way.OPTIONS)
    assert result.returncode == 0
    assert f"-p {ended.pid}: there is no such process now" in result.stderr
    assert f"(no connect that matches -p {ended.pid} ended in this window)" in result.stdout


def test_in_a_pid_namespace_an_inner_pid_is_an_error_of_one_line() -> None:
    result = run("log", "-p", "1", *way.OPTIONS, prefix=("unshare", "--pid", "--fork", "--mount-proc"))
    assert result.returncode == 2
    assert result.stderr.startswith("tcpconntop: -p 1: this is a PID namespace")
    assert result.stderr.count("\n") == 1


def test_in_a_pid_namespace_no_other_process_is_taken_for_the_one_that_connects() -> None:
    """GIVEN a container whose /proc has a process of that number WHEN it is looked up THEN it is unknown."""
    program = (
        "import os; from tcpconntop.kernel.process import *\n"
        "try: print(read_process(os.getpid()))\n"
        "except UnknownProcessError as error: print(error)"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("this is a PID namespace")
