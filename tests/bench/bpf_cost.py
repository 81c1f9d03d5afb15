"""What a connect, and a connection that is accepted, cost in BPF: this tree beside another one.

`python -m tests.bench.bpf_cost --against /path/of/another/checkout`, as root. Each round traces with one tree
after the other, in changing order; the table has medians and the spread of the middle half. Only the programs
of the traced session are counted, so others can come and go meanwhile; what else connects here counts too.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.loopback import RESET_ON_CLOSE
from tests.bench.programs import held_by, measured, opened, spent
from tests.live.network import enter
from tests.live.responder import ADDRESS, ETH_P_IP, LINK, MAC, OWN_ADDRESS, PEER_LINK, checksum, link

SYN, ACK, SYN_ACK, RST = 0x02, 0x10, 0x12, 0x04
PORT, FIRST_PORT, PORTS = 7, 2048, 60_000
ROOT = Path(__file__).parents[2]

# Runs in a tree: says when its programs are attached, and traces until its input ends.
TRACE = """
import sys
from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session
with open_session(spawn_loader(), TraceRequest(probe="tracepoint")):
    print(flush=True)
    sys.stdin.read()
"""


@contextmanager
def traced(tree: Path) -> Iterator[list[int]]:
    """Trace with a tree. Yields descriptors of its programs."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-c", TRACE]
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with opened(held_by(child.pid)) as programs:
            yield programs


class Peer:
    """A peer without a system of its own, behind a link of this network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self._socket.bind((PEER_LINK, ETH_P_IP))
        self._socket.settimeout(10)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as own:
            own.bind((LINK, 0))
            own_mac: bytes = own.getsockname()[4]
        self._macs = own_mac + bytes.fromhex(MAC.replace(":", ""))

    def send(self, lport: int, dport: int, sequence: int, acknowledged: int, flags: int) -> None:
        """Send a segment without data."""
        addresses = socket.inet_aton(ADDRESS) + socket.inet_aton(OWN_ADDRESS)
        tcp = struct.pack("!HHIIBBHHH", lport, dport, sequence, acknowledged, 0x50, flags, 65535, 0, 0)
        pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20)
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        self._socket.send(self._macs + b"\x08\0" + header + tcp)

    def receive(self, flags: int) -> tuple[int, int, int]:
        """Wait for a segment with these flags. Return its ports and its sequence number."""
        while True:
            frame, source = self._socket.recvfrom(2048)
            if source[2] != socket.PACKET_OUTGOING and frame[23] == socket.IPPROTO_TCP:
                lport, dport, sequence = struct.unpack("!HHI", frame[34:42])
                if frame[47] & 0x3F == flags:
                    return lport, dport, sequence


class Work:
    """What is measured: connects to the peer and connections from it, one after the other."""

    def __init__(self) -> None:
        self._peer = Peer()
        self._server = socket.create_server((OWN_ADDRESS, PORT))
        self._next_port = 0

    def connect(self) -> None:
        """Connect to the peer, which answers; then reset the connection."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.setblocking(False)
            client.connect_ex((ADDRESS, PORT))
            lport, dport, sequence = self._peer.receive(SYN)
            self._peer.send(dport, lport, 1000, sequence + 1, SYN_ACK)
            self._peer.receive(ACK)
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

    def accept(self) -> None:
        """Be connected by the peer, and accept; then the peer resets the connection."""
        lport = FIRST_PORT + self._next_port % PORTS
        self._next_port += 1
        self._peer.send(lport, PORT, 1000, 0, SYN)
        _, _, sequence = self._peer.receive(SYN_ACK)
        self._peer.send(lport, PORT, 1001, sequence + 1, ACK)
        with self._server.accept()[0]:
            self._peer.send(lport, PORT, 1001, sequence + 1, RST | ACK)


def cost(tree: Path, work: Callable[[], None], times: int) -> tuple[float, float]:
    """Return what one piece of work costs with a tree: ns of BPF, and runs of programs."""
    with traced(tree) as programs:
        for _ in range(times // 10):
            work()
        time_before, runs_before = spent(programs)
        for _ in range(times):
            work()
        time_after, runs_after = spent(programs)
    return (time_after - time_before) / times, (runs_after - runs_before) / times


def shown(figures: list[float]) -> str:
    """Return the median of some figures and the spread of their middle half."""
    low, middle, high = statistics.quantiles(figures, n=4)
    return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="checkout to compare with")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=3000, help="connects in each round and tree")
    options = parser.parse_args()
    trees = {"this tree": ROOT, "the other": options.against.resolve()}
    enter()
    print("| BPF time, ns | the other | this tree | ratio | runs before and now |\n|---|---:|---:|---:|---:|")
    with measured(), link():
        work = Work()
        for name, one in (("a connect", work.connect), ("an accepted connection", work.accept)):
            figures: dict[str, list[float]] = {tree: [] for tree in trees}
            runs: dict[str, float] = {}
            for number in range(options.rounds):
                for tree in sorted(trees, reverse=number % 2 == 1):
                    ns, runs[tree] = cost(trees[tree], one, options.times)
                    figures[tree].append(ns)
            ratios = [new / old for new, old in zip(figures["this tree"], figures["the other"], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            cells = [name, shown(figures["the other"]), shown(figures["this tree"])]
            cells += [f"{middle:.2f} ({low:.2f} to {high:.2f})"]
            cells += [f"{runs['the other']:.1f}, {runs['this tree']:.1f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
