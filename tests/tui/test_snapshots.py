"""What the dashboard looks like, to the cell. To accept what the report shows: `--snapshot-update`."""

from __future__ import annotations

import asyncio

import pytest
from support import feed, flow, snapshot, still

from tcpconntop.core.snapshot import SourceInfo
from tcpconntop.core.view import ViewSpec

SIZES = [(80, 24), (120, 36), (200, 60)]
DEMO = SourceInfo("db-07", "6.12.0", "", "", "synthetic", ("tcp_v6_connect is missing: IPv6 is not seen",))


def after(keys=(), **options):
    async def run(pilot):
        await feed(pilot, snapshot(**options))
        await pilot.press(*keys)
        await pilot.pause()
        await asyncio.sleep(0)
        await pilot.pause()

    return run


@pytest.mark.parametrize("size", SIZES)
def test_dashboard(snap_compare, size):
    assert snap_compare(still(), terminal_size=size, run_before=after(["down", "down"]))


PID = 2_147_483_000  # greater than any that a kernel gives out: /proc knows nothing of it
CONNECTS = [
    flow("checkout", PID, "10.7.0.12", 5432),
    flow("checkout", PID, "fd00:7::21", 8443, median_us=9000, lost_syn=0.02),
    flow("curl", 4, "192.0.2.1", 443),
]


@pytest.mark.parametrize("size", SIZES)
def test_process(snap_compare, size):
    assert snap_compare(still(pid=PID), terminal_size=size, run_before=after(flows=CONNECTS))


def test_timeline(snap_compare):
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(["2"]))


def test_not_live_with_notes_and_losses(snap_compare):
    assert snap_compare(
        still(), terminal_size=(120, 36), run_before=after(info=DEMO, lost=17, completeness=None)
    )


def test_help(snap_compare):
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(["question_mark"], info=DEMO))


def test_starting(snap_compare):
    assert snap_compare(still(), terminal_size=(80, 24))


def test_nothing_yet(snap_compare):
    assert snap_compare(still(), terminal_size=(80, 24), run_before=after(flows=[flow("a", rate_hz=0)]))


def test_filter_error(snap_compare):
    assert snap_compare(still(), terminal_size=(80, 24), run_before=after(["slash", *"p99>x"]))


def test_chooser(snap_compare):
    flows = [flow("nginx", pid) for pid in (11, 12, 13)]
    assert snap_compare(still(), terminal_size=(80, 24), run_before=after(["down", "enter"], flows=flows))


def test_by_process(snap_compare):
    assert snap_compare(still(ViewSpec("process")), terminal_size=(120, 36), run_before=after())
