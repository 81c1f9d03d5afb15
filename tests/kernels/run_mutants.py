"""Run mutants in a virtual machine, with probes that this kernel may lack.

    python tests/kernels/run_mutants.py KERNEL PROBE [WORD…]

KERNEL is a guest of matrix.py, PROBE is fentry or kprobe. The words choose mutants by a part of their name.
Each takes about 3 minutes in emulation. Run by `make mutants KERNEL=6.12 PROBE=fentry`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inside import exit_with, run_inside

MUTANTS = Path(__file__).parents[1] / "mutants" / "run.py"


def main(kernel: str, probe: str, words: list[str]) -> int:
    """Boot the guest, print what it says of each mutant, and return 1 if one was not killed."""
    variables = {"PROBE": probe, "TRANSPORT": "ring", "DEADLINE_S": "100", "ALONE": "1"}
    program = ["env", *(f"TCPCONNTOP_TEST_{name}={value}" for name, value in variables.items())]
    said = run_inside(kernel, f"{kernel}-mutants-{probe}", [*program, sys.executable, str(MUTANTS), *words])
    return int(" 0 not killed" not in said)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("which guest and which probes? KERNEL=6.12 PROBE=fentry, for example")
    exit_with(lambda: main(sys.argv[1], sys.argv[2], sys.argv[3:]))
