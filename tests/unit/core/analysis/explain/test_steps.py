"""The next step of each kind: its command runs as it is, where it is said, and nothing gets out of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from explaining import ending_now, findings_of, snapshot_by_second
from records import connect
from step_stories import REFUSED, STORIES, UNREACHABLE, shown_of, story

from tcpconntop.core.analysis.explain import KINDS, Finding
from tcpconntop.core.places import Places
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events

OUTPUTS = {
    "ss -l": r"Recv-Q +Send-Q +Local Address",
    "ss -t": r"Recv-Q +Send-Q +Local Address",
    "nstat": r"TcpExt\w+ +\d+ +\d",
    "sysctl": r"ip_local_port_range = \d+\s+\d+",
    "ip -s": r"RX: +bytes",
    "tc -s": r"qdisc \w+",
    "cat /proc/loadavg; nproc": r"\d+\.\d+ .*\n\d+\n",
    "ip route get 127": r"127\.\S+ dev lo",
}
"""What a command prints in any case, by what it begins with."""

PROGRAMS = re.compile(r"(?:^|[;|'] ?)(ss|nstat|ip|nft|ip6?tables-save|tc|sysctl|nsenter|lsns|awk)\b")


def run(command: str, shell: str = "sh") -> str:
    """Run a command as a person would, and return what it printed; skip where a program is missing."""
    missing = [name for name in {*PROGRAMS.findall(command)} if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed here: {', '.join(sorted(missing))}")
    done = subprocess.run([shell, "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (command, done)
    return done.stdout


def test_every_kind_has_a_story():
    assert {kind for kind, *_ in STORIES.values()} == set(KINDS)
    assert all(kind.next_step and "\n" not in kind.next_step for kind in KINDS.values())
    assert 'cut -d" " -f1' in KINDS["ports"].next_step  # as in the command of a finding


@pytest.mark.parametrize("name", STORIES)
def test_the_command_is_the_one_for_this_destination_and_says_where(name):
    _, _, where, command = STORIES[name]
    step = story(name).next_step
    assert (step.where, step.command) == (where, command)
    assert step.tells
    assert "\n" not in step.tells
    assert not step.tells.endswith(".")


@pytest.mark.parametrize("shell", ["sh", pytest.param("bash", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", STORIES)
def test_the_command_runs_as_it_is(name, shell):
    """GIVEN the command of a finding WHEN a shell gets it THEN it runs, and prints what it should."""
    command = story(name).next_step.command
    printed = run(command, shell)
    for part in command.split("; "):
        for begin, output in OUTPUTS.items():
            if part.startswith(begin) and "awk" not in part:
                assert re.search(output, printed), (part, printed)


def test_a_peer_that_drops_syns_may_lose_them_or_have_a_full_queue_and_both_are_said():
    for name in ("unanswered", "lost-syns", "gives-up after lost SYNs"):
        tells = story(name).next_step.tells
        assert "accept queue is full" in tells
        assert "lost on the way" in tells


def test_the_command_for_a_listener_finds_one(tmp_path):
    """GIVEN a listener here WHEN the command of a refused port is run for its port THEN it is listed."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        parts = [connect("127.0.0.1", dport=port, times=3, **REFUSED)]
        (found,) = findings_of(snapshot_by_second(*ending_now(*parts)))
        assert f"127.0.0.1:{port}" in run(found.next_step.command)
    assert f":{port}" not in run(found.next_step.command)


# Where it is to be run


LINK_LOCAL = [connect("fe80::1", times=9, netns=50, scope_id=1, **UNREACHABLE)]


def of_places(parts: list[Events], places: Places, host=None, **changes) -> Finding:
    shown = replace(snapshot_by_second(*ending_now(*parts)), places=places, host=host, **changes)
    return findings_of(shown)[0]


