"""The tests of one guest, in the guest: `python guest.py RESULTS [PYTEST ARGUMENT…]`.

The live tests for each combination. What comes out is written to the folder RESULTS as it comes, so that a
guest that hangs still tells how far it came.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from matrix import COMBINATIONS

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


def main(results: Path, arguments: list[str]) -> None:
    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT))
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    write(results / "boot.json", {"release": os.uname().release, "up_s": up_s})
    import tcpconntop.kernel.session  # noqa: F401 - and numpy: once for all that is forked below

    for probe, transport in COMBINATIONS:
        stem = results / f"{probe}-{transport}"
        begin_s = time.monotonic()
        live_tests(probe, transport, arguments, stem)
        write(stem.with_suffix(".json"), {"tests_s": time.monotonic() - begin_s})


def live_tests(probe: str, transport: str, arguments: list[str], stem: Path) -> None:
    """Run them; the outcome is in pytest's own report."""
    # Without the plug-ins that the live tests do not need: importing them takes half a minute here.
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
