"""Run mutants in a virtual machine, with probes that this kernel may lack.

    python tests/kernels/mutants.py KERNEL PROBE [WORD…]

KERNEL is a guest of matrix.py, PROBE is fentry or kprobe. The words choose mutants by a part of their name.
Each takes about a minute in emulation. Run by `make mutants KERNEL=6.12 PROBE=fentry`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import run as kernels

MUTANTS = Path(__file__).parents[1] / "mutants" / "run.py"
TIME_LIMIT_S = 3600
LAST_LINE = "not killed"


def main(kernel: str, probe: str, words: list[str]) -> int:
    """Boot the guest, print what it says of each mutant, and return 1 if one was not killed."""
    settings = kernels.Settings.read({**os.environ, "KERNELS": kernel})
    (guest,) = settings.guests
    images, missing = kernels.fetch(settings)
    if missing:
        raise SystemExit("\n".join(missing.values()))
    results = settings.cache / "results" / f"{kernel}-mutants"
    results.mkdir(parents=True, exist_ok=True)
    log = results / f"{probe}.log"
    log.unlink(missing_ok=True)
    program = ["env", f"TCPCONNTOP_TEST_PROBE={probe}", "TCPCONNTOP_TEST_TRANSPORT=ring"]
    program += ["sh", "-c", '"$@" >"$0" 2>&1', str(log), sys.executable, str(MUTANTS), *words]
    line = kernels.command(guest, images[guest.kernel], results, settings, program)
    _, ending = kernels.supervise(line, TIME_LIMIT_S)
    said = log.read_text() if log.exists() else ending
    print(said, end="")
    return int(f" 0 {LAST_LINE}" not in said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