@pytest.mark.parametrize(
    ("places", "host", "command"),
    [
        (
            Places({(50, 1): "lo"}, {50: "host"}),
            None,
            "ip -6 route get fe80::1 oif lo; ip -6 neigh show to fe80::1 dev lo",
        ),
        (
            Places({}, {50: "blue"}),
            None,
            "ip netns exec blue sh -c 'ip -6 route get fe80::1 oif if1; ip -6 neigh show to fe80::1 dev if1'",
        ),
        (
            Places({(50, 1): "eth0"}, {50: "blue"}),
            {50: NetnsFacts()},  # where this program runs itself
            "ip -6 route get fe80::1 oif eth0; ip -6 neigh show to fe80::1 dev eth0",
        ),
        (
            Places({(50, 1): "eth0"}, {50: "host"}),
            {50: NetnsFacts(own=False)},  # this program runs elsewhere, such as in a container
            'nsenter -t "$(lsns -rno PID 50 | head -n 1)" -n sh -c \'ip -6 route get fe80::1 oif eth0;'
            " ip -6 neigh show to fe80::1 dev eth0'",
        ),
        (
            Places({}, {50: "host", 60: "host"}),  # `ip netns add host`: the name tells nothing
            None,
            'nsenter -t "$(lsns -rno PID 50 | head -n 1)" -n sh -c \'ip -6 route get fe80::1 oif if1;'
            " ip -6 neigh show to fe80::1 dev if1'",
        ),
    ],
)
def test_it_is_run_in_the_namespace_and_on_the_interface_of_the_connects(places, host, command):
    step = of_places(LINK_LOCAL, places, host).next_step
    assert (step.where, step.command) == ("here", command)


def test_it_is_run_in_a_namespace_without_a_name():
    """GIVEN a process in a network namespace of its own THEN the command looks there, not here."""
    if os.geteuid() != 0:
        pytest.skip("entering a network namespace needs root")
    waits = "import os, sys; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        ["unshare", "-n", sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as inside:
        assert inside.stdout.readline() == b"ready\n"
        netns = Path(f"/proc/{inside.pid}/ns/net").stat().st_ino
        parts = [connect("127.0.0.2", times=9, netns=netns, **UNREACHABLE)]
        command = of_places(parts, Places()).next_step.command.replace("neigh show to", "-br link;:")
        assert command.startswith(f'nsenter -t "$(lsns -rno PID {netns} | head -n 1)" -n sh -c ')
        printed = run(command)
        inside.stdin.close()
    assert re.search(r"^lo +DOWN", printed, re.M), printed  # nobody brought it up there


def test_of_a_recording_it_is_run_on_the_host_that_was_recorded():
    info = SourceInfo("db-07", "6.12", "fentry", "ring", "recording")
    assert story("slow-path", info=info).next_step.where == "on db-07"
    assert story("slow-path", info=replace(info, host="")).next_step.where == "on the host that was traced"
    assert story("refused", info=info).next_step.where == "on 10.0.0.1"


# Nothing gets out of it

HOSTILE = [
    "x; touch BAD",
    "$(touch BAD)",
    "`touch BAD`",
    "a'b",
    "-x",
    "a\nb",
    "a b",
    "../x",
    "é",
    "",
    "7",
    "a|b",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_of_an_interface_or_namespace_is_no_part_of_the_command_unless_it_is_plain(name, tmp_path):
    finding = of_places(LINK_LOCAL, Places({(50, 1): name}, {50: name}))
    command = finding.next_step.command
    if name != "7":
        assert command == (
            'nsenter -t "$(lsns -rno PID 50 | head -n 1)" -n sh -c \'ip -6 route get fe80::1 oif if1;'
            " ip -6 neigh show to fe80::1 dev if1'"
        )
    subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", [*HOSTILE[:3], *(pytest.param(name, marks=pytest.mark.long) for name in HOSTILE[3:])]
)
def test_a_name_of_a_process_is_in_no_command(name):
    """GIVEN processes with names that a shell would act on THEN no story's command has a letter of them."""
    for one, (kind, _, _, command) in STORIES.items():
        found = findings_of(shown_of(one, comm=name.encode()))
        assert [finding.next_step.command for finding in found if finding.kind == kind][:1] == [command], one
