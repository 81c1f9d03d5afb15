"""Measure the BPF time per connect, next to bpftrace scripts that record the same.

    python -m tests.bench.kernel [CONNECTS]

Each tracer watches the same loop of connects on the loopback, one tracer after the other. The kernel itself
measures the time in BPF programs (kernel.bpf_stats_enabled); only those of the tracer count. Needs root. The
comparison needs bpftrace and a kernel on which it works; otherwise the table shows the reason. Everything
runs in a separate network namespace.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session
from tests.bench.loopback import connect_once
from tests.bench.programs import held_by, measured, opened, spent

INSIDE = "--inside-a-network-namespace"

# The same work as our programs, for bpftrace: process, begin, outcome, and one printed line per connect.
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
    """Connect `times` times, one after the other; each connection is accepted and then reset."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(times):
            connect_once(server, server.getsockname())


def ns_per_connect(pid: int, times: int, work: Callable[[int], None] = connect) -> float:
    """Return the BPF time per connect, in ns, of the programs that a process holds."""
    with opened(held_by(pid)) as programs:
        work(times // 10)
        start, _ = spent(programs)
        work(times)
        end, _ = spent(programs)
    return (end - start) / times


def our_time(probe: str, times: int) -> str:
    """Return our BPF time per connect as text, or the reason why there is none."""
    try:
        with open_session(spawn_loader(), TraceRequest(probe=probe)):
            return f"{ns_per_connect(os.getpid(), times):,.0f} ns"
    except TracerError as error:
        return f"not available: {error}"


@contextmanager
def bpftrace(script: str) -> Iterator[tuple[int, str]]:
    """Run a script; yields its pid once it is attached, and the reason if it does not run."""
    with subprocess.Popen(
        ["bpftrace", "-e", 'BEGIN { printf("ready\\n"); }' + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = any(line == "ready\n" for line in process.stdout)
        yield process.pid, "" if ready else reason(process.stderr.read())
        process.kill()


def reason(errors: str) -> str:
    """Return why bpftrace does not run: it reports the limit that it cannot raise first, and goes on."""
    lines = (line.strip() for line in errors.splitlines() if "RLIMIT_MEMLOCK" not in line)
    return next(filter(None, lines), "it ended without a word")


def bpftrace_time(probe: str, times: int) -> str:
    """Return bpftrace's BPF time per connect as text, or the reason why there is none."""
    if not shutil.which("bpftrace"):
        return "bpftrace is not installed"
    if probe not in SCRIPTS:
        return ""
    with bpftrace(SCRIPTS[probe]) as (pid, why_not):
        return f"not available: {why_not}" if why_not else f"{ns_per_connect(pid, times):,.0f} ns"


def main(times: int) -> None:
    """Measure every probe set and print the table."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with measured():
        print("| probes | BPF time per connect | bpftrace |\n|---|---:|---:|")
        for probe in ("tracepoint", "kprobe", "fentry"):
            print(f"| {probe} | {our_time(probe, times)} | {bpftrace_time(probe, times)} |", flush=True)


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", sys.executable, "-m", "tests.bench.kernel", INSIDE, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 20_000)
