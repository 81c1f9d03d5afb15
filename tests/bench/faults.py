"""What happens at the limits: each fault is made, and the totals are compared with what the load has done.

    python -m tests.bench.faults

Prints a Markdown table. Exits with 1 if a connect was neither counted nor said to be missing. Everything runs
in a network and a mount namespace of its own. The clock is set back with Debian's libfaketime, for the
program alone; without it that row is left out, and that is said.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

INSIDE = "--inside-namespaces"
DEAF_PORT, CLOSED_PORT = 7412, 7413
PORTS = f"{DEAF_PORT},{CLOSED_PORT}"
IP_MINTTL = 21
PER_PROCESS = 15_000
DEADLINE_S = 60.0
STARTS = 100
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

Document = dict[str, Any]


class Fault(NamedTuple):
    """One that was made: what, how many connects, the last document, and what else was said."""

    what: str
    made: int
    document: Document
    said: str = ""


class Tracer:
    """A running `tcpconntop -b --json`, whose documents have everything since it started."""

    def __init__(self, *arguments: str, prefix: tuple[str, ...] = (), **variables: str) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tcpconntop", "-b", "--json", "-w", "all", "-d", "0.5",
             "-P", PORTS, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | variables,
        )  # fmt: skip
        assert self.process.stderr is not None
        self.traces = any(line.startswith("tracing:") for line in self.process.stderr)

    def until(self, reached: Callable[[Document], bool]) -> Document:
        """Return the first document of which that is true; the last one after the deadline."""
        assert self.process.stdout is not None
        until_s, document = time.monotonic() + DEADLINE_S, {}
        for line in self.process.stdout:
            document = json.loads(line)
            if reached(document) or time.monotonic() > until_s:
                break
        return document

    def end(self) -> str:
        """End it, and return the last line on stderr."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate()
        return (errors.strip().splitlines() or [""])[-1]


def connect(times: int, port: int = CLOSED_PORT) -> int:
    """Connect to the loopback so many times; return that number."""
    for _ in range(times):
        with socket.socket() as client:
            client.connect_ex(("127.0.0.1", port))
    return times


@contextmanager
def pending(count: int) -> Iterator[int]:
    """Have connects that nobody answers until the end of the block; yield how many."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 255)  # the kernel drops what comes with a smaller TTL
        deaf.bind(("0.0.0.0", DEAF_PORT))
        deaf.listen()
        holders = []
        for first in range(0, count, PER_PROCESS):
            reader, writer = os.pipe()
            if not (child := os.fork()):
                _hold(first // PER_PROCESS, min(PER_PROCESS, count - first), writer)
            os.close(writer)
            holders.append((child, reader))
        for _, reader in holders:
            os.read(reader, 1)
        try:
            yield count
        finally:
            for child, reader in holders:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(reader)


def _hold(number: int, count: int, ready: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100,) * 2)
    held = [socket.socket() for _ in range(count)]
    for index, client in enumerate(held):
        client.setblocking(False)
        client.connect_ex((f"127.9.{number}.{1 + index % 200}", DEAF_PORT))
    os.write(ready, b".")
    signal.pause()


def ring_full() -> Fault:
    """The program is stopped while two processes connect as fast as they can."""
    tracer = Tracer()
    tracer.process.send_signal(signal.SIGSTOP)
    children, made = [], 100_000
    for _ in range(2):
        if not (child := os.fork()):
            connect(made // 2)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    tracer.process.send_signal(signal.SIGCONT)
    document = tracer.until(lambda now: now["attempts"] >= made and now["in_flight"] == 0)
    tracer.end()
    said = f"{document['outcomes']['refused']:,} were refused, and {document['lost_records']:,} records lost"
    return Fault("the program is stopped: nobody reads the ring", made, document, said)


def start_map_full() -> Fault:
    """More connects wait for an answer than are followed, and another process connects."""
    tracer = Tracer("--max-in-flight", "4096")
    with pending(10_000) as waiting:
        made = waiting + connect(1_000)
        document = tracer.until(lambda now: now["lost_starts"] >= made - 4096)
    tracer.end()
    what = "10,000 wait for an answer where 4,096 are followed, then 1,000 of another process"
    return Fault(what, made, document, document["notes"][-1])


def many_pending() -> Fault:
    """Very many connects wait for an answer, and another process connects."""
    tracer = Tracer()
    with pending(200_000) as waiting:
        made = waiting + connect(1_000)
        document = tracer.until(lambda now: now["attempts"] + now["lost_starts"] >= made)
    tracer.end()
    return Fault("200,000 wait for an answer, then 1,000 of another process", made, document)


def five_instances() -> Fault:
    """Five trace at once: the last one's totals, if all are the same."""
    tracers = [Tracer() for _ in range(5)]
    made = connect(20_000)
    documents = [tracer.until(lambda now: now["attempts"] >= made) for tracer in tracers]
    for tracer in tracers:
        tracer.end()
    same = len({(document["attempts"], document["lost"]) for document in documents}) == 1
    return Fault(
        "five at once, 20,000 connects", made, documents[0] if same else {}, "each counts all of them"
    )


