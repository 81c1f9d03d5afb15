"""Run one program in a virtual machine, and print what it says as it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import run as kernels


def run_inside(kernel: str, name: str, program: Sequence[str]) -> str:
    """Boot the guest `kernel` of matrix.py for a program; return what it wrote. sys.executable means its own.

    The environment variables are those of run.py; TIME_LIMIT_S is one hour by default. Output and console are
    kept in the results, in a folder `name`.

    Raises:
        ValueError: an environment variable is wrong.
        SystemExit: the kernel cannot be downloaded.
    """
    settings = kernels.Settings.read({"TIME_LIMIT_S": "3600", **os.environ, "KERNELS": kernel})
    (guest,) = settings.guests
    images, missing = kernels.fetch(settings)
    if missing:
        raise SystemExit("\n".join(missing.values()))
    results = settings.cache / "results" / name
    results.mkdir(parents=True, exist_ok=True)
    log = results / "output.log"
    log.write_text("")
    image = images[guest.kernel]
    program = [image.python if word == sys.executable else word for word in program]
    into_log = ["sh", "-c", '"$@" >>"$0" 2>&1', str(log), *program]
    line = kernels.command(guest, image, results, settings, into_log)
    with subprocess.Popen(["tail", "-n", "+1", "-f", str(log)]) as follower:
        try:
            console, ending = kernels.supervise(line, settings.time_limit_s)
        finally:
            follower.terminate()
    (results / "console.log").write_bytes(console)
    if not (said := log.read_text()):
        print(f"{ending}: see {results}", file=sys.stderr)
    return said


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Exit with what `main` returns; a wrong variable and an interruption have the codes of run.py."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(kernels.EXIT_USAGE)
    except KeyboardInterrupt:
        print("interrupted: the guest was killed", file=sys.stderr)
        sys.exit(kernels.EXIT_INTERRUPTED)
