"""Our tracing beside other programs that do the same, in one run: `python -m tests.bench.peers [--rounds 5]`.

Tracers: `tcpconntop log` with each probe set that works here, loaded from the image and compiled by BCC; a
bpftrace script that prints the same; BCC's tcpconnlat (tcpconnlat-bpfcc, or TCPCONNTOP_PEER), and that of
libbpf (Debian's libbpf-tools). All write to a pseudo-terminal, as for someone who reads along. They go in
turns. At rest: the dashboard beside htop and btop, and an app of one line.

Each figure is a median and the middle half. Behind it is the ratio to our first line, taken in each round, or
`tie` where its middle half includes 1. Needs root. Everything runs in a separate network namespace.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.bench.folders import new_folder
from tests.bench.kernel import SCRIPTS
from tests.bench.loopback import connect_once
from tests.bench.machine import machine
from tests.bench.processes import tree_cpu_s, tree_memory_mb, tree_of
from tests.bench.programs import held_by, measured, opened, spent
from tests.bench.terminal import Terminal

INSIDE = "--inside-a-network-namespace"
OURS = [sys.executable, "-m", "tcpconntop"]
COMPILES_S, QUIET_S = 120.0, 1.5
CONNECTS, BURST_S = 10_000, 3.0
WARM_UP_S, REST_S = 5.0, 15.0
WIDTH, HEIGHT = 160, 50
NOT_INSTALLED = "not installed"

TRACED = {
    "first line, s": 2,
    "BPF, µs a connect": 2,
    "user CPU, ms for 10,000 connects": 0,
    "system CPU, ms for 10,000 connects": 0,
    "memory, MB": 0,
    "not printed at full rate, %": 2,
}
"""What is measured of a tracer, with the digits behind the point."""
AT_REST = {"first frame, s": 2, "CPU at rest, % of a core": 2, "memory, MB": 0}
A_LINE_IN_TEXTUAL = """
from textual.app import App
from textual.widgets import Static
class Line(App):
    def compose(self):
        yield Static("a line")
Line().run()
"""


@dataclass(frozen=True)
class Contender:
    """A program that is measured: its name in the table and its command; or why it cannot run here."""

    name: str
    command: Sequence[str]
    why_not: str = ""
    drawn: str = ""
    """What its first frame has, if it is a dashboard."""


def tracers() -> list[Contender]:
    """Return the tracers, ours first."""
    found = []
    for probe in ("tracepoint", "kprobe", "fentry"):
        for loader in ("image", "bcc"):
            words = [*OURS, "log", "--probe", probe, "--loader", loader]
            found.append(Contender(f"tcpconntop log, {probe}, {loader}", words))
    for probe, script in SCRIPTS.items():
        found.append(installed(f"bpftrace script, {probe}", "bpftrace", "-B", "line", "-e", script))
    script = os.environ.get("TCPCONNTOP_PEER") or shutil.which("tcpconnlat-bpfcc")
    command, missing = ["/usr/bin/python3", script or ""], "" if script else NOT_INSTALLED
    found.append(Contender("tcpconnlat of BCC", command, missing))
    found.append(installed("tcpconnlat of libbpf", "tcpconnlat"))
    return found


def dashboards() -> list[Contender]:
    """Return the dashboards, ours first, without a connect to show."""
    bare = [sys.executable, "-c", A_LINE_IN_TEXTUAL]
    return [
        Contender("tcpconntop", [*OURS, "-P", "9"], drawn="◌"),
        Contender("one line in Textual", bare, drawn="a line"),
        replace(installed("htop", "htop"), drawn="PID"),
        replace(installed("btop", "btop"), drawn="cpu"),
    ]


def installed(name: str, program: str, *words: str) -> Contender:
    """Return a program that may not be installed."""
    return Contender(name, [program, *words], "" if shutil.which(program) else NOT_INSTALLED)


class Watched:
    """A tracer in a terminal, and how many connects to a port it has printed."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.said = b""
        self._rest = b""
        self._ports: dict[bytes, int] = {}

    def printed(self, port: int) -> int:
        """Return the lines so far that have this port."""
        return self._ports.get(b"%d" % port, 0)

    def watch(self, seconds: float) -> bool:
        """Read for some seconds at most; False if nothing came, or if it ended."""
        data = self.terminal.output(seconds)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            for word in {word.rpartition(b":")[2] for word in line.split()}:
                if word.isdigit():
                    self._ports[word] = self._ports.get(word, 0) + 1
        self.said = self.said if self._ports else (self.said + data)[-4000:]
        return bool(data)


class Connecting:
    """A process that connects to its own listener again and again; each connection is accepted and reset."""

    def __init__(self, times: float = math.inf, seconds: float = math.inf, pause_s: float = 0) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        self.port = server.getsockname()[1]
        self._count, report = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            until_s, n = time.monotonic() + seconds, 0
            while n < times and time.monotonic() < until_s:
                connect_once(server, ("127.0.0.1", self.port))
                n += 1
                time.sleep(pause_s)
            os.write(report, b"%d" % n)
            os._exit(0)
        server.close()
        os.close(report)

    def __enter__(self) -> Connecting:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._count)

    def made(self) -> int:
        """Return how often it has connected, once it has ended."""
        return int(os.read(self._count, 99))

    @property
    def ended(self) -> bool:
        return bool(select.select([self._count], [], [], 0)[0])


