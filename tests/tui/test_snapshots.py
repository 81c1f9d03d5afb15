"""What the dashboard looks like, to the cell. To accept what the report shows: `--snapshot-update`."""

from __future__ import annotations

import asyncio

import pytest
from support import feed, flow, snapshot, still

from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Outcome
from tcpconntop.sources.synthetic import SCENARIO

SIZES = [(80, 24), (120, 36), (200, 60)]
DEMO = SourceInfo("db-07", "6.12.0", "", "", "synthetic", ("tcp_v6_connect is missing: IPv6 is not seen",))


FAILING = [
    *SCENARIO,
    flow(
        "\x1b[31m[red]evil[/]"[:15],
        71,
        "10.9.9.8",
        443,
        rate_hz=2,
        failure_share=1.0,
        outcome=Outcome.TIMEOUT,
    ),
    flow("日本語サー", 72, "fd00:7::24", 443, rate_hz=1, failure_share=0.7, outcome=Outcome.CANCELLED),
    flow("cafe\u0301", 73, "fd00:7::23", 443, rate_hz=1, failure_share=0.7, outcome=Outcome.ERROR),
    *(flow("scan", 74, f"10.20.0.{i}", 22, rate_hz=0.2, failure_share=0.9) for i in range(1, 20)),
]


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
    flow("checkout", PID, "fd00:7::21", 8443, median_us=9000, lost_syn_share=0.02),
    flow("curl", 4, "192.0.2.1", 443),
]


@pytest.mark.parametrize("size", SIZES)
def test_process(snap_compare, size):
    assert snap_compare(still(pid=PID), terminal_size=size, run_before=after(flows=CONNECTS))


@pytest.mark.parametrize("size", SIZES)
def test_heatmap(snap_compare, size):
    assert snap_compare(still(), terminal_size=size, run_before=after(["3"], flows=FAILING))


@pytest.mark.parametrize("size", SIZES)
def test_failures(snap_compare, size):
    assert snap_compare(still(), terminal_size=size, run_before=after(["4"], flows=FAILING))


@pytest.mark.parametrize("keys", [["down", "2"], ["3"], ["4"]])
def test_no_color(snap_compare, monkeypatch, keys):
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(keys, flows=FAILING))


def test_sixteen_colours(snap_compare, monkeypatch):
    monkeypatch.setenv("COLORTERM", "")
    monkeypatch.setenv("TERM", "xterm")
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(["3"], flows=FAILING))


@pytest.mark.parametrize("key", "1234")
def test_light(snap_compare, key):
    async def run(pilot):
        pilot.app.theme = "textual-light"
        await after([*(["down"] if key == "1" else []), key], flows=FAILING)(pilot)

    assert snap_compare(still(), terminal_size=(120, 36), run_before=run)


def test_timeline(snap_compare):
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(["2"]))


QUIET = [flow("nginx", 4, "10.2.3.4", 443), flow("checkout", 5, "10.7.0.12", 5432)]


@pytest.mark.parametrize("size", SIZES)
def test_explain(snap_compare, size):
    assert snap_compare(still(), terminal_size=size, run_before=after(["x"]))


@pytest.mark.parametrize("size", SIZES)
def test_explain_nothing(snap_compare, size):
    host = HostFacts((32768, 60999))
    assert snap_compare(still(), terminal_size=size, run_before=after(["x"], flows=QUIET, host=host))


def test_explain_before_the_first_connect(snap_compare):
    run = after(["x"], flows=[flow("a", rate_hz=0)])
    assert snap_compare(still(), terminal_size=(80, 24), run_before=run)


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
