"""Make the picture of this folder from a live run: `python screenshots/make.py [SECONDS]`, as root.

The demo's workload runs on the loopback and is traced for real; the dashboard is drawn without a terminal
and exported after SECONDS (65 unless told), when its window has filled.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tcpconntop.commands.tracing import Privileged
from tcpconntop.demo.source import Demo
from tcpconntop.kernel.launch import TracerError

FOLDER = Path(__file__).parent
SIZE = (132, 38)


async def shoot(demo: Demo, seconds: float) -> None:
    """Run the dashboard and export it."""
    from tcpconntop.tui.app import Dashboard  # starts threads: only after privileges are gone

    os.environ["COLORTERM"] = "truecolor"  # the picture has colours, whatever the terminal has
    os.environ.pop("NO_COLOR", None)
    app = Dashboard(demo.open_source, cancel=demo.cancel)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(seconds)
        app.save_screenshot("dashboard.svg", str(FOLDER))
        await pilot.press("q")


def main(seconds: float) -> int:
    """Make the picture."""
    with Privileged() as privileged, Demo(privileged.loader_or_refusal) as demo:
        if isinstance(privileged.loader_or_refusal, TracerError):
            print(f"a picture of live data cannot be made: {privileged.loader_or_refusal}", file=sys.stderr)
            return privileged.loader_or_refusal.exit_code
        asyncio.run(shoot(demo, seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 65.0))
