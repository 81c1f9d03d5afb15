"""Measure what many hosts at once cost: `python -m tests.bench.fleet [--hosts N] [--rate N] [--seconds N]`.

Each host is a pipe through which a recording comes as fast as it was made, a block a second. The blocks are
made before: this machine has to read them alone. Measured is the CPU time of `fleet -b --json` from its fifth
second on, in percent of a core. Exits with 1 if a connect is missing. `--beside FOLDER` measures another
checkout too, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tcpconntop.recording.frames import file_prefix
from tcpconntop.recording.writer import RecordingWriter
from tests.bench.machine import machine
from tests.bench.processes import cpu_of
from tests.bench.recording import SteppedSource

WARM_UP_S = 5
KEYS = 200
"""Pairs of process and destination of each host."""


class Blocks:
    """An `Output` that keeps what is written, one part for each block."""

    file_number, rotation_name, heartbeat, total_bytes = 1, "", True, 0

    def __init__(self) -> None:
        self.parts: list[bytes] = [file_prefix()]

    def has_room(self, _n_bytes: int) -> bool:
        return True

    def start_next_file(self) -> None:
        pass

    def append(self, data: bytes) -> None:
        self.parts.append(data)

    def close(self) -> None:
        pass


def stream(seconds: int, rate: int) -> list[bytes]:
    """Return a recording: its beginning, and then a block for each second or so."""
    source, blocks = SteppedSource(seconds, rate, KEYS), Blocks()
    recorder = RecordingWriter(source, blocks, clock_s=source.clock_s)
    for _ in source.batches:
        recorder.read(1.0)
    recorder.close()
    prefix, header, *rest = blocks.parts
    return [prefix + header, *rest]


def send(pipes: Sequence[int], blocks: Sequence[bytes], step_s: float) -> None:
    """Send the blocks through every pipe; hosts begin one after the other within the first step."""
    began_s = time.monotonic()
    for n, block in enumerate(blocks):
        for number, pipe in enumerate(pipes):
            due_s = began_s + (n + number / len(pipes)) * step_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            with suppress(BrokenPipeError):
                rest = memoryview(block)
                while rest:
                    rest = rest[os.write(pipe, rest) :]
    for pipe in pipes:
        os.close(pipe)


def measure(package: Path, blocks: Sequence[bytes], hosts: int, seconds: int) -> tuple[float, int]:
    """Return the share of a core that a fleet takes, and how many connects it has counted."""
    pairs = [os.pipe() for _ in range(hosts)]
    targets = [f"/dev/fd/{reader}" for reader, _ in pairs]
    fleet = subprocess.Popen(
        [sys.executable, "-m", "tcpconntop", "fleet", "-b", "--json", "-d", "1", *targets],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        pass_fds=[reader for reader, _ in pairs], cwd=package,
    )  # fmt: skip
    for reader, _ in pairs:
        os.close(reader)
    step_s = seconds / (len(blocks) - 1)
    sender = threading.Thread(target=send, args=([writer for _, writer in pairs], blocks, step_s))
    sender.start()
    shares: list[float] = []
    attempts, at = 0, (0.0, 0.0)
    assert fleet.stdout is not None
    began_s = time.monotonic()
    for line in fleet.stdout:
        attempts = json.loads(line)["attempts"]
        if WARM_UP_S < time.monotonic() - began_s < seconds:
            now = time.monotonic(), sum(cpu_of(fleet.pid))
            if at[0]:
                shares.append((now[1] - at[1]) / (now[0] - at[0]))
            at = now
    sender.join()
    fleet.wait()
    return statistics.mean(shares), attempts


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=25)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--beside", type=Path)
    args = parser.parse_args()
    blocks, expected = stream(args.seconds, args.rate), args.hosts * args.seconds * args.rate
    packages = {"here": Path.cwd(), **({"beside": args.beside} if args.beside else {})}
    shares: dict[str, list[float]] = {name: [] for name in packages}
    complete = True
    for _ in range(args.repeat):
        for name, package in packages.items():
            share, attempts = measure(package, blocks, args.hosts, args.seconds)
            shares[name].append(share)
            complete &= attempts == expected
    print(f"{machine()}; {args.hosts} hosts with {args.rate:,} connects/s and {KEYS} keys each\n")
    print("| checkout | share of a core (median) | all |\n|---|---:|---|")
    for name, values in shares.items():
        print(f"| {name} | {statistics.median(values):.0%} | {', '.join(f'{v:.0%}' for v in values)} |")
    if not complete:
        print("does not hold: every connect is counted once")
    return int(not complete)


if __name__ == "__main__":
    sys.exit(main())
