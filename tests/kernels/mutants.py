"""Run mutants in a virtual machine, with probes that this kernel may lack.

    python tests/kernels/mutants.py KERNEL PROBE [WORD…]

KERNEL is a guest of matrix.py, PROBE is fentry or kprobe. The words choose mutants by a part of their name.
Each takes about 3 minutes in emulation. What the guest says is printed as it comes. The environment
variables are those of run.py; TIME_LIMIT_S is one hour by default.
Run by `make mutants KERNEL=6.12 PROBE=fentry`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import run as kernels

MUTANTS = Path(__file__).parents[1] / "mutants" / "run.py"
LAST_LINE = "not killed"


def main(kernel: str, probe: str, words: list[str]) -> int:
    """Boot the guest, print what it says of each mutant, and return 1 if one was not killed."""
    settings = kernels.Settings.read({"TIME_LIMIT_S": "3600", **os.environ, "KERNELS": kernel})
    (guest,) = settings.guests
    images, missing = kernels.fetch(settings)
    if missing:
        raise SystemExit("\n".join(missing.values()))
    results = settings.cache / "results" / f"{kernel}-mutants"
    results.mkdir(parents=True, exist_ok=True)
    log = results / f"{probe}.log"
    log.write_text("")
    variables = {"PROBE": probe, "TRANSPORT": "ring", "DEADLINE_S": "100", "ALONE": "1"}
    program = ["env", *(f"TCPCONNTOP_TEST_{name}={value}" for name, value in variables.items())]
    program += ["sh", "-c", '"$@" >>"$0" 2>&1', str(log), sys.executable, str(MUTANTS), *words]
    line = kernels.command(guest, images[guest.kernel], results, settings, program)
    with subprocess.Popen(["tail", "-n", "+1", "-f", str(log)]) as follower:
        try:
            console, ending = kernels.supervise(line, settings.time_limit_s)
        finally:
            follower.terminate()
    (results / f"{probe}-console.log").write_bytes(console)
    said = log.read_text()
    if LAST_LINE not in said:
        print(f"{ending}: see {results}", file=sys.stderr)
    return int(f" 0 {LAST_LINE}" not in said)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("which guest and which probes? KERNEL=6.12 PROBE=fentry, for example")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(kernels.EXIT_USAGE)
    except KeyboardInterrupt:
        print("interrupted: the guest was killed", file=sys.stderr)
        sys.exit(kernels.EXIT_INTERRUPTED)
