"""Make the screenshots in this folder: `python screenshots/make.py [NAME …] [--live SECONDS --filter EXPR]`.

Without names, all are made. The screenshots of the seeded scenario are the same on every machine: records,
clock and costs are synthetic. The screenshot `live` needs root: it traces the demo's real workload on the
loopback. It is taken after SECONDS (default 65), when the window is full. Where other programs connect too, a
network namespace of its own and a filter keep them out of it:

    ip netns add demo && ip -n demo link set lo up
    nsenter --net=/run/netns/demo python screenshots/make.py live --filter netns=demo
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconntop.commands.tracing import PrivilegedStart
from tcpconntop.core.types import SECOND_NS
from tcpconntop.demo.source import Demo
from tcpconntop.demo.workload import CLOSED, LISTENERS
from tcpconntop.kernel.launch import TracerError
from tcpconntop.kernel.request import TraceRequest

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

    from tcpconntop.core.window.snapshot import Snapshot
    from tcpconntop.sources.synthetic import Flow
    from tcpconntop.tui.app import Dashboard

FOLDER = Path(__file__).parent
SIZE, LIVE_SIZE = (132, 38), (132, 27)
LIVE = "live"


SECONDS = 300
"""Length of the seeded scenario."""


@dataclass(frozen=True)
class Screenshot:
    """A screenshot of the seeded scenario.

    Attributes:
        name: name of the file, without its extension.
        keys: keys to press before the screenshot.
        size: of the terminal, columns and lines.
        flows_at: returns what happens in a second; None for the same in each.
    """

    name: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = SIZE
    flows_at: Callable[[int], Sequence[Flow]] | None = None


def deployment(second: int) -> Sequence[Flow]:
    """Return what happens in a second: a minute before the end a database gets slow, one host for another."""
    from dataclasses import replace

    from tcpconntop.sources.synthetic import SCENARIO

    is_after = second >= SECONDS - 58
    found = []
    for flow in SCENARIO:
        if flow.daddr == "10.7.0.12" and is_after:
            found.append(replace(flow, median_us=9_600))
        elif flow.daddr == ("10.9.1.1" if is_after else "fd00:7::22"):
            found.append(replace(flow, rate_hz=0))
        else:
            found.append(flow)
    return found


def outage(second: int) -> Sequence[Flow]:
    """Return what happens in a second: two minutes before the end, databases lose SYNs for 30 s."""
    from dataclasses import replace

    from tcpconntop.sources.synthetic import SCENARIO

    share = 0.15 if SECONDS - 120 <= second < SECONDS - 90 else 0.0
    return [replace(flow, lost_syn_share=share) if flow.dport == 5432 else flow for flow in SCENARIO]


SCREENSHOTS = (
    Screenshot("dashboard", ("down",) * 4),
    Screenshot("process", ("slash", *"checkout", "enter", "home", "enter")),
    Screenshot("timeline", ("2",)),
    Screenshot("heatmap", ("3",)),
    Screenshot("failures", ("4",)),
    Screenshot("explain", ("x",)),
    Screenshot("mark", ("M",), flows_at=deployment),
    Screenshot("past", ("B", "3"), flows_at=outage),
    Screenshot("big", size=(200, 56)),
)
"""To add one, add a line: its name, and the keys that lead to it."""

NOON_NS = 12 * 3600 * SECOND_NS + 700_000_000
"""When the scenario begins: as usual, a snapshot is not taken at the very beginning of a second."""


def scenario(
    seconds: int = SECONDS, flows_at: Callable[[int], Sequence[Flow]] | None = None
) -> list[Snapshot]:
    """Return the snapshots that the engine would publish, one per second of the seeded scenario.

    Args:
        seconds: how many.
        flows_at: returns what happens in a second; None for the same in each.
    """
    from dataclasses import replace

    from tcpconntop.core.window.rolling import RollingWindow
    from tcpconntop.core.window.snapshot import Cost, Snapshot, SourceInfo
    from tcpconntop.sources.synthetic import Synthetic

    now_ns = NOON_NS
    source, window = Synthetic(seed=1, clock_ns=lambda: now_ns), RollingWindow(60)
    info = SourceInfo("db-07", "6.12.0", "fentry", "ring", "live")
    snapshots = []
    for second in range(seconds):
        if flows_at:
            source.change(flows_at(second))
        now_ns += 999_000_000
        window.ingest(source.read(0), now_ns)
        now_ns += 1_000_000
        ledger = replace(source.ledger(), completeness=1.0)
        span_s, cost, units = window.span_s(NOON_NS, now_ns), Cost(0.012, 61_000_000), source.units()
        snapshots.append(
            Snapshot(info, ledger, window.state(), 60, span_s, now_ns, 0, units, cost, began_ns=NOON_NS)
        )
    return snapshots


def save(name: str, app: App[Any]) -> None:
    """Write what is on the screen of an app."""
    from tcpconntop.tui.export import screen_svg

    (FOLDER / f"{name}.svg").write_text(screen_svg(app), encoding="utf-8")


def dashboard() -> Dashboard:
    """Return a dashboard to which `show` sends what it shows."""
    from tcpconntop.kernel.process import ProcessInfo
    from tcpconntop.sources.base import Source
    from tcpconntop.tui.app import Dashboard

    def open_nothing() -> Source:  # the snapshots are posted; no source is needed
        time.sleep(1e6)
        raise AssertionError

    process = ProcessInfo(2310, "checkout", "shop", "/usr/bin/checkout --port 8080 --workers 4", 2 * 3600, 1)
    return Dashboard(open_nothing, read_process_info=lambda _: process)


async def show(pilot: Pilot[Any], snapshot: Snapshot) -> None:
    """Send a snapshot to a dashboard, as its engine would."""
    from tcpconntop.tui.messages import SnapshotReady, SourceOpened

    pilot.app.post_message(SourceOpened(snapshot.info))
    pilot.app.post_message(SnapshotReady(snapshot))
    await pilot.pause()


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until what the last keys have changed is painted."""
    for _ in range(3):
        await pilot.pause()


