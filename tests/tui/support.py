"""What the tests of the dashboard share: a clock that stands still, and sources that do as they are told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from textual.pilot import Pilot

from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Cost, Snapshot, SourceInfo
from tcpconntop.kernel.process import ProcessInfo
from tcpconntop.sources.base import Source
from tcpconntop.sources.synthetic import SCENARIO, Flow, Synthetic
from tcpconntop.tui.app import Dashboard
from tcpconntop.tui.messages import SnapshotReady, SourceOpened

BEGAN_NS = 36_000_000_000_000
INFO = SourceInfo("db-07", "6.12.0", "fentry", "ring", "live")


class Clock:
    """A clock that goes on only when it is told to."""

    def __init__(self, now_ns: int = BEGAN_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Steady(Synthetic):
    """Synthetic records of the time that the clock was moved; `closed` says whether somebody closed it."""

    def __init__(self, clock: Clock, flows: Sequence[Flow] = SCENARIO, info: SourceInfo = INFO) -> None:
        super().__init__(flows, seed=7, clock_ns=clock)
        self.info = info
        self.closed = threading.Event()

    def close(self) -> None:
        super().close()
        self.closed.set()


def snapshot(
    seconds: int = 60,
    flows: Sequence[Flow] = SCENARIO,
    info: SourceInfo = INFO,
    window_s: float | None = 60,
    completeness: float | None = 1.0,
    lost: int = 0,
    host: HostFacts | None = None,
) -> Snapshot:
    """Return what the engine would publish after some seconds, with costs that never change."""
    seen = ingested(seconds, tuple(flows), window_s)
    ledger = replace(seen.ledger, completeness=completeness, lost_records=lost)
    return replace(seen, info=info, ledger=ledger, host=host)


@cache
def ingested(seconds: int, flows: Sequence[Flow], window_s: float | None) -> Snapshot:
    """Return a snapshot of some seconds of traffic: the part that takes long is made once."""
    clock = Clock()
    source, window = Steady(clock, flows), RollingWindow(window_s)
    for _ in range(seconds):
        clock.now_ns += 999_000_000
        window.ingest(source.read(0), clock.now_ns)
        clock.now_ns += 1_000_000
    span_s = window.span_s(BEGAN_NS, clock.now_ns)
    cost = Cost(0.012, 61_000_000)
    ledger, state = source.ledger(), window.state()
    return Snapshot(INFO, ledger, state, window_s, span_s, clock.now_ns, 0, cost=cost, began_ns=BEGAN_NS)


def never() -> Source:
    """Open no source, ever: for tests that bring their own snapshots."""
    threading.Event().wait()
    raise AssertionError


LIFE = ProcessInfo(7, "checkout", "shop", "/usr/bin/checkout --port 8080", 36_000 - 7_500, 1)


def still(spec: ViewSpec | None = None, pid: int | None = None, life: ProcessInfo | None = LIFE) -> Dashboard:
    """Return a dashboard whose tracer never starts, on a machine where every process has the same life."""
    return Dashboard(never, spec, pid=pid, read_process_info=lambda _: life, ask=lambda _: "")


async def until(pilot: Pilot[str], condition: Callable[[], object]) -> None:
    """Wait until a condition holds: at once, unless the machine is very busy."""
    for _ in range(4_000):
        if condition():
            await pilot.pause(0)
            return
        await asyncio.sleep(0.01)  # a pause of the pilot asks each widget whether it is idle
    raise AssertionError("the condition never held")


async def feed(pilot: Pilot[str], shown: Snapshot) -> None:
    """Hand a snapshot to the app, as its worker does."""
    pilot.app.post_message(SourceOpened(shown.info))
    pilot.app.post_message(SnapshotReady(shown))
    await pilot.pause()
    await pilot.pause()


def flow(comm: str, pid: int = 100, daddr: str = "10.0.0.1", dport: int = 80, **more: object) -> Flow:
    """Return a small flow."""
    return Flow(comm, pid, daddr, dport, **{"rate_hz": 20, "median_us": 300, **more})  # type: ignore[arg-type]


def text_of(widget: object) -> list[str]:
    """Return the text of the lines of a widget as they are on the screen."""
    return [widget.render_line(y).text for y in range(widget.size.height)]  # type: ignore[attr-defined]


def notes(app: Dashboard) -> list[str]:
    """Return the notifications that are on the screen."""
    return [str(toast.render()) for toast in app.screen.query("Toast")]


__all__ = [
    "BEGAN_NS",
    "INFO",
    "Clock",
    "Steady",
    "feed",
    "flow",
    "notes",
    "np",
    "snapshot",
    "still",
    "text_of",
    "until",
]


class Running:
    """A dashboard with some seconds of data: `options` are those of `snapshot`."""

    def __init__(self, seconds=5, size=(120, 36), pid=None, **options):
        self.app, self.size = still(pid=pid), size
        self.shown = snapshot(seconds, **options)

    async def __aenter__(self):
        self._test = self.app.run_test(size=self.size, notifications=True)
        self.pilot = await self._test.__aenter__()
        await feed(self.pilot, self.shown)
        return self

    async def __aexit__(self, *error):
        await self._test.__aexit__(*error)

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def screen(self):
        return self.app.screen

    def header(self):
        return str(self.screen.header.render())
