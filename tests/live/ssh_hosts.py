"""Hosts with an sshd, and servers, on a bridge: each is a network namespace. `node.py` runs in it.

The tracers of the hosts all see this kernel, so each takes the connects of one user alone: those of its host.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import node
import pytest
import responder
import sshd
from command import Command, tcpconntop

NAMES = ("db-01", "db-02", "db-03", "db-04")
SLOW_HOST, SLOW_SERVER = "db-04", "198.18.7.23"
SERVERS = ("198.18.7.21", "198.18.7.22", SLOW_SERVER)
HERE, PORT, SSH_PORT, DELAY_MS = "198.18.7.1", 8443, 2222, 10
TIMES = 23
A_ROUND = TIMES * len(SERVERS)
"""The connects that a host makes in a round."""


class Node:
    """A process in a network namespace of its own (`node.py`)."""

    def __init__(self, stack: ExitStack) -> None:
        self.process = subprocess.Popen(
            ["unshare", "--net", sys.executable, node.__file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        stack.enter_context(self.process)
        stack.callback(self.process.kill)
        self.inside = ("nsenter", f"--net=/proc/{self.process.pid}/ns/net")
        self.wait()

    def do(self, *words: object) -> None:
        """Have it do something (see `node.py`), and wait until that is done."""
        self.begin(*words)
        self.wait()

    def begin(self, *words: object) -> None:
        """Have it do something; `wait` comes later."""
        assert self.process.stdin is not None
        print(*words, file=self.process.stdin, flush=True)

    def wait(self) -> None:
        """Wait until it is done."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "done\n"


class Bridge:
    """The network between the nodes, in this namespace."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        try:
            responder.ip("link add bridge0 type bridge")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no bridge can be made here: {error.stderr.decode().strip()}")
        responder.ip(f"addr add {HERE}/24 dev bridge0")
        responder.ip("link set bridge0 up")

    def attach(self, end: Node, name: str, *, delay_ms: int = 0) -> None:
        """Connect the link `node0` of a node, by way of a wire that delays if that is wanted."""
        if not delay_ms:
            self._connect(end, "node0", name)
            return
        wire = Node(self._stack)
        self._connect(wire, "right", name)
        responder.ip(f"link add left netns {wire.process.pid} type veth peer node0 netns {end.process.pid}")
        wire.do("link left")
        wire.do("link right")
        wire.do("wire left right", delay_ms)

    @staticmethod
    def _connect(end: Node, link: str, name: str) -> None:
        responder.ip(f"link add {name} type veth peer {link} netns {end.process.pid}")
        responder.ip(f"link set {name} master bridge0 up")


class Host:
    """A host with an sshd, known traffic, and a recording of its own that nothing interrupts.

    Attributes:
        made: connects so far.
        own: the recording.
    """

    def __init__(self, stack: ExitStack, bridge: Bridge, folder: Path, name: str) -> None:
        number = NAMES.index(name)
        self.name, self._folder = name, folder
        self.address, self.uid, self.made = f"198.18.7.{11 + number}", 40_001 + number, 0
        self.node = Node(stack)
        bridge.attach(self.node, name, delay_ms=DELAY_MS if name == SLOW_HOST else 0)
        self.node.do("link node0", self.address)
        self.node.do("listen", PORT)
        self.start_sshd()
        stack.callback(lambda: sshd.end(self._sshd))
        self.own = folder / f"own-{name}.rec"
        command = tcpconntop("record", str(self.own), "-u", str(self.uid), prefix=self.node.inside)
        self.recorder: Command = stack.enter_context(command)

    def start_sshd(self) -> None:
        """Start the sshd, whose sessions know the user of the connects."""
        lines = (f"SetEnv CONNECTS_OF={self.uid}",)
        self._sshd = sshd.start(self._folder, self.address, SSH_PORT, *lines, prefix=self.node.inside)

    def kill_sshd(self) -> None:
        """Kill the sshd with its sessions."""
        sshd.end(self._sshd)

    def kill_tracer(self) -> None:
        """Kill the tracer that the newest session runs."""
        os.kill(int((self._folder / f"tracer-{self.uid}").read_text()), signal.SIGKILL)

    def begin_round(self) -> None:
        """Connect to every server."""
        self.made += A_ROUND
        self.node.begin("connect", self.uid, TIMES, PORT, *SERVERS)

    def connect_to_itself(self, times: int) -> None:
        """Connect to its own loopback, which needs no network."""
        self.made += times
        self.node.do("connect", self.uid, times, PORT, "127.0.0.1")


def make_hosts(stack: ExitStack, folder: Path) -> list[Host]:
    """Return four hosts, which three servers are there for; `ssh_config` in the folder knows them."""
    sshd.make_keys(folder)
    bridge = Bridge(stack)
    for number, addresses in enumerate((SERVERS[:2], (SLOW_SERVER,))):
        server = Node(stack)
        bridge.attach(server, f"server{number}", delay_ms=DELAY_MS * number)
        server.do("link node0", *addresses)
        server.do("listen", PORT)
    made = [Host(stack, bridge, folder, name) for name in NAMES]
    known = [f"Host {host.name}\nHostName {host.address}\n" for host in made]
    known[2] += "ServerAliveInterval 1\nServerAliveCountMax 2\n"
    everywhere = f"Host *\nPort {SSH_PORT}\nIdentityFile {folder}/user\n{sshd.CLIENT}"
    (folder / "ssh_config").write_text("".join(known) + everywhere)
    return made


def play_round(hosts: list[Host]) -> None:
    """Have every host play a round, side by side."""
    for host in hosts:
        host.begin_round()
    for host in hosts:
        host.node.wait()
