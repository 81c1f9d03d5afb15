"""What the kernel side costs a connect, beside bpftrace scripts that do the same.

    python -m tests.bench.kernel [CONNECTS]

Each tracer in turn watches the same loop of loopback connects while the kernel itself keeps account of the
time in BPF programs (kernel.bpf_stats_enabled). Needs root, bpftool, and for the comparison bpftrace and a
kernel on which it works; without, that is said. All of it happens in a network namespace of its own.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

STATS = Path("/proc/sys/kernel/bpf_stats_enabled")
INSIDE = "--inside-a-network-namespace"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

# Who connects, since when, how it ended, and one line for each: what ours does, in bpftrace's own words.
END = """
tracepoint:sock:inet_sock_set_state
/ args->oldstate == 2 && @begin[(uint64)args->skaddr] /
{
  $sk = (uint64)args->skaddr;
  printf("%d %s %d %d %d %d\\n", @pid[$sk], @comm[$sk], args->sport, args->dport, args->newstate,
         (nsecs - @begin[$sk]) / 1000);
  delete(@begin[$sk]); delete(@pid[$sk]); delete(@comm[$sk]);
}
"""
SCRIPTS = {
    "tracepoint": """
tracepoint:sock:inet_sock_set_state
/ args->newstate == 2 && args->protocol == 6 /
{ $sk = (uint64)args->skaddr; @begin[$sk] = nsecs; @pid[$sk] = pid; @comm[$sk] = comm; }
"""
    + END,
    "kprobe": """
kprobe:tcp_v4_connect, kprobe:tcp_v6_connect
{ @begin[arg0] = nsecs; @pid[arg0] = pid; @comm[arg0] = comm; }
kretprobe:tcp_v4_connect, kretprobe:tcp_v6_connect { @errno[tid] = retval; delete(@errno[tid]); }
kprobe:tcp_connect / @begin[arg0] / { @sent[arg0] = nsecs; }
kprobe:tcp_rcv_state_process / @begin[arg0] / { @answered[arg0] = nsecs; }
"""
    + END,
}


def connect(times: int) -> None:
    """Connect, accept and reset, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(times):
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                client.connect(server.getsockname())
                server.accept()[0].close()


def programs() -> dict[int, int]:
    """Time in each loaded BPF program so far, in ns, by its id."""
    shown = subprocess.run(["bpftool", "--json", "prog", "show"], check=True, capture_output=True)
    return {program["id"]: program.get("run_time_ns", 0) for program in json.loads(shown.stdout)}


def ns_a_connect(before: dict[int, int], times: int) -> float:
    """Time that `times` connects cost in the programs that were not there `before`, in ns each."""
    connect(times // 10)
    start = programs()
    connect(times)
    end = programs()
    return sum(end[program] - start[program] for program in end.keys() - before.keys()) / times


def ours(probe: str, times: int) -> str:
    """Our figure, or why there is none."""
    before = programs()
    try:
        with open_session(spawn_loader(), TraceRequest(probe=probe)):
            return f"{ns_a_connect(before, times):,.0f} ns"
    except TracerError as error:
        return f"not here: {error}"


@contextmanager
def bpftrace(script: str) -> Iterator[str]:
    """A running script; gives the reason where it does not run."""
    with subprocess.Popen(
        ["bpftrace", "-e", 'BEGIN { printf("ready\\n"); }' + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = any(line == "ready\n" for line in process.stdout)
        yield "" if ready else process.stderr.read().partition("\n")[0]
        process.kill()


def theirs(probe: str, times: int) -> str:
    """The figure of bpftrace, or why there is none."""
    if not shutil.which("bpftrace"):
        return "bpftrace is not installed"
    if probe not in SCRIPTS:
        return ""
    before = programs()
    with bpftrace(SCRIPTS[probe]) as reason:
        return f"not here: {reason}" if reason else f"{ns_a_connect(before, times):,.0f} ns"


def main(times: int) -> None:
    """Measure all and print the table."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    enabled = STATS.read_text()
    STATS.write_text("1")
    try:
        print("| probes | BPF time a connect | bpftrace's |\n|---|---:|---:|")
        for probe in ("tracepoint", "kprobe", "fentry"):
            print(f"| {probe} | {ours(probe, times)} | {theirs(probe, times)} |", flush=True)
    finally:
        STATS.write_text(enabled)


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", sys.executable, "-m", "tests.bench.kernel", INSIDE, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 20_000)
