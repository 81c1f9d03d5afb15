"""`make test-kernels`: the live tests on other kernels, in virtual machines.

Arguments go to pytest, to select live tests. Environment variables:

    FULL            1: every live test with every probe set and transport, an hour for each guest; else a few
    KERNELS         names of guests (matrix.py), separated by spaces; default: all
    KERNEL_ARGS     added to every guest's kernel command line
    ALLOW_MISSING   1: a kernel that cannot be downloaded is not a failure
    KVM             1: use hardware virtualization (a /dev/kvm does not prove that it works)
    JOBS            how many guests run at once; default: as many as processors and memory allow
    TIME_LIMIT_S    a guest is killed after this time, arm64 after thrice; default: 1800, or 7200 for FULL
    KERNEL_CACHE    folder of kernels and results, kept; default: ~/.cache/tcpconntop/kernels

Exit code: 0 everything passed, 1 something failed, 2 wrong environment variable, 130 interrupted.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import archive
import foreign
import report
from matrix import GUESTS, KERNELS, QUICK, Guest

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
GUEST_CPUS = 1
GUEST_MEMORY_MB = 1536
UNCACHED, RESULTS = "/run/host", "/run/results"
"""Where guests see the files of the host, and their folder of results."""
EXIT_USAGE, EXIT_INTERRUPTED = 2, 130

_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Settings:
    """The environment variables."""

    guests: tuple[Guest, ...]
    kernel_arguments: tuple[str, ...]
    full: bool
    allow_missing: bool
    kvm: bool
    jobs: int
    time_limit_s: float
    cache: Path

    @classmethod
    def read(cls, environment: dict[str, str]) -> Settings:
        """Return the settings of the environment variables.

        Raises:
            ValueError: one of them is wrong.
        """
        named = {guest.name: guest for guest in GUESTS}
        chosen = environment.get("KERNELS", "").split() or list(named)
        if unknown := [name for name in chosen if name not in named]:
            raise ValueError(f"KERNELS: no {', '.join(unknown)} among {', '.join(named)}")
        full = environment.get("FULL") == "1"
        default = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tcpconntop/kernels"
        return cls(
            tuple(named[name] for name in chosen),
            tuple(shlex.split(environment.get("KERNEL_ARGS", ""))),
            full,
            environment.get("ALLOW_MISSING") == "1",
            environment.get("KVM") == "1",
            int(environment.get("JOBS") or possible_jobs()),
            float(environment.get("TIME_LIMIT_S") or (7200 if full else 1800)),
            Path(environment.get("KERNEL_CACHE") or default).absolute(),
        )


def possible_jobs() -> int:
    """Return how many guests this machine can run at once."""
    free_mb = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return max(1, min(os.cpu_count() or 1, free_mb // GUEST_MEMORY_MB))


def main(settings: Settings, arguments: list[str]) -> int:
    """Download, boot and report. Return the exit code."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.cache, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another run uses {settings.cache}: wait for it, or set another KERNEL_CACHE", file=sys.stderr)
        return EXIT_USAGE
    images, missing = fetch(settings)
    bootable = [guest for guest in settings.guests if guest.kernel in images]
    print(
        f"{len(bootable)} guests, {settings.jobs} at once; logs in {settings.cache / 'results'}", flush=True
    )
    by_guest = boot_all(bootable, images, settings, arguments)
    runs = []
    for guest in settings.guests:
        runs += by_guest.get(guest.name) or report.not_run(guest.name, missing[guest.kernel])
    print(report.table(runs))
    for run in runs:
        for line in (*run.notes, *run.failures):
            print(f"{run.guest} {run.probe}/{run.transport}: {line}")
    unexcused = [run for run in runs if run.guest in by_guest or not settings.allow_missing]
    return int(not all(run.good for run in unexcused))