def few_descriptors() -> Fault:
    """The limit of descriptors is as low as it may be."""
    refused = subprocess.run(
        ["prlimit", "--nofile=40:40", "--", sys.executable, "-m", "tcpconntop", "-b", "-n", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    tracer = Tracer(prefix=("prlimit", "--nofile=64:64", "--"))
    made = connect(1_000)
    document = tracer.until(lambda now: now["attempts"] >= made)
    tracer.end()
    said = f"with 40, exit code {refused.returncode}: {refused.stderr.strip().removeprefix('tcpconntop: ')}"
    return Fault("64 file descriptors", made, document, said)


def disk_full() -> Fault:
    """A recording meets a full disk, and watching goes on."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
        try:
            tracer, made = Tracer("--record", f"{folder}/full.rec"), 0
            for _ in range(30):
                made += connect(1_000)
                time.sleep(0.1)
            document = tracer.until(lambda now: now["attempts"] >= made)
            said = tracer.end()
        finally:
            subprocess.run(["umount", folder], check=True)
    shown = said.removeprefix("tcpconntop: ").replace(f"{folder}/", "")
    return Fault("the disk of a recording is full", made, document, shown)


def clock_set_back() -> Fault:
    """The time of day goes back by an hour, and on by two."""
    with tempfile.NamedTemporaryFile("w") as file:

        def turn(by: str) -> None:
            file.seek(0)
            file.truncate()
            file.write(by)
            file.flush()

        turn("+0")

        for _ in range(STARTS):  # libfaketime lets some sleeps fail, and the start with them
            tracer = Tracer(
                LD_PRELOAD=str(FAKETIME), FAKETIME_TIMESTAMP_FILE=file.name, FAKETIME_NO_CACHE="1",
                DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_FAKE_MONOTONIC="1",
            )  # fmt: skip
            if tracer.traces:
                break
            tracer.end()
        else:
            raise SystemExit("libfaketime did not let it start")
        made, times, document = 0, [], {}
        for by in ("+0", "-1h", "+1h"):
            turn(by)
            made += connect(1_000)
            wanted = made
            document = tracer.until(lambda now, wanted=wanted: now["attempts"] >= wanted)  # type: ignore[misc]
            times.append(document["ts"][11:16])
        tracer.end()
    return Fault(
        "the clock goes back by an hour, then on by two", made, document, f"its times: {', '.join(times)}"
    )


def main() -> int:
    """Make each fault; print the table; return 0 if every connect is counted or said to be missing."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("1024 65000")
    failed = 0
    faults = [ring_full, start_map_full, many_pending, five_instances, few_descriptors, disk_full]
    if FAKETIME:
        faults.append(clock_set_back)
    print("| fault | connects | counted | without a record | said |")
    print("|---|---:|---:|---:|---|")
    for fault in faults:
        what, made, document, said = fault()
        known = document.get("attempts", 0) + document.get("lost_starts", 0)
        rows = sum(row["count"] for row in document.get("rows", ()))
        missing = document.get("lost", 0)
        held = known == made == rows + missing + document.get("in_flight", 0)
        failed += not held
        print(f"| {what} | {made:,} | {known:,} | {missing:,} | {said} |", flush=True)
        if not held:
            print(f"does not hold: {rows:,} in rows, {document.get('in_flight')} in flight")
    if not FAKETIME:
        print("no libfaketime here (Debian: faketime): the clock was not set back")
    return int(failed > 0)


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.bench.faults", INSIDE]
        sys.exit(subprocess.run(command, check=False).returncode)
    sys.exit(main())