def read_all(watched: Watched, loads: Sequence[Connecting]) -> float:
    """Read until the loads have ended and no more of them is printed; return the percentage that is not."""
    printed, since_s = 0, time.monotonic()
    while time.monotonic() < since_s + QUIET_S or not all(load.ended for load in loads):
        watched.watch(0.1)
        before, printed = printed, sum(watched.printed(load.port) for load in loads)
        since_s = since_s if printed == before else time.monotonic()
    return 100 * (1 - printed / sum(load.made() for load in loads))


def traced(contender: Contender) -> tuple[float, ...]:
    """Return what is measured of a tracer, in the order of `TRACED`.

    Raises:
        RuntimeError: it does not run here; the text is the last line that it wrote.
    """
    began_s = time.monotonic()
    with Terminal(contender.command, WIDTH, HEIGHT) as terminal:
        watched = Watched(terminal)
        with Connecting(pause_s=0.005) as load:
            while not watched.printed(load.port):
                if not watched.watch(0.5) and terminal.ended():
                    raise RuntimeError(last_line(watched.said))
                if time.monotonic() > began_s + COMPILES_S:
                    raise RuntimeError("it prints no connect")
            first_s = time.monotonic() - began_s
        user_s, system_s = tree_cpu_s(terminal.pid)
        with Connecting(CONNECTS) as load:
            read_all(watched, [load])
        spent_s = tree_cpu_s(terminal.pid)
        numbers = frozenset[int]().union(*(held_by(pid) for pid in tree_of(terminal.pid)))
        with measured(), opened(numbers) as programs, Connecting(CONNECTS) as load:
            before_ns, _ = spent(programs)
            read_all(watched, [load])
            bpf_us = (spent(programs)[0] - before_ns) / CONNECTS / 1e3
        memory_mb = tree_memory_mb(terminal.pid)
        with Connecting(seconds=BURST_S) as one, Connecting(seconds=BURST_S) as other:
            missing = read_all(watched, [one, other])
        cpu_ms = (1e3 * (spent_s[0] - user_s), 1e3 * (spent_s[1] - system_s))
        return first_s, bpf_us, *cpu_ms, memory_mb, missing


def last_line(said: bytes) -> str:
    """Return the last line that a program has written, without escape sequences."""
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode("utf-8", "replace")).split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it ended without a word")


def at_rest(contender: Contender) -> tuple[float, ...]:
    """Return what is measured of a dashboard, in the order of `AT_REST`."""
    began_s = time.monotonic()
    with Terminal(contender.command, WIDTH, HEIGHT) as terminal:
        terminal.watch_for(contender.drawn.encode(), COMPILES_S)
        frame_s = time.monotonic() - began_s
        terminal.watch(WARM_UP_S)
        began_s, before_s = time.monotonic(), sum(tree_cpu_s(terminal.pid))
        until_s = began_s + REST_S
        while (left_s := until_s - time.monotonic()) > 0:
            terminal.watch(left_s)
        spent_s = sum(tree_cpu_s(terminal.pid)) - before_s
        return frame_s, 100 * spent_s / (time.monotonic() - began_s), tree_memory_mb(terminal.pid)


def compare(
    found: Sequence[Contender],
    measure: Callable[[Contender], tuple[float, ...]],
    columns: Mapping[str, int],
    rounds: int,
) -> None:
    """Measure the contenders in turns and print their table."""
    results: dict[str, list[tuple[float, ...]]] = {}
    reasons = {contender.name: contender.why_not for contender in found if contender.why_not}
    for _ in range(rounds):
        for contender in found:
            if contender.name in reasons:
                continue
            try:
                results.setdefault(contender.name, []).append(measure(contender))
            except RuntimeError as error:
                reasons[contender.name] = str(error)
    print(f"\n| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    ours = next(iter(results.values()), [])
    for contender in found:
        if contender.name in reasons:
            print(f"| {contender.name} | {reasons[contender.name].replace('|', '/')[:150]} |")
            continue
        rows = results[contender.name]
        cells = [
            cell([row[column] for row in rows], [row[column] for row in ours], digits)
            for column, digits in enumerate(columns.values())
        ]
        print(f"| {contender.name} | {' | '.join(cells)} |", flush=True)


def cell(figures: Sequence[float], ours: Sequence[float], digits: int) -> str:
    """Return a median, its middle half, and the ratio to ours: `tie` where its middle half includes 1."""
    low, median, high = quartiles(figures)
    text = f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
    if figures == ours or not all(ours):
        return text
    low, ratio, high = quartiles([one / other for one, other in zip(figures, ours, strict=True)])
    return f"{text}, {'tie' if low <= 1 <= high else f'{ratio:.2g}×'}"


def quartiles(figures: Sequence[float]) -> list[float]:
    """Return the lower quartile, the median and the upper quartile."""
    return statistics.quantiles(figures, n=4, method="inclusive") if len(figures) > 1 else [figures[0]] * 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", dest="rounds", action="store_const", const=1, help="one round")
    parser.add_argument("--only", default="", help="contenders with this word in their name")
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.inside_a_network_namespace:
        command = ["unshare", "--net", sys.executable, "-m", "tests.bench.peers", INSIDE, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(f"{machine()}, {args.rounds} rounds")
    with new_folder():
        compare([each for each in tracers() if args.only in each.name], traced, TRACED, args.rounds)
        compare([each for each in dashboards() if args.only in each.name], at_rest, AT_REST, args.rounds)


if __name__ == "__main__":
    main()
