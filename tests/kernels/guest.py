"""Run the live tests inside a guest: `python guest.py RESULTS [PYTEST ARGUMENT…]`.

They run for each probe set and transport of the guest that RESULTS is named after. Each result is written to
the folder RESULTS at once, so that a guest that hangs still shows how far it got.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from matrix import combinations

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


def main(results: Path, arguments: list[str]) -> None:
    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT))
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    write(results / "boot.json", {"release": os.uname().release, "up_s": up_s})
    import tcpconntop.kernel.session  # noqa: F401 - imports numpy too, once for all forks below

    for probe, transport in combinations(results.name):
        stem = results / f"{probe}-{transport}"
        begin_s = time.monotonic()
        live_tests(probe, transport, arguments, stem)
        write(stem.with_suffix(".json"), {"tests_s": time.monotonic() - begin_s})


def live_tests(probe: str, transport: str, arguments: list[str], stem: Path) -> None:
    """Run them in a child process; the results are in pytest's own report."""
    # Only the plug-ins that the live tests need: importing the others takes half a minute in emulation.
    options = ["-q", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", f"--junit-xml={stem}.xml"]
    if child := os.fork():
        os.waitpid(child, 0)
        return
    os.environ |= {
        "TCPCONNTOP_TEST_PROBE": probe,
        "TCPCONNTOP_TEST_TRANSPORT": transport,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    log = os.open(stem.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for output in (1, 2):
        os.dup2(log, output)
    sys.exit(pytest.main(["tests/live", *options, *arguments]))


def write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
