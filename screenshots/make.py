"""Make the pictures of this folder: `python screenshots/make.py [NAME …] [--live SECONDS]`.

Pictures of a seeded scenario are the same on every machine: the records, the clock and the costs are made up.
The one of a live run needs root: the demo's workload runs on the loopback and is traced for real; it is taken
after SECONDS (65 unless told), when the window has filled. Without names, all are made.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconntop.commands.tracing import PrivilegedStart
from tcpconntop.core.types import SECOND_NS
from tcpconntop.demo.source import Demo
from tcpconntop.kernel.launch import TracerError

if TYPE_CHECKING:
    from tcpconntop.core.window.snapshot import Snapshot

FOLDER = Path(__file__).parent
SIZE = (132, 38)
LIVE = "live"


@dataclass(frozen=True)
class Picture:
    """A picture of the seeded scenario.

    Attributes:
        name: of the file, without its ending.
        keys: what is pressed before it is taken.
        mark_at: presses `m` that many seconds before.
    """

    name: str
    keys: tuple[str, ...] = ()
    mark_at: int = 0


PICTURES = (
    Picture("dashboard", ("down", "down", "down")),
    Picture("process", ("slash", *"checkout", "enter", "down", "enter")),
    Picture("timeline", ("2",)),
    Picture("heatmap", ("3",)),
    Picture("failures", ("4",)),
    Picture("explain", ("x",)),
    Picture("mark", mark_at=40),
    Picture("past", ("comma",) * 12),
)
"""Another pane is one more line: its name, and the keys that lead to it."""

NOON_NS = 12 * 3600 * SECOND_NS


def scenario(seconds: int = 300) -> list[Snapshot]:
    """Give what the engine would publish at each second of the seeded scenario."""
    from dataclasses import replace

    from tcpconntop.core.window.rolling import RollingWindow
    from tcpconntop.core.window.snapshot import Cost, Snapshot, SourceInfo
    from tcpconntop.sources.synthetic import Synthetic

    now_ns = NOON_NS
    source, window = Synthetic(seed=1, clock_ns=lambda: now_ns), RollingWindow(60)
    info = SourceInfo("db-07", "6.12.0", "fentry", "ring", "live")
    snapshots = []
    for _ in range(seconds):
        now_ns += 999_000_000
        window.ingest(source.read(0), now_ns)
        now_ns += 1_000_000
        ledger = replace(source.ledger(), completeness=1.0)
        span_s, cost, units = window.span_s(NOON_NS, now_ns), Cost(0.012, 61_000_000), source.units()
        snapshots.append(
            Snapshot(info, ledger, window.state(), 60, span_s, now_ns, 0, units, cost, began_ns=NOON_NS)
        )
    return snapshots


async def draw(picture: Picture, snapshots: Sequence[Snapshot]) -> None:
    """Let the dashboard draw one picture, without a terminal."""
    from tcpconntop.kernel.process import ProcessInfo
    from tcpconntop.sources.base import Source
    from tcpconntop.tui.app import Dashboard
    from tcpconntop.tui.messages import SnapshotReady, SourceOpened

    def never() -> Source:
        time.sleep(1e6)
        raise AssertionError

    life = ProcessInfo(2310, "checkout", "shop", "/usr/bin/checkout --port 8080 --workers 4", 2 * 3600, 1)
    app = Dashboard(never, read_process_info=lambda _: life)
    async with app.run_test(size=SIZE) as pilot:
        for snapshot in (snapshots[-1 - picture.mark_at], snapshots[-1]):
            app.post_message(SourceOpened(snapshot.info))
            app.post_message(SnapshotReady(snapshot))
            await pilot.pause()
            if picture.mark_at and snapshot is not snapshots[-1]:
                await pilot.press("m")
        for key in picture.keys:
            await pilot.press(key)
        for _ in range(3):
            await pilot.pause()
        app.save_screenshot(f"{picture.name}.svg", str(FOLDER))


async def shoot(demo: Demo, seconds: float) -> None:
    """Run the dashboard over the demo's workload and take a picture."""
    from tcpconntop.tui.app import Dashboard  # starts threads: only after privileges are gone

    os.environ["COLORTERM"] = "truecolor"  # the picture has colours, whatever the terminal has
    os.environ.pop("NO_COLOR", None)
    app = Dashboard(demo.open_source, cancel=demo.cancel)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(seconds)
        app.save_screenshot(f"{LIVE}.svg", str(FOLDER))
        await pilot.press("q")


def live(seconds: float) -> int:
    """Make the picture of a live run."""
    with PrivilegedStart() as privileged, Demo(privileged.loader_or_error) as demo:
        if isinstance(privileged.loader_or_error, TracerError):
            print(f"a picture of live data cannot be made: {privileged.loader_or_error}", file=sys.stderr)
            return privileged.loader_or_error.exit_code
        asyncio.run(shoot(demo, seconds))
    return 0


def main() -> int:
    """Make the pictures that are asked for."""
    names = [picture.name for picture in PICTURES] + [LIVE]
    parser = argparse.ArgumentParser(description="Make the pictures of this folder.")
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="NAME", help=", ".join(names))
    parser.add_argument("--live", type=float, default=65.0, metavar="SECONDS")
    args = parser.parse_args()
    wanted = args.names or names
    os.environ.update(TZ="UTC", COLORTERM="truecolor")
    time.tzset()
    # The live one comes first: it gives up privileges, which wants a process without threads.
    code = live(args.live) if LIVE in wanted else 0
    pictures = [picture for picture in PICTURES if picture.name in wanted]
    if pictures:
        snapshots = scenario()
        for picture in pictures:
            asyncio.run(draw(picture, snapshots))
            print(f"{picture.name}.svg")
    return code


if __name__ == "__main__":
    sys.exit(main())
