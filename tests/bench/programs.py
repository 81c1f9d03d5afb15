"""The BPF programs that a process holds, and what the kernel has counted of their runs.

Only these are measured: programs of others may be loaded and unloaded meanwhile.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tcpconntop.kernel import bpf_call

PROG_GET_FD_BY_ID, ENABLE_STATS = 13, 32


def held_by(pid: int, proc: Path = Path("/proc")) -> frozenset[int]:
    """Return the numbers of the programs to which a process has a descriptor or a link."""
    numbers = set()
    for file in (proc / str(pid) / "fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            numbers.update(int(number) for number in re.findall(r"^prog_id:\s*(\d+)", file.read_text(), re.M))
    return frozenset(numbers)


@contextmanager
def opened(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Open programs by their numbers. Yields descriptors, so that their counts outlive who loaded them."""
    with ExitStack() as closing:
        programs = []
        for number in sorted(numbers):
            program = bpf_call.call(PROG_GET_FD_BY_ID, struct.pack("=III", number, 0, 0))
            closing.callback(os.close, program)
            programs.append(program)
        yield programs


@contextmanager
def measured() -> Iterator[None]:
    """Have the kernel measure the time in programs, whoever else asks for that or stops it."""
    stats = bpf_call.call(ENABLE_STATS, struct.pack("=I", 0))
    try:
        yield
    finally:
        os.close(stats)


def spent(programs: Sequence[int]) -> tuple[int, int]:
    """Return the run time in ns and the number of runs of programs (descriptors) so far."""
    texts = [Path(f"/proc/self/fdinfo/{program}").read_text() for program in programs]
    fields = [dict(line.split(":\t", 1) for line in text.splitlines()) for text in texts]
    return sum(int(one["run_time_ns"]) for one in fields), sum(int(one["run_cnt"]) for one in fields)