async def save_screenshot(screenshot: Screenshot, snapshots: Sequence[Snapshot]) -> None:
    """Run the dashboard without a terminal and save one screenshot."""
    app = dashboard()
    async with app.run_test(size=screenshot.size) as pilot:
        await show(pilot, snapshots[-1])
        for key in screenshot.keys:
            await pilot.press(key)
        await settle(pilot)
        save(screenshot.name, app)


async def save_live_screenshot(demo: Demo, seconds: float, where: str) -> None:
    """Run the dashboard with the demo's workload and save the screenshot `live` of what matches a filter."""
    from tcpconntop.core.view.filter import parse_filter
    from tcpconntop.core.view.spec import ViewSpec
    from tcpconntop.tui.app import Dashboard  # starts threads: only after privileges are dropped

    os.environ["COLORTERM"] = "truecolor"  # colours in the screenshot do not depend on the terminal
    os.environ.pop("NO_COLOR", None)
    app = Dashboard(demo.open_source, ViewSpec(where=parse_filter(where)), cancel=demo.cancel)
    async with app.run_test(size=LIVE_SIZE) as pilot:
        await pilot.pause(seconds)
        await pilot.press("3")
        await pilot.pause(1.5)  # the heatmap, and one more second on it
        save(LIVE, app)
        await pilot.press("q")


def is_free(address: str, port: int) -> bool:
    """True if nobody listens at an address of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def live(seconds: float, where: str) -> int:
    """Trace the demo's workload and save the screenshot `live`; return the exit code."""
    if not all(is_free(*where) for where in (*LISTENERS.values(), CLOSED)):
        print("no live screenshot: another demo runs here, and would be in it", file=sys.stderr)
        return 1
    with PrivilegedStart(lambda: [FOLDER]) as privileged:
        if isinstance(privileged.loader_or_error, TracerError):
            print(f"cannot make the live screenshot: {privileged.loader_or_error}", file=sys.stderr)
            return privileged.loader_or_error.exit_code
        request = TraceRequest()
        privileged.begin(request)
        with Demo(privileged.loader_or_error, request) as demo:
            asyncio.run(save_live_screenshot(demo, seconds, where))
    return 0


def main() -> int:
    """Make the named screenshots; return the exit code."""
    names = [screenshot.name for screenshot in SCREENSHOTS] + [LIVE]
    parser = argparse.ArgumentParser(description="Make the screenshots in this folder.")
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="NAME", help=", ".join(names))
    parser.add_argument(
        "--live", type=float, default=65.0, metavar="SECONDS", help="length of the live run (default 65)"
    )
    parser.add_argument(
        "--filter", default="", metavar="EXPR", help="the rows of the live run that are shown"
    )
    args = parser.parse_args()
    chosen = args.names or names
    os.environ.update(TZ="UTC", COLORTERM="truecolor")
    time.tzset()
    # First the live one: it drops privileges, and a process can do that safely only before it has threads.
    code = live(args.live, args.filter) if LIVE in chosen else 0
    screenshots = [screenshot for screenshot in SCREENSHOTS if screenshot.name in chosen]
    if screenshots:
        snapshots = scenario()
        for screenshot in screenshots:
            shown = scenario(flows_at=screenshot.flows_at) if screenshot.flows_at else snapshots
            asyncio.run(save_screenshot(screenshot, shown))
            print(f"{screenshot.name}.svg")
    return code


if __name__ == "__main__":
    sys.exit(main())
