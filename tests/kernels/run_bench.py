"""Measure our tracing beside other programs in a virtual machine: `make bench KERNEL=6.1`.

    python tests/kernels/run_bench.py KERNEL [ARGUMENT…]

KERNEL is a guest of matrix.py; the arguments go to tests/bench/peers.py. In emulation only ratios count.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inside import exit_with, run_inside

PROJECT = Path(__file__).parents[2]


def main(kernel: str, arguments: list[str]) -> int:
    """Boot the guest and print the tables; return 1 if there are none."""
    command = ["env", f"--chdir={PROJECT}", sys.executable, "-m", "tests.bench.peers", *arguments]
    return int("|---|" not in run_inside(kernel, f"{kernel}-bench", command))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("which guest? KERNEL=6.1, for example")
    exit_with(lambda: main(sys.argv[1], sys.argv[2:]))
