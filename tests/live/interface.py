"""A small user interface process: opens a session like the program, and reports its steps on stdout."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from tcpconntop.kernel import privileges
from tcpconntop.kernel.launch import spawn_loader


def report(**values: object) -> None:
    print(json.dumps(values), flush=True)


def capabilities() -> list[str]:
    """Return CapEff of every thread of this process."""
    lines = [line for task in Path("/proc/self/task").iterdir() for line in (task / "status").open()]
    return [line.split()[1] for line in lines if line.startswith("CapEff")]


def preload() -> None:
    """Import first, without threads, for a user who may not read the Python that runs the tests."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import tcpconntop.kernel.session

    privileges._can_import = lambda uid, gid: bool(tcpconntop)


def main() -> None:
    if os.environ.get("PRELOAD"):
        preload()
    loader = spawn_loader()
    privileges.drop_privileges()
    report(step="spawned", loader=loader.process.pid)

    import way

    from tcpconntop.kernel.session import open_session

    report(step="opening")
    # The test finds the maps of this process by the process ID in the filter.
    session = open_session(loader, way.request(pids=(os.getpid(),)))
    worker = threading.Thread(target=lambda: [session.read(0.05) for _ in range(1 << 20)], daemon=True)
    worker.start()
    report(
        step="open",
        capabilities=capabilities(),
        uid=os.getresuid(),
        gid=os.getresgid(),
        groups=os.getgroups(),
        transport=session.transport,
        pages=int(Path("/proc/self/statm").read_text().split()[1]),
    )
    time.sleep(60)


if __name__ == "__main__":
    sys.exit(main())