def fetch(settings: Settings) -> tuple[dict[str, archive.Image], dict[str, str]]:
    """Return the kernels of the guests, and the reason for each missing one."""
    images, missing = {}, {}
    for name in dict.fromkeys(guest.kernel for guest in settings.guests):
        try:
            source = foreign if KERNELS[name].architecture else archive
            images[name] = source.get(name, KERNELS[name], settings.cache)
        except archive.FetchError as error:  # noqa: PERF203
            missing[name] = str(error)
    return images, missing


def boot_all(
    guests: list[Guest], images: dict[str, archive.Image], settings: Settings, arguments: list[str]
) -> dict[str, list[report.Run]]:
    """Run the guests, some at a time. Return the runs of each."""
    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            results = pool.map(lambda guest: boot(guest, images[guest.kernel], settings, arguments), guests)
            return dict(zip((guest.name for guest in guests), results, strict=True))
        except BaseException:  # mainly Ctrl-C, which does not reach the threads
            pool.shutdown(wait=False, cancel_futures=True)
            for process in _running:
                os.killpg(process.pid, signal.SIGKILL)
            raise


def boot(guest: Guest, image: archive.Image, settings: Settings, arguments: list[str]) -> list[report.Run]:
    """Run one guest until it ends or its time is over. Return its runs."""
    results = settings.cache / "results" / guest.name
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    begin_s = time.monotonic()
    program = [image.python, str(HERE / "guest.py"), str(results), *arguments]
    line = command(guest, image, results, settings, program)
    console, ending = supervise(line, settings.time_limit_s * guest.times)
    (results / "console.log").write_bytes(console)
    runs = report.collect(guest.name, results, ending)
    print(f"{guest.name}: {time.monotonic() - begin_s:.0f} s", flush=True)
    return runs


def command(
    guest: Guest, image: archive.Image, results: Path, settings: Settings, program: list[str]
) -> list[str]:
    """Return virtme-ng's command line that runs a program in a guest, which may write to `results`."""
    if image.architecture:
        variables = ["KERNEL_ROOT=/", f"PROJECT={PROJECT}", "TCPCONNTOP_TEST_EMULATED=1"]
        roots = foreign.options(image, UNCACHED)
    else:
        variables, roots = [f"KERNEL_ROOT={image.root}"], [f"--rodir={UNCACHED}=/"]
    if image.headers:
        variables += [f"KERNEL_HEADERS={image.headers}", f"TCPCONNTOP_PEER={image.peer}"]
    shutil.copy(HERE / "guest.sh", results)
    inside = ["env", *variables, "sh", f"{RESULTS}/guest.sh", UNCACHED, RESULTS, str(results), *program]
    options = ["--verbose", "--force-9p", f"--cpus={GUEST_CPUS}", f"--memory={GUEST_MEMORY_MB}M"]
    options += [*roots, f"--rwdir={RESULTS}={results}"]
    options += [f"--append={argument}" for argument in (*guest.arguments, *settings.kernel_arguments)]
    if not settings.kvm:
        options.append("--disable-kvm")
    return ["vng", f"--run={image.path}", *options, "--", shlex.join(inside)]


def supervise(command: list[str], limit_s: float) -> tuple[bytes, str]:
    """Run a command, and kill it after `limit_s`. Return its output, and how it ended."""
    # A pipe, because QEMU opens its standard output again for each console of the guest: in a file they would
    # overwrite each other. A process group, to kill virtme-ng and its QEMU together.
    process = subprocess.Popen(
        command,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    _running.add(process)
    try:
        console = process.communicate(timeout=limit_s)[0]
        lines = [line for line in console.decode("utf-8", "replace").splitlines() if line and line[0] != "["]
        return console, f"it ended early: {lines[-1] if lines else 'no output'}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0], f"it hung: killed after {limit_s:.0f} s"
    except BaseException:  # Ctrl-C, in the main thread
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    finally:
        _running.discard(process)


if __name__ == "__main__":
    try:
        chosen = Settings.read(dict(os.environ))
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_USAGE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(chosen, sys.argv[1:] or ([] if chosen.full else list(QUICK))))
    except KeyboardInterrupt:
        print("interrupted: all guests were killed", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
